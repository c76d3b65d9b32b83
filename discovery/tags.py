"""Tags: what people have in common, in one spelling, so that two who type it differently meet (protocol.md 2).

    t        = NFKC(casefold(NFKC(text))), white space runs -> one space, none at the ends; 1 to 48 bytes of UTF-8
    interest = "tag:" || t
    language = "lang:" || primary subtag

Only code points that Unicode 14 assigns (unicode14.py). That the normal form is a fixed point, so that a tag may pass
here any number of times, is tested.
"""

import re
import unicodedata
from typing import Final

from passerby.discovery.unicode14 import is_assigned

TAG_BYTES: Final = 48  # of UTF-8: an interest fits HELLO (protocol.md 5), and one row of a screen
TAGS: Final = 5  # of one client, its language counted: a seed keeps a room for each, on each of three levels
TEXT_LOOKED_AT: Final = 1_024  # code points: normalising may make a text shorter, but no honest one by this much

# BCP 47: a language has 2 or 3 letters (none has 4 to 8: somebody wrote "german"), then subtags of 1 to 8 letters and
# digits, of which none tells two languages apart
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3})(-[A-Za-z0-9]{1,8})*")


class TagError(ValueError):
    """The text cannot be a tag; its own text says what is needed."""


def normal_form(text: str, most: int = TAG_BYTES) -> str:
    """Return the one spelling of `text`: 1 to `most` bytes of UTF-8. Idempotent. Raises TagError."""
    if len(text) > TEXT_LOOKED_AT:
        raise TagError(f"at most {most} bytes are allowed")
    if any(not is_assigned(char) or unicodedata.category(char) == "Cs" for char in text):
        raise TagError("it has a character that is not in Unicode 14")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    normal = " ".join(folded.split())
    size = len(normal.encode())
    if not size:
        raise TagError("it is empty")
    if size > most:
        raise TagError(f"it has {size} bytes where {most} are allowed")
    return normal


def interest(text: str) -> bytes:
    """Return the tag of an interest. Raises TagError."""
    return b"tag:" + normal_form(text).encode()


def primary_subtag(text: str) -> str:
    """Return the language of a BCP 47 tag in lower case, 2 or 3 letters: "de" of "de-AT". Raises TagError."""
    shape = _LANGUAGE.fullmatch(text.strip())
    if shape is None:
        raise TagError("a language looks like de or pt-BR")
    return shape[1].lower()


def language(text: str) -> bytes:
    """Return the tag of a language. Raises TagError."""
    return b"lang:" + primary_subtag(text).encode()
