"""What the children of the benchmarks share. Nothing heavy is imported here: some are measured for what they import."""

import json
import sys
import time
from typing import Final

MESSAGE_BYTES: Final = 100


def tell(event: str, **fields: object) -> None:
    """Write one line for the parent."""
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic(), **fields}) + "\n")
    sys.stdout.flush()


def numbered(number: int) -> bytes:
    """Message `number`: 100 bytes of text that name it."""
    return b"%0100d" % number
