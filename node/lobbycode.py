"""The code of a private lobby, from the person to the program: never a flag, never a variable (product.md 2).

On a terminal it is asked for without echo, and who has none yet gets one. Otherwise it is the first line of input; what
follows that line is the chat's, so not one byte more is read.
"""

import getpass
import os
import select
import sys
from typing import Final

from passerby.discovery.lobbycodes import is_weak, new_code, read_code
from passerby.discovery.tags import TagError

LINE_BYTES: Final = 4 * 1024  # of the first line: the longest code in its longest spelling has less
QUESTION: Final = "Code of the private lobby (nothing is shown; Enter alone makes a new one): "
MADE: Final = "Your code, for those whom you want to meet:\n\n    {}\n"
WEAK: Final = (
    "This code is easy to guess: whoever runs a seed can try codes until one fits, and then wait for you in its lobby. "
    "Enter alone, when the code is asked for, makes a better one."
)


class CodeError(ValueError):
    """There is no code to use: exit 2. Its text is for the user."""


def obtain(*, may_ask: bool) -> str:
    """Return the code in normal form, asked for or read from standard input. Raises CodeError.

    `may_ask` is about terminals only: a pipe is read either way.
    """
    on_terminal = sys.stdin is not None and sys.stdin.isatty()
    if on_terminal and not may_ask:
        raise CodeError("--lobby: the code has to be asked for, and that is forbidden: give it as input, by a pipe")
    try:
        typed = _ask() if on_terminal else _first_line().decode()
        if on_terminal and not typed.strip():
            return _make()
        code = read_code(typed)
    except TagError as error:
        raise CodeError(f"--lobby: the code cannot be used: {error}") from error
    except UnicodeDecodeError as error:
        raise CodeError("--lobby: the code is not UTF-8") from error
    if is_weak(code):
        _tell(f"passerby: {WEAK}")
    return code


def _ask() -> str:
    try:
        return getpass.getpass(QUESTION)
    except EOFError as error:
        raise CodeError("--lobby: no code was given") from error


def _make() -> str:
    code = new_code()
    _tell(MADE.format(code))
    return code


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = _read_byte()
        if not byte and not line:
            raise CodeError("--lobby: the code is missing: it is the first line of input")
        if not byte:
            break
        if len(line) == LINE_BYTES:
            raise CodeError("--lobby: the code is too long")
        line += byte
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _read_byte() -> bytes:
    try:
        select.select((0,), (), ())  # what started us may have left it in the mode that does not wait
        return os.read(0, 1)
    except OSError:  # closed
        return b""


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
