"""Standard output that takes no more: a reader who left is no news, a full disk is told (product.md 6)."""

import errno
import sys
from collections.abc import Sequence
from typing import Final

from passerby.node.exits import Exit
from passerby.node.printing import discard, say

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
    failures = [each for each in leaves(error) if isinstance(each, OSError) and each.filename is None]
    full = [failure for failure in failures if failure.errno in _FULL]
    gone = [failure for failure in failures if failure.errno == errno.EPIPE]
    if len(full) + len(gone) < len(leaves(error)):
        return None
    discard(sys.stdout)
    for failure in full[:1]:
        say(f"passerby: Cannot write the output: {failure.strerror}.")
    return FAILED if full else Exit.OK


def leaves(error: BaseException) -> list[BaseException]:
    """Return what an exception group consists of in the end; else the error alone."""
    nested: Sequence[BaseException] = getattr(error, "exceptions", ())
    return [leaf for each in nested for leaf in leaves(each)] if nested else [error]
