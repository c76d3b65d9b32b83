"""What a bug of ours looks like from outside: a sentence, never a traceback unasked (product.md 6)."""

import logging
import traceback

from passerby.node.console.bridge import PeerError
from passerby.node.hardening import LOGGER
from passerby.node.text import clean


def report(error: BaseException) -> str:
    """What to print on exit 1. With -vv it shows where it happened, cleaned, for a stranger's text may be in it."""
    error = _innermost(error)
    if isinstance(error, ImportError):
        return (
            f"The installation is not what Passerby needs: {clean(str(error))}\n"
            "Next step: in its folder, run `make clean` and then `make chat`."
        )
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].filename.rpartition('/')[2]}, line {frames[-1].lineno}" if frames else ""
    sentence = (
        f"This is a bug in Passerby: {type(error).__name__}{place}. What was open is closed; nothing was kept.\n"
        "Please report it where you got Passerby, with the output of `passerby version` and what you did."
    )
    if not logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG):
        return f"{sentence}\nWith -vv it shows where it happened."
    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    return "\n".join([*map(clean, lines), sentence])


def _innermost(error: BaseException) -> BaseException:
    """The exception that began it: groups and our own wrapping say nothing."""
    while True:
        match error:
            case BaseExceptionGroup(exceptions=[first, *_]):
                error = first
            case PeerError(__cause__=BaseException() as cause):
                error = cause
            case _:
                return error
