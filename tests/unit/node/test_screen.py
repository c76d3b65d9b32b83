"""A stranger's text on a real terminal emulator: the cursor is where we think, and nothing of the terminal changed."""

import unicodedata

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.node.wrapping import MAX_ROWS, rows_behind

PREFIX = "Stranger: "
ABOVE = "* our own line"

ATTACKS = (
    "\x1b]0;owned\x07",
    "\x1b]2;owned\x1b\\",
    "\x9d0;owned\x9c",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b10A",
    "\x1b[31;5m",
    "\x1b[?1049h",
    "\x1b[?25l",
    "\x1b[1;1r",
    "\x1b[4h",
    "\x1b[6n",
    "\x1bc",
    "\x1bM",
    "\x1b(0",
    "\x0e",
    "\x07",
    "\x08" * 30,
    "\r* Stranger left.",
    "\n* Stranger left.",
    "\u2028* Stranger left.",
    "\v\f\x85",
    "\x1bP+q544e\x1b\\",
    "\u202eevil\u2066",
    "\u0301" * 300,
    "e" + "\u0334" * 300,
    "👩\u200d" * 60,
    "日" * 90,
    "☎\ufe0f" * 90,
    "ก็็็็็็็็็็็็็็็็็็็็",
    "\u3164" * 90,
    " " * 200,
)
hostile = st.lists(
    st.sampled_from(ATTACKS)
    | st.text(st.characters(codec=None), max_size=40)
    | st.text("ab 日\u0301\u200d🏽", max_size=90),
    max_size=12,
).map("".join)


class Terminal:
    """An emulated terminal that shows one line of ours, and then whatever is printed."""

    def __init__(self, columns: int) -> None:
        self.screen = pyte.Screen(columns, MAX_ROWS + 10)
        self._stream = pyte.Stream(self.screen)
        self.print([ABOVE[:columns]])
        self.untouched = self.settings()

    def print(self, rows: list[str]) -> None:
        for row in rows:
            self._stream.feed(f"{row}\r\n")

    def settings(self) -> tuple[object, ...]:
        screen = self.screen
        return (
            screen.title,
            screen.icon_name,
            frozenset(screen.mode),
            screen.margins,
            screen.cursor.attrs,
            screen.cursor.hidden,
            screen.cursor.x,
            screen.buffer[0][0].data,
        )


@given(hostile, st.integers(10, 100))
@example("Stranger: " * 9, 10)
@example("e\u0301" * 90, 10)
def test_hostile_text_leaves_the_terminal_as_it_was(text: str, columns: int) -> None:
    terminal = Terminal(columns)
    rows = rows_behind(PREFIX, text, columns)
    terminal.print(rows)
    assert terminal.settings() == terminal.untouched
    assert terminal.screen.cursor.y == 1 + len(rows)
    for line, row in enumerate(terminal.screen.display[2 : 1 + len(rows)], start=2):
        assert row.startswith(" "), f"the stranger's text stands at the left edge of row {line}"


@given(hostile, st.integers(10, 100))
def test_no_control_byte_and_no_reordering_reaches_the_terminal(text: str, columns: int) -> None:
    for char in "".join(rows_behind(PREFIX, text, columns)):
        assert unicodedata.category(char) not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize("attack", ["\x1b]0;owned\x07", "\x1b[31;5m", "\x1b[?25l", "\x1b[4h", "\x1b[3;9r"])
def test_the_same_terminal_obeys_what_is_not_cleaned(attack: str) -> None:
    terminal = Terminal(40)
    terminal.print([PREFIX + attack])
    assert terminal.settings() != terminal.untouched


@pytest.mark.parametrize("attack", ["\n* Stranger left.", "x" * 90, "日" * 40, "\x1b[H"])
def test_the_same_terminal_loses_its_place_without_wrapping(attack: str) -> None:
    terminal = Terminal(40)
    terminal.print([PREFIX + attack])
    assert terminal.screen.cursor.y != 2 or terminal.screen.display[1][0] != "S"
