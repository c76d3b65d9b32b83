"""Standard output that takes no more: a reader who left is no news, a full disk is told (product.md 6)."""

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from passerby.node.exits import Exit
from passerby.node.printing import say

FAILED: Final = 1  # the exit code of everybody whose output could not be written

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def flush() -> None:
    """Write what is still held back. OSError if that fails: the interpreter would only complain, at its very end."""
    if sys.stdout is not None:  # it was closed before we began
        sys.stdout.flush()


def explain(error: Exception) -> int:
    """Say why the program ends, if there is anybody to say it to; return the exit code."""
    if (code := _exit_code(error)) is not None:
        return code
    from passerby.node.console.bugs import report

    say(report(error))
    return Exit.BUG


def _exit_code(error: BaseException) -> int | None:
    """Return how to end where output failed, having said what there is to say; None if the error is another.

    Files of ours never fail so: their errors carry a name, or are told by home.py.
    """
    nested: Sequence[BaseException] = getattr(error, "exceptions", ())  # of an exception group
    if nested:
        return _exit_code(nested[0])
    if not isinstance(error, OSError) or error.filename is not None:
        return None
    if error.errno == errno.EPIPE or isinstance(error, BrokenPipeError):
        _discard()
        return Exit.OK
    if error.errno not in _FULL:
        return None
    _discard()
    with suppress(OSError):  # stderr may lie on the same disk
        say(f"passerby: Cannot write the output: {error.strerror}.")
    return FAILED


def _discard() -> None:
    """Send what is still held back nowhere: the interpreter would try it once more, complain, and exit with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
