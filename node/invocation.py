"""How this program is called from where the person is: what a hint must say so that it can be typed."""

import os
import shutil
import sys
from typing import Final

NAME: Final = "passerby"


def program() -> str:
    """Return `passerby` where the shell finds it by that name, else the path by which it was called."""
    called = sys.argv[0]
    if os.path.basename(called) != NAME or shutil.which(NAME) == os.path.abspath(called):  # noqa: PTH100, PTH119 - text
        return NAME
    return min(called, os.path.relpath(called), key=len)
