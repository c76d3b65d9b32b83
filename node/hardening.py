"""What a process gives away of itself: no core dump, no memory to other programs, no chatter (security.md 3.19-20)."""

import ctypes
import logging
import os
import resource
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

from passerby.node.printing import put

PR_SET_DUMPABLE: Final = 4  # linux/prctl.h

LOGGER: Final = "passerby"  # ours; what other packages log names addresses and peer ids
_LEVELS: Final = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}


def prepare(verbosity: int) -> None:
    """What every command that runs for a while does first."""
    harden()
    configure_logs(verbosity)


def harden() -> None:
    """Before any key is made: memory is not written to disk by a crash nor read by other processes of this user.

    Also unsets libp2p's own debug switches: its logs carry addresses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    for variable in [name for name in os.environ if name.startswith("LIBP2P_DEBUG")]:
        del os.environ[variable]


class _Stderr(logging.Handler):
    """Writes to what stderr is at the moment: the terminal front end puts itself in between."""

    def emit(self, record: logging.LogRecord) -> None:
        put(self.format(record))


class _Formatter(logging.Formatter):
    """Names an error and its place, never its text: addresses, ids and a stranger's bytes may be in it."""

    def formatException(  # noqa: N802 - the library's name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        if ei[1] is None:
            return ""
        frames = traceback.extract_tb(ei[2])
        place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
        return f"{type(ei[1]).__name__}{place}"


def configure_logs(verbosity: int) -> None:
    """Our own records to stderr: errors (-1), warnings (0), states (1), everything (2). Other packages': nowhere."""
    logging.getLogger().addHandler(logging.NullHandler())
    logger = logging.getLogger(LOGGER)
    handler = _Stderr()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[max(-1, min(2, verbosity))])
