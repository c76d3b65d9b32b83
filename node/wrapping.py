"""Messages in rows: nothing a stranger sends ever starts a row of our screen (product.md 3, security.md 3.5).

Widths are counted at their worst. Terminals disagree about joined emoji, spacing marks and variation selectors, and a
row that is one cell too wide makes the terminal break it, which puts the stranger's text at the left edge, where only
our own words may stand. A row that is counted too wide merely ends early. For the same reason the last column stays
free: some terminals go to the next row as soon as it is filled. (A terminal told to draw ambiguous characters wide
knows more than we do; East Asian ambiguous characters count as one cell.)
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wcwidth import wcwidth

from passerby.node.text import clean

MAX_ROWS: Final = 40  # of one message: 2 000 wide characters would fill a screen twice (security.md 3.5)
NARROWEST: Final = 8  # cells for text; with fewer behind its prefix, the prefix gets a row of its own
NARROWEST_PAPER: Final = 20  # columns that are filled outside the chat; on fewer the terminal breaks the rows
CUT: Final = "[… cut]"
_CUT_NARROW: Final = "…"

_MARGIN: Final = re.compile(r" {0,8}(?:- )?")
_ZWJ: Final = "\u200d"
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_EMOJI_SELECTOR: Final = "\ufe0f"
_DRAWN_UPON: Final = frozenset({"Mn", "Me", "Cf"})  # categories of what takes no cell; of Cf only joiners are left
_HANGING: Final = _DRAWN_UPON | {"Mc"}  # spacing marks hang on their letter too, and take a cell in some terminals
_SKIN_TONES: Final = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
_REGIONAL: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))


# ---- what hangs together ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What is drawn as one and is not to be torn apart; `width` in cells, at its worst."""

    text: str
    width: int

    @property
    def is_space(self) -> bool:
        return self.text.isspace()

    @property
    def is_wide(self) -> bool:
        return self.width > 1


def _cells(char: str) -> int:
    """Cells of one code point of cleaned text in the most generous terminal."""
    if char == _EMOJI_SELECTOR:
        return 1  # it makes the symbol before it a picture, twice as wide
    if unicodedata.category(char) in _DRAWN_UPON:
        return 0
    return max(1, wcwidth(char))


def _extends(cluster: str, char: str) -> bool:
    """Whether `char` hangs on the `cluster` before it: UAX 29, as far as cleaned text can show the difference."""
    if cluster[-1] == _ZWJ or wcwidth(char) == 0 or unicodedata.category(char) in _HANGING:
        return True
    if char in _SKIN_TONES:
        return not cluster.isspace()
    return cluster in _REGIONAL and char in _REGIONAL


def _clusters(text: str) -> Iterator[_Cluster]:
    cluster = ""
    for char in text:
        if cluster and not _extends(cluster, char):
            yield _Cluster(cluster, sum(map(_cells, cluster)))
            cluster = ""
        cluster += char
    if cluster:
        yield _Cluster(cluster, sum(map(_cells, cluster)))


def _pieces(text: str) -> Iterator[list[_Cluster]]:
    """Words, single spaces and single wide clusters (Chinese has no spaces): a row may end between any two of them."""
    word: list[_Cluster] = []
    for cluster in _clusters(text):
        binds = cluster.text == _NO_BREAK and word and not word[-1].is_space  # one, not a run: that would be blank rows
        if binds or not (cluster.is_space or cluster.is_wide):
            word.append(cluster)
            continue
        if word:
            yield word
            word = []
        yield [cluster]
    if word:
        yield word


# ---- rows ---------------------------------------------------------------------------------------------------------


class _Page:
    """Rows of at most `room` cells, filled from the left; `tears`: a word that no row has room for is torn."""

    def __init__(self, room: int, *, tears: bool = True) -> None:
        self.room = room
        self._tears = tears
        self.rows: list[str] = []
        self._row = ""
        self._left = room

    def add(self, piece: list[_Cluster]) -> None:
        width = sum(cluster.width for cluster in piece)
        if width > self._left and self._row:
            self.end_row()
        if piece[0].is_space and self.rows and not self._row:
            return  # the end of the row stands for it
        if width <= self._left or not self._tears:
            self._put("".join(cluster.text for cluster in piece), width)
        else:
            self._add_torn(piece)

    def _add_torn(self, piece: list[_Cluster]) -> None:
        """A word too long for any row ends rows between its clusters; a cluster too long, between its code points."""
        for cluster in piece:
            parts = [cluster] if cluster.width <= self.room else [_Cluster(char, _cells(char)) for char in cluster.text]
            for part in parts:
                if part.width > self._left:
                    self.end_row()
                self._put(part.text, part.width)

    def _put(self, text: str, width: int) -> None:
        self._row += text
        self._left -= width

    def end_row(self) -> None:
        self.rows.append(self._row.rstrip())
        self._row = ""
        self._left = self.room

    def finish(self) -> list[str]:
        if self._row or not self.rows:
            self.end_row()
        return self.rows


def wrap(text: str, columns: int, prefix_width: int, max_rows: int = MAX_ROWS) -> list[str]:
    """`text`, cleaned once more, in rows to be put behind a prefix of `prefix_width` cells on a screen of `columns`.

    At least one row and at most `max_rows`; where more was said, the last row is a mark that says it was cut. No row is
    wider than `columns - prefix_width - 1` cells in any terminal, save that two cells are always assumed, since a wide
    character cannot be torn: `rows_behind` keeps that promise on the narrowest screen too. Rows end at spaces and wide
    characters, inside a word only where the word has no room, inside a joined emoji only where that has none.
    """
    page = _Page(max(2, columns - prefix_width - 1))
    for piece in _pieces(clean(text)):
        if len(page.rows) > max_rows:
            break
        page.add(piece)
    rows = page.finish()
    if len(rows) <= max_rows:
        return rows
    return [*rows[: max_rows - 1], CUT if len(CUT) <= page.room else _CUT_NARROW]


def rows_behind(prefix: str, text: str, columns: int, max_rows: int = MAX_ROWS) -> list[str]:
    """The rows of one message on a screen of `columns` >= 4: `prefix` (ours, it ends with its space), then `text`.

    Rows after the first are indented by the prefix's width. Where that would leave fewer than `NARROWEST` cells, the
    prefix stands on a row of its own and the text below it is indented by one cell.
    """
    width = sum(map(_cells, prefix))
    if columns - width - 1 < NARROWEST:
        return [prefix.rstrip(), *(f" {row}" for row in wrap(text, columns, 1, max_rows))]
    first, *others = wrap(text, columns, width, max_rows)
    return [prefix + first, *(" " * width + row for row in others)]


def paragraphs(text: str, columns: int) -> str:
    """`text`, ours, for a screen of `columns` outside the chat: each line of it in rows, behind its own margin.

    The margin is the line's leading spaces, and the dash of a list. A word that no row has room for is left whole: it
    is a path, an address or a command that is to be copied, and what the terminal breaks it copies unbroken.
    """
    return "\n".join(row for line in text.split("\n") for row in _paragraph(line, max(columns, NARROWEST_PAPER)))


def _paragraph(line: str, columns: int) -> Iterator[str]:
    margin = _MARGIN.match(line)
    assert margin is not None  # it matches nothing, too
    width = len(margin[0])
    page = _Page(columns - width - 1, tears=False)
    for piece in _pieces(clean(line[width:])):
        page.add(piece)
    first, *others = page.finish()
    yield (margin[0] + first).rstrip()
    yield from (" " * width + row for row in others)
