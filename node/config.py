"""Settings: checked once, frozen, each with where it came from (product.md 7).

Flag > `PASSERBY_*` > `--config FILE` > user's file > system's file > default. This file reads nothing: home.py brings
it the environment and the files' bytes.
"""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final, Generic, TypeVar

from passerby.node.configfile import ConfigError, read_entries
from passerby.node.configvalues import (
    FILE,
    INTERESTS,
    LANGUAGE,
    LISTEN,
    NAME,
    NEVER,
    PATIENCE,
    SECONDS,
    SEEDS,
    SWITCH,
    Kind,
)

HOME_VARIABLE: Final = "PASSERBY_HOME"
DEFAULT: Final = "default"
FALLBACK_AFTER: Final = 30.0  # seconds: two samples of each room are over, and nobody likes to wait longer for a maybe

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where our files stand; nothing of ours stands elsewhere (product.md 7)."""

    config: Path
    state: Path
    data: Path
    seed: Path
    run: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen before the program starts. Times in seconds, addresses as the user wrote them."""

    network: str
    seeds: tuple[str, ...]
    local: bool
    lan: bool
    directory: bool
    interests: tuple[str, ...]
    lang: str  # a primary subtag, or empty
    timeout: float | None
    fallback: float  # inf: never
    typing_send: bool
    typing_show: bool
    listen: tuple[str, ...]
    key: Path
    folders: Folders
    origins: Mapping[str, str]  # "section.key" -> "--seed", "PASSERBY_SEEDS", "FILE, line N" or "default"
    warnings: tuple[str, ...] = ()


# ---- the keys there are -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source said, checked; and for each value where it stands."""

    values: Mapping[str, object]
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key(Generic[T_co]):
    """One thing that can be set: `name` is "section.key" in files, `variable` its name in the environment."""

    name: str
    kind: Kind[T_co]
    default: T_co
    variable: str | None = None

    def pick(self, layers: Iterable[Layer]) -> T_co:
        """The value of the first layer that has one, else the default."""
        for layer in layers:
            if self.name in layer.values:
                return self.kind.check(layer.values[self.name])
        return self.default


NETWORK: Final = Key("network.name", NAME, "main", "PASSERBY_NETWORK")
SEED_LIST: Final[Key[tuple[str, ...]]] = Key("network.seeds", SEEDS, (), "PASSERBY_SEEDS")
LOCAL: Final = Key("network.local", SWITCH, True, "PASSERBY_LOCAL")
LAN: Final = Key("network.lan", SWITCH, False)
DIRECTORY: Final = Key("network.directory", SWITCH, True, "PASSERBY_DIRECTORY")
INTEREST_LIST: Final[Key[tuple[str, ...]]] = Key("chat.interests", INTERESTS, ())
LANG: Final = Key("chat.lang", LANGUAGE, "")
FALLBACK: Final = Key("chat.fallback", PATIENCE, FALLBACK_AFTER)
TIMEOUT: Final[Key[float | None]] = Key("chat.timeout", SECONDS, None)
TYPING_SEND: Final = Key("chat.typing_send", SWITCH, True)
TYPING_SHOW: Final = Key("chat.typing_show", SWITCH, True)
SEED_LISTEN: Final[Key[tuple[str, ...]]] = Key("seed.listen", LISTEN, ("/ip4/0.0.0.0/tcp/7171", "/ip6/::/tcp/7171"))
SEED_KEY: Final[Key[str | None]] = Key("seed.key", FILE, None)  # None: `key` in our own seed folder

KEYS: Final[Mapping[str, Key[object]]] = {
    key.name: key
    for key in (
        *(NETWORK, SEED_LIST, LOCAL, LAN, DIRECTORY),
        *(INTEREST_LIST, LANG, TIMEOUT, FALLBACK, TYPING_SEND, TYPING_SHOW),
        *(SEED_LISTEN, SEED_KEY),
    )
}
_SECTIONS: Final = frozenset(name.partition(".")[0] for name in KEYS)
_PREFIX: Final = "PASSERBY_"
_VARIABLES: Final = {key.variable: key for key in KEYS.values() if key.variable is not None}
VARIABLES: Final = (HOME_VARIABLE, *_VARIABLES)

# ---- layers -------------------------------------------------------------------------------------------------------


def from_flags(flags: Mapping[str, tuple[str, object]]) -> Layer:
    """`flags`: "section.key" -> (the flag, its value). Raises ValueError: wrong use of the command line (exit 2)."""
    for name, (flag, value) in flags.items():
        try:
            KEYS[name].kind.check(value)
        except ValueError as error:
            raise ValueError(f"{flag}: {error}") from error
    values = {name: value for name, (_, value) in flags.items()}
    return Layer(values, {name: flag for name, (flag, _) in flags.items()})


