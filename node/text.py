"""What a stranger may put on a screen, and what we send: the sanitizer (security.md 3.1-6).

The rule is an allow-list by code point, over the categories of the standard library's Unicode tables. Letters, numbers,
punctuation and symbols stay, and so does every space. Everything else has to earn its place:

====================================================  =================================================================
tab, LF, VT, FF, CR, NEL, U+2028, U+2029, blank       one space each (CR LF: one): words must not run together, and
braille (U+2800)                                      nothing but us starts a row
bidi embeddings, overrides and isolates               U+FFFD, each: what was reordered should be seen to be odd
combining marks, conjoining Korean vowels and finals  after a letter or symbol only, and at most 4 of them
joiners (ZWJ, ZWNJ)                                   after a letter, symbol or mark; never two in a row
variation selectors                                   directly after a letter or symbol, one
everything else                                       dropped: controls, surrogates, private and unassigned code points,
                                                      zero-width and soft hyphens, tags, fillers, directional marks
====================================================  =================================================================

So emoji families, flags, keycaps, Hindi, Persian, Hebrew with its points, Thai and Korean in either normal form pass
unchanged; nothing is normalised. A subdivision flag (Wales, Scotland) is a black flag spelt out in tags: the black flag
stays. Code points newer than this Python's tables count as unassigned.

Everything that a peer controls passes here twice, at receipt and at render; hence `clean` is idempotent: it makes every
decision from what it kept, never from what it dropped.
"""

import unicodedata
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Final, Literal

from passerby.node.limits import TEXT_BYTES, TEXT_CODE_POINTS

MARKS_PER_BASE: Final = 4  # Hebrew and Tibetan need up to four; zalgo needs dozens (security.md 3.4)
LABEL_INPUT: Final = 1_024  # of a label's source we look at no more: an address has 128 bytes, a tag 48
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class _Kind(IntEnum):
    """What becomes of a code point; an IntEnum, since that hashes fast and every character is looked up."""

    BASE = auto()  # a letter, number, punctuation or symbol: marks, joiners and selectors may follow it
    MARK = auto()
    JOINER = auto()
    SELECTOR = auto()
    SPACE = auto()  # kept as it is
    SPACED = auto()  # becomes a space
    BIDI = auto()  # becomes U+FFFD
    DROPPED = auto()


_LETTERS: Final = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No")
_SYMBOLS: Final = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So")
_BY_CATEGORY: Final = {
    **dict.fromkeys(_LETTERS + _SYMBOLS, _Kind.BASE),
    **dict.fromkeys(("Mn", "Mc", "Me"), _Kind.MARK),
    "Zs": _Kind.SPACE,
}
# The exceptions to the categories.
_BY_CODE_POINT: Final = {
    **dict.fromkeys("\t\n\v\f\r\x85\u2028\u2029\u2800", _Kind.SPACED),
    **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", _Kind.BIDI),
    **dict.fromkeys("\u200c\u200d", _Kind.JOINER),
    **dict.fromkeys(
        map(chr, (*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))), _Kind.SELECTOR
    ),
    # Korean vowels and finals that stack onto the letter before them: letters by category, marks by what they do.
    **dict.fromkeys(map(chr, (*range(0x1161, 0x1200), *range(0xD7B0, 0xD7C7), *range(0xD7CB, 0xD7FC))), _Kind.MARK),
    # Letters, symbols and marks for which nothing is drawn: Hangul fillers, the combining grapheme joiner, Khmer
    # inherent vowels, Khitan filler, the null note head, hieroglyphic blanks.
    **dict.fromkeys(
        "\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\U00016fe4\U0001d159\U00013441\U00013442", _Kind.DROPPED
    ),
}
_MAY_FOLLOW: Final = {
    _Kind.BASE: frozenset(_Kind),
    _Kind.SPACE: frozenset(_Kind),
    _Kind.MARK: frozenset({_Kind.BASE, _Kind.MARK, _Kind.JOINER, _Kind.SELECTOR}),
    _Kind.JOINER: frozenset({_Kind.BASE, _Kind.MARK, _Kind.SELECTOR}),
    _Kind.SELECTOR: frozenset({_Kind.BASE}),
    _Kind.DROPPED: frozenset[_Kind](),
}


