"""What people read about each event: who speaks, and what. Pure; shared by plain.py and terminal.py (product.md 3).

UI rules of this file:
- Who speaks is told by text at the start of the row: `You:`, `Stranger:`, `*` for us.
- A sentence is said once; only a different one is news. Figures that tick (seconds to the next try, or until anybody
  will do) are not news.
- That we look, and how far, is said once a search; between its other states "looking" goes without saying.
"""

from dataclasses import replace
from typing import Final

from passerby.node.console import sentences
from passerby.node.console.commands import GAP
from passerby.node.events import (
    Delivered,
    Ended,
    Event,
    Finished,
    Matched,
    MessageReceived,
    MessageSent,
    State,
    StateChanged,
    StrangerTyping,
    Warned,
)
from passerby.node.text import clean
from passerby.node.wrapping import rows_behind

YOU: Final = "You: "
STRANGER: Final = "Stranger: "
OURS: Final = "* "
BELOW: Final = "    "  # where the right one of two columns goes that do not stand side by side
WIDE_ENOUGH_FOR_TWO: Final = 60
NARROWEST_SCREEN: Final = 4  # rows_behind needs as much; a terminal that does not know its size claims 0

_NOT_SEARCHING: Final = (State.STARTING, State.STOPPED, State.MATCHED)

Line = tuple[str, str]  # one of the three prefixes and the text behind it


class Transcript:
    """Events in, lines to be shown out."""

    def __init__(self) -> None:
        self._said: list[Line] = []
        self._search: StateChanged | None = None  # the last state of the search that is on

    def lines(self, event: Event, undelivered: int) -> list[Line]:
        """The news in `event`; `undelivered` of our messages were not confirmed when it came."""
        if not isinstance(event, StateChanged):
            self._search = None if isinstance(event, Matched) else self._search
            return _lines(event, undelivered)
        before, self._search = self._search, None if event.state in _NOT_SEARCHING else event
        if before is None or self._search is None:
            return self._news(event, _lines(event, undelivered))
        fallen = sentences.has_fallen_back(before, event)
        return [*([(OURS, sentences.of_fallback(before))] if fallen else []), *self._further(event)]

    def _further(self, event: StateChanged) -> list[Line]:
        """The news in a further state of a search."""
        if event.state is State.SEARCHING:
            return []
        return self._news(event, [(OURS, sentences.of_state(event, is_scope_known=True))])

    def _news(self, event: StateChanged, lines: list[Line]) -> list[Line]:
        said, self._said = self._said, _lines(replace(event, retry=None, fallback=None), 0)
        return [] if said == self._said else lines


def _lines(event: Event, undelivered: int) -> list[Line]:
    match event:
        case StateChanged(state=State.MATCHED) | Delivered() | StrangerTyping() | Finished():
            return []  # the first is said better by Matched, the others by the bottom line if there is one
        case StateChanged():
            return [(OURS, sentences.of_state(event))]
        case Matched():
            return [(OURS, sentences.of_match(event))]
        case MessageReceived(text=text):
            return [(STRANGER, text)]
        case MessageSent(text=text):
            return [(YOU, text)]
        case Ended():
            return [(OURS, sentences.of_end(event, undelivered))]
        case Warned(text=text):
            return [(OURS, line) for line in text.split("\n")]
        case _:  # Failed
            return [(OURS, sentences.of_failure(event))]


def rows(line: Line, columns: int | None) -> list[str]:
    """`line` in rows for a screen of `columns`, or unbroken for a pipe (None); the list of `/help` has two columns."""
    prefix, text = line
    if columns is None:
        return [prefix + clean(text)]
    left, gap, right = text.partition(GAP)
    if prefix == OURS and gap and columns < WIDE_ENOUGH_FOR_TWO:
        return [*_rows(prefix, left, columns), *_rows(BELOW, right.lstrip(), columns)]
    return _rows(prefix, text, columns)


def _rows(prefix: str, text: str, columns: int) -> list[str]:
    return rows_behind(prefix, text, max(columns, NARROWEST_SCREEN))
