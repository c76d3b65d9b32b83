"""Kinds of values a setting may have: each is checked the same way wherever it comes from (product.md 7)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeVar, cast

NAME_BYTES: Final = 64  # of a network's name: it is hashed into every room, and shown on one line
LONGEST_WAIT: Final = 366 * 86_400.0  # seconds; more is a slip of the finger

T_co = TypeVar("T_co", covariant=True)


class WrongValueError(ValueError):
    """The value is not of its kind; its text says what is needed."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """`check` takes what TOML gave, `read` makes that out of a variable's text; ValueError, in words, from both."""

    check: Callable[[object], T_co]
    read: Callable[[str], object] = str


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValueError('a text in quotes is needed, as in "main"')
    if not value or value != value.strip() or not value.isprintable():
        raise WrongValueError("a name of printable characters is needed, without space at its ends")
    if len(value.encode(errors="surrogatepass")) > NAME_BYTES:
        raise WrongValueError(f"a name has at most {NAME_BYTES} bytes")
    return value


_SWITCHES: Final = {"on": True, "off": False, "true": True, "false": False, "1": True, "0": False}


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError("true or false is needed")
    return value


def _read_switch(text: str) -> object:
    if text.lower() not in _SWITCHES:
        raise WrongValueError("on or off is needed")
    return _SWITCHES[text.lower()]


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValueError("a number of seconds is needed")
    if not 0 < value <= LONGEST_WAIT:
        raise WrongValueError("a number of seconds above 0 and up to a year is needed")
    return float(value)


NEVER: Final = "never"


def _patience(value: object) -> float:
    if value in (NEVER, inf):
        return inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_WAIT:
        raise WrongValueError(f"a number of seconds from 0 up to a year is needed, or {NEVER}")
    return float(value)


_LIST_NEEDED: Final = 'a list of texts is needed, as in ["…", "…"]'


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise WrongValueError(_LIST_NEEDED)
    items = cast("Sequence[object]", value)  # a list's items have no type until they are looked at
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) != len(items):
        raise WrongValueError(_LIST_NEEDED)
    return texts


def _interests(value: object) -> tuple[str, ...]:
    from passerby.discovery.tags import TAGS, TagError, normal_form
    from passerby.node.text import label

    interests: dict[str, None] = {}  # each once, in order
    for text in _between_commas(_texts(value)):
        shown = label(text, NAME_BYTES)
        if not shown:
            raise WrongValueError("an interest of characters that can be seen is needed")
        try:
            interests[normal_form(text)] = None
        except TagError as error:
            raise WrongValueError(f"{shown} cannot be an interest: {error}") from error
    if len(interests) > TAGS:
        raise WrongValueError(f"{len(interests)} interests are too many: {TAGS} are allowed, a language counted as one")
    return tuple(interests)


def _between_commas(texts: tuple[str, ...]) -> Iterator[str]:
    """What stands between the commas of each of `texts` (an empty text: nothing): who types a list means several."""
    for text in texts:
        yield from [part for part in text.split(",") if part.strip()] or [""]


def _language(value: object) -> str:
    from passerby.discovery.tags import TagError, primary_subtag

    if not isinstance(value, str):
        raise WrongValueError('a text in quotes is needed, as in "de"')
    try:
        return primary_subtag(value) if value else ""
    except TagError as error:
        raise WrongValueError(str(error)) from error


def _seeds(value: object) -> tuple[str, ...]:
    from passerby.discovery.addresses import Address, AddressError, Family  # loads NaCl: `--help` need not wait
    from passerby.discovery.searching.seednames import parse_named

    texts = _texts(value)
    for text in texts:
        try:
            seed = parse_named(text)
        except AddressError as error:
            raise WrongValueError(f"{error}. `passerby seed run` prints the whole address of a seed") from error
        if isinstance(seed, Address) and seed.family is Family.ONION3:
            raise WrongValueError("an onion address can only be reached through Tor, which this release does not use")
    return texts


def _listen(value: object) -> tuple[str, ...]:
    from passerby.discovery.addresses import parse

    texts = _texts(value)
    for text in texts:
        match text.split("/"):
            case ["", "ip4" | "ip6", _, "tcp", _]:
                parse(text)
            case _:  # not the shape that parse names: with a peer id, nobody listens
                raise WrongValueError("an address to listen on looks like /ip4/0.0.0.0/tcp/7171")
    return texts


def _file(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise WrongValueError("the path of a file is needed")
    return value


def _read_list(text: str) -> object:
    return [item.strip() for item in text.split(",") if item.strip()]


NAME: Final = Kind(_name)
SWITCH: Final = Kind(_switch, _read_switch)
SECONDS: Final = Kind(_seconds)
PATIENCE: Final = Kind(_patience)
INTERESTS: Final = Kind(_interests)
LANGUAGE: Final = Kind(_language)
SEEDS: Final = Kind(_seeds, _read_list)
LISTEN: Final = Kind(_listen)
FILE: Final = Kind(_file)
