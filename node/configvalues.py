"""Kinds of values a setting may have: each is checked the same way wherever it comes from (product.md 7)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


_LIST_NEEDED: Final = 'a list of texts is needed, as in ["…", "…"]'


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise WrongValueError(_LIST_NEEDED)
    items = cast("Sequence[object]", value)  # a list's items have no type until they are looked at
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) != len(items):
        raise WrongValueError(_LIST_NEEDED)
    return texts


def _seeds(value: object) -> tuple[str, ...]:
    from passerby.discovery.addresses import AddressError, Family, parse_seed  # loads NaCl: `--help` need not wait

    texts = _texts(value)
    for text in texts:
        try:
            family = parse_seed(text).family
        except AddressError as error:
            raise WrongValueError(f"{error}. `passerby seed run` prints the whole address of a seed") from error
        if family is Family.ONION3:
            raise WrongValueError("an onion address can only be reached through Tor, which this release does not use")
    return texts


def _listen(value: object) -> tuple[str, ...]:
    from passerby.discovery.addresses import Family, parse

    texts = _texts(value)
    for text in texts:
        address = parse(text)
        if address.family not in (Family.IP4, Family.IP6) or address.peer is not None:
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
SEEDS: Final = Kind(_seeds, _read_list)
LISTEN: Final = Kind(_listen)
FILE: Final = Kind(_file)