def _kind(char: str) -> _Kind:
    return _BY_CODE_POINT.get(char) or _BY_CATEGORY.get(unicodedata.category(char), _Kind.DROPPED)


class _Cleaner:
    """The text kept so far, and what may follow it."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._last = _Kind.SPACE  # so that text cannot begin with a mark and draw upon our own prefix
        self._marks = 0

    def take(self, char: str) -> None:
        kind = _kind(char)
        if kind is _Kind.SPACED:
            char, kind = " ", _Kind.SPACE
        elif kind is _Kind.BIDI:
            char, kind = REPLACEMENT, _Kind.BASE
        if self._last not in _MAY_FOLLOW[kind]:
            return
        if kind is _Kind.BASE:
            self._marks = 0
        elif kind is _Kind.MARK:
            if self._marks == MARKS_PER_BASE:
                return
            self._marks += 1
        self._last = kind
        self.kept.append(char)


def clean(text: str) -> str:
    """`text` as it may be shown on one row of any terminal (rules: head of this file; security.md 3.1-4).

    Idempotent; never longer than `text`, neither in code points nor in UTF-8 bytes; linear in its length. Whatever it
    returns encodes as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text  # the rule at its simplest; most of what people type is just that
    cleaner = _Cleaner()
    for char in text.replace("\r\n", "\n"):
        cleaner.take(char)
    return "".join(cleaner.kept)


def label(text: str, limit: int) -> str:
    """A short string of a peer's making (interest, agent, address, name in an exception), to stand in a sentence.

    Cleaned, white space runs made one space, at most `limit` (>= 1) code points with an ellipsis where it was cut.
    """
    words = " ".join(clean(text[:LABEL_INPUT]).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


# ---- what the user wants to send ----------------------------------------------------------------------------------

Refusal = Literal["too-long", "empty", "not-utf8"]

_SENTENCES: Final[dict[Refusal, str]] = {
    "too-long": (
        f"Not sent: a message has at most {TEXT_CODE_POINTS:,} characters and {TEXT_BYTES:,} bytes. Send it in parts."
    ),
    "empty": "Not sent: there is nothing in it that can be shown. Type some text.",
    "not-utf8": "Not sent: it is not UTF-8. Set your terminal or your program to UTF-8 and send it again.",
}
CLEANED: Final = (
    "Characters that have no place in a terminal were taken out before your message was sent. "
    "Send plain text if it now reads wrong."
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Fit to be sent. `cleaned`: more than tabs was changed; warn with code "cleaned" and the sentence `CLEANED`."""

    text: str
    cleaned: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not sent, and nothing else happened: `code` for programs, `sentence` with a next step for people."""

    code: Refusal
    sentence: str


def admit(raw: bytes | str) -> Admitted | Rejected:
    """Judge one line the user wants to send, without its line end (protocol.md 5 TEXT; security.md 3.1, 3.6).

    The limits hold for what was typed, before it is cleaned: 4 000 bytes of UTF-8 and 2 000 code points. A `str` with
    surrogates came from a decoder that let bad bytes through and counts as invalid UTF-8.
    """
    try:
        typed = raw.decode() if isinstance(raw, bytes) else raw
        size = len(typed.encode())
    except UnicodeError:
        return Rejected("not-utf8", _SENTENCES["not-utf8"])
    if size > TEXT_BYTES or len(typed) > TEXT_CODE_POINTS:
        return Rejected("too-long", _SENTENCES["too-long"])
    text = clean(typed)
    if not text.strip():
        return Rejected("empty", _SENTENCES["empty"])
    return Admitted(text, cleaned=text != typed.replace("\t", " "))  # a tab is a space to everybody
