"""The code of a private lobby, from the person to the program: never a flag, never a variable (product.md 2).

On a terminal it is asked for without echo, and who has none yet gets one. Otherwise it is the first line of input; what
follows that line is the chat's, so not one byte more is read.
"""

import getpass
import os
import select
import sys
from typing import Final

from passerby.discovery.lobbycodes import CODE_WORDS, Slip, is_weak, new_code, read_code, slip
from passerby.discovery.tags import TagError
from passerby.node.printing import fitted, say
from passerby.node.text import label

LINE_BYTES: Final = 4 * 1024  # of the first line: the longest code in its longest spelling has less
WORD_SHOWN: Final = 24  # code points of a mistyped word
QUESTION: Final = "Code of the private lobby (nothing is shown; Enter alone makes a new one):"
MADE: Final = "Your code, for those whom you want to meet:\n\n    {}\n"
WEAK: Final = (
    "This code is easy to guess: whoever runs a seed can try codes until one fits, and then wait for you in its lobby. "
    "Enter alone, when the code is asked for, makes a better one."
)


AGAIN: Final = "Type the code again, or Enter to use it as it is:"


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
        typed = _ask(QUESTION) if on_terminal else _first_line().decode()
        if on_terminal and not typed.strip():
            return _make()
        code = _reconsidered(read_code(typed), may_ask=on_terminal)
    except TagError as error:
        raise CodeError(f"--lobby: the code cannot be used: {error}") from error
    except UnicodeDecodeError as error:
        raise CodeError("--lobby: the code is not UTF-8") from error
    if is_weak(code):
        say(f"passerby: {WEAK}")
    return code


def _ask(question: str) -> str:
    try:
        return getpass.getpass(f"{fitted(question, sys.stderr)} ")
    except EOFError as error:
        say("")  # Ctrl-D and Ctrl-C leave the cursor behind the question
        raise CodeError("--lobby: no code was given") from error
    except KeyboardInterrupt:
        say("")
        raise


def _make() -> str:
    code = new_code()
    say(MADE.format(code))
    return code


def _reconsidered(code: str, *, may_ask: bool) -> str:
    """The code, asked for again as long as it looks mistyped and the person does not insist; a pipe is only told."""
    while found := slip(code):
        say(f"passerby: {_of_slip(found)}")
        again = _ask(AGAIN) if may_ask else ""
        if not again.strip():
            break
        code = read_code(again)
    return code


def _of_slip(found: Slip) -> str:
    if not found.word:
        return f"This code has {found.words} words; one that is made here has {CODE_WORDS}."
    meant = f"; did you mean {found.meant}?" if found.meant else "."
    return f'"{label(found.word, WORD_SHOWN)}" is no word of a code that is made here{meant}'


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
