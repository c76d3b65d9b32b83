"""A configuration file's text: what it says, and on which line (product.md 7).

Nothing is evaluated: `tomllib` reads values, config.py judges them (security.md 3.21).
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

FILE_BYTES: Final = 64 * 1024  # sixty-four seeds need ten; more is not a configuration file


class ConfigError(Exception):
    """The configuration cannot be used: exit 78. Its text is for the user and says where to look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value as the file has it: `name` is "section.key", `line` counts from 1."""

    name: str
    value: object
    line: int


def read_entries(file: str, content: bytes) -> tuple[Entry, ...]:
    """Every `section.key` of the TOML in `content`; `file` is what errors call it.

    A key outside any section has its bare name. Raises ConfigError with file and line: too large, not UTF-8, not TOML.
    """
    if len(content) > FILE_BYTES:
        raise ConfigError(f"{file}: more than {FILE_BYTES // 1024} KiB is no configuration file")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}, line {line}: this is not UTF-8") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_malformed(file, text, str(error))) from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, hundreds of brackets
        raise ConfigError(f"{file}: a value in it is too large or nested too deeply") from error
    return tuple(_entries(document, text))


def _malformed(file: str, text: str, said: str) -> str:
    """The parser's words with the line in front: it names line and column, or the end of the document."""
    what, _, where = said.partition(" (at ")
    at = re.match(r"line (\d+)", where)
    line = int(at[1]) if at else text.rstrip("\n").count("\n") + 1
    return f"{file}, line {line}: {what[:1].lower()}{what[1:]}"


def _entries(document: Mapping[str, object], text: str) -> Iterator[Entry]:
    lines = _lines(text)
    for section, content in document.items():
        table = _table(content)
        if table is None:
            yield Entry(section, content, lines[section])
            continue
        for key, value in table.items():
            name = f"{section}.{key}"
            yield Entry(name, value, lines[name])


def _table(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None  # TOML's keys are texts


def _lines(text: str) -> dict[str, int]:
    """Where each key's statement begins: `tomllib` does not tell, so the text is fed to it statement by statement."""
    found: dict[str, int] = {}
    header, statement, begins = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            document = tomllib.loads(header + statement)
        except tomllib.TOMLDecodeError:
            continue  # a value of several lines is not complete yet
        for section, content in document.items():
            found.setdefault(section, begins)
            for key in _table(content) or ():
                found.setdefault(f"{section}.{key}", begins)
        if statement.lstrip().startswith("["):
            header = statement
        statement, begins = "", number + 1
    return found
