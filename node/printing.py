"""What we print outside the chat's screen: errors, warnings, questions, the consent text. A shell over wrapping.py.

UI rules of this file:
- On a terminal, rows end at spaces, however narrow it is; into a pipe or a file a sentence goes in one line.
- Nothing here is data: what another program reads (addresses, JSON) is written elsewhere, unbroken.
"""

import io
import os
import sys
from typing import TextIO

import click


def columns_of(stream: TextIO | None) -> int | None:
    """How wide the terminal behind `stream` is; None if there is none, or it does not know."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream is not None else None
    except (OSError, ValueError):  # no terminal, no descriptor, closed
        return None


def fitted(text: str, stream: TextIO | None) -> str:
    """`text` with its lines broken for the terminal behind `stream`, or as it is."""
    columns = columns_of(stream)
    if columns is None:
        return text
    from passerby.node.wrapping import paragraphs  # loads tables: a pipe need not wait

    return paragraphs(text, columns)


def say(text: str, *, end: str = "\n") -> None:
    """Print `text` to stderr, for a person."""
    put(fitted(text, sys.stderr), end=end)


def put(text: str, *, end: str = "\n") -> None:
    """Print `text` to stderr as it is. If nobody can read it there, that ends nothing."""
    stream: TextIO | None = sys.stderr
    if stream is None:  # it was closed before we began; `print` would take stdout
        return
    try:
        print(text, end=end, file=stream, flush=True)
    except OSError:
        discard(stream)


def discard(stream: TextIO) -> None:
    """Send what is still held back nowhere: the interpreter would try it once more, complain, and exit with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def say_wrong_use(error: click.ClickException) -> None:
    """Print what click has to say of a wrong command line."""
    told = io.StringIO()
    error.show(told)
    say(told.getvalue().removesuffix("\n"))
