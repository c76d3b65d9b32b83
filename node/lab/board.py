"""What a lab shows while it runs: a live table on a terminal, lines everywhere else; a shell.

UI rules of this file:
- On a pipe a line is written when something changed, never because time passed.
- The table fits the terminal: what has no place is left out from below, the summary never is.
"""

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from passerby.node.lab.summary import counted

REST: Final = 9  # lines of the terminal that are not seeds: head, news, people, and one to spare
NEWS: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One seed, as it is shown; `guests` are lobby streams."""

    number: int
    state: str
    neighbours: int
    guests: int
    rooms: int
    connections: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is shown at a moment, `seconds` after the start."""

    seconds: float
    seeds: Sequence[Row]
    people: int
    searching: int
    chatting: int
    round: int
    matches: int


class Lines:
    """News, a line each."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out

    def tell(self, seconds: float, news: str) -> None:
        """Write what happened."""
        self._out.write(f"{seconds:6.1f} s  {news}\n")
        self._out.flush()

    def show(self) -> None:
        """Do nothing: that time passes is no news."""


class Screen:
    """The live table, with the latest news below."""

    def __init__(self, console: Console, live: Live, picture: Callable[[], Picture]) -> None:
        """Show `picture` through `live`."""
        self._console = console
        self._live = live
        self._picture = picture
        self._news: list[str] = []

    def tell(self, seconds: float, news: str) -> None:
        """Show what happened."""
        self._news = [*self._news, f"{seconds:6.1f} s  {news}"][-NEWS:]
        self.show()

    def show(self) -> None:
        """Draw the picture of this moment."""
        self._live.update(_drawn(self._picture(), self._news, self._console.height), refresh=True)


Board = Lines | Screen


@contextmanager
def board(picture: Callable[[], Picture], *, as_json: bool) -> Generator[Board]:
    """Give what suits the terminal; with `as_json` stdout is left to the one object, and lines go to stderr."""
    if as_json or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(sys.stderr if as_json else sys.stdout)
        return
    console = Console()
    with Live(console=console, auto_refresh=False, vertical_overflow="crop", transient=True) as live:
        yield Screen(console, live, picture)


def _drawn(picture: Picture, news: Sequence[str], height: int) -> Group:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("seed", "neighbours", "guests", "rooms", "connections"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    room = max(1, height - REST)
    busiest = sorted(picture.seeds, key=lambda row: (-row.guests, row.number))[:room]
    for row in busiest:
        figures = (row.number, row.neighbours, row.guests, row.rooms, row.connections)
        table.add_row(*map(str, figures), row.state, style="dim" if not row.connections else "")
    hidden = len(picture.seeds) - len(busiest)
    people = (
        f"{picture.people} people: {picture.searching} search, {picture.chatting} chat, "
        f"matches so far: {picture.matches}"
    )
    head = f"{picture.seconds:6.1f} s  round {picture.round}" + (f", {counted(hidden, 'seed')} more" if hidden else "")
    return Group(table, Text(head), Text(people), *(Text(line, style="dim") for line in news))
