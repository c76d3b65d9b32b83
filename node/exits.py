"""Exit codes (product.md 6)."""

from enum import IntEnum


class Exit(IntEnum):
    """What the program says to the shell at its end; 130 and above as shells count signals."""

    OK = 0
    BUG = 1
    USAGE = 2
    NO_SEED = 3
    NOBODY = 4
    LOST = 5
    REFUSED = 7
    CONFIG = 78
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143