def from_environment(environment: Mapping[str, str]) -> Layer:
    """The `PASSERBY_*` variables; an empty one counts as unset, an unknown one is a warning. Raises ConfigError."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX) or variable == HOME_VARIABLE:
            continue
        key = _VARIABLES.get(variable)
        if key is None:
            meant = _meant(
                variable.removeprefix(_PREFIX), [known.removeprefix(_PREFIX) for known in VARIABLES], _PREFIX
            )
            warnings.append(f"{variable}: there is no such variable{meant}")
        elif text:
            with _blaming(variable):
                values[key.name] = key.kind.check(key.kind.read(text))
            origins[key.name] = variable
    return Layer(values, origins, tuple(warnings))


def from_file(file: Path, content: bytes) -> Layer:
    """A TOML file's layer; an unknown key is a warning. Raises ConfigError with file and line."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for entry in read_entries(str(file), content):
        where = f"{file}, line {entry.line}"
        if entry.name in _SECTIONS:
            raise ConfigError(f"{where}: {entry.name} is a section: write [{entry.name}] on a line of its own")
        if entry.name not in KEYS:
            warnings.append(f"{where}: there is no such key: {_printable(entry.name)}{_meant(entry.name, KEYS)}")
            continue
        with _blaming(f"{where}: {entry.name}"):
            values[entry.name] = KEYS[entry.name].kind.check(entry.value)
        origins[entry.name] = where
    if SEED_KEY.name in values:  # a path in a file is meant from where the file stands
        values[SEED_KEY.name] = str(file.parent / str(values[SEED_KEY.name]))
    return Layer(values, origins, tuple(warnings))


@contextmanager
def _blaming(where: str) -> Generator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _meant(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return the question for what is close to `word`; a `prefix` that all have says nothing of how close they are."""
    from difflib import get_close_matches  # only who mistyped waits for it

    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""


def _printable(name: str) -> str:
    return name if name.isprintable() else json.dumps(name)


# ---- the result ---------------------------------------------------------------------------------------------------


def settle(layers: Sequence[Layer], folders: Folders) -> Settings:
    """One value for each key out of `layers`, the strongest first.

    Interests and language are limited together: ValueError if a flag is to blame (exit 2), else ConfigError.
    """
    origins = {name: _origin(name, layers) for name in KEYS}
    interests, lang = INTEREST_LIST.pick(layers), LANG.pick(layers)
    _limit_together(interests, lang, origins)
    return Settings(
        network=NETWORK.pick(layers),
        seeds=SEED_LIST.pick(layers),
        local=LOCAL.pick(layers),
        lan=LAN.pick(layers),
        directory=DIRECTORY.pick(layers),
        interests=interests,
        lang=lang,
        timeout=TIMEOUT.pick(layers),
        fallback=FALLBACK.pick(layers),
        typing_send=TYPING_SEND.pick(layers),
        typing_show=TYPING_SHOW.pick(layers),
        listen=SEED_LISTEN.pick(layers),
        key=Path(SEED_KEY.pick(layers) or folders.seed / "key"),
        folders=folders,
        origins=origins,
        warnings=(*(warning for layer in layers for warning in layer.warnings), *_shortened(lang, layers, origins)),
    )


def _limit_together(interests: tuple[str, ...], lang: str, origins: Mapping[str, str]) -> None:
    if not (interests and lang):
        return
    from passerby.discovery.tags import TAGS  # loads tables: `--help` need not wait

    if len(interests) < TAGS:
        return
    where = origins[INTEREST_LIST.name], origins[LANG.name]
    text = f"{' and '.join(where)}: {TAGS} interests and a language are too many: leave one of the {TAGS + 1} out"
    raise ValueError(text) if any(origin.startswith("-") for origin in where) else ConfigError(text)


def _shortened(lang: str, layers: Sequence[Layer], origins: Mapping[str, str]) -> list[str]:
    """What to say to somebody who wrote more of a language than counts; nobody else should wonder."""
    written = next((str(layer.values[LANG.name]).strip() for layer in layers if LANG.name in layer.values), "")
    return [f"{origins[LANG.name]}: {written} counts as {lang}"] if written.lower() != lang else []


def _origin(name: str, layers: Sequence[Layer]) -> str:
    return next((layer.origins[name] for layer in layers if name in layer.origins), DEFAULT)


def describe(settings: Settings) -> str:
    """Every value and its origin, as a configuration file that would give the same settings (`config show`)."""
    values: Mapping[str, object] = {
        NETWORK.name: settings.network,
        SEED_LIST.name: list(settings.seeds),
        LOCAL.name: settings.local,
        LAN.name: settings.lan,
        DIRECTORY.name: settings.directory,
        INTEREST_LIST.name: list(settings.interests),
        LANG.name: settings.lang,
        TIMEOUT.name: settings.timeout,
        FALLBACK.name: NEVER if settings.fallback == inf else settings.fallback,
        TYPING_SEND.name: settings.typing_send,
        TYPING_SHOW.name: settings.typing_show,
        SEED_LISTEN.name: list(settings.listen),
        SEED_KEY.name: str(settings.key),
    }
    lines: list[str] = []
    section = ""
    for name, value in values.items():
        if name.partition(".")[0] != section:
            section = name.partition(".")[0]
            lines += [f"[{section}]"] if not lines else ["", f"[{section}]"]
        key = name.partition(".")[2]
        text = f"# {key} is not set" if value is None else f"{key} = {json.dumps(value, ensure_ascii=False)}"
        lines.append(f"{text}  # {settings.origins[name]}")
    return "\n".join(lines)
