"""Two functions that read bytes below Yamux, put in place of the library's by libp2p_081.py."""
# pyright: reportMissingTypeStubs=false

from typing import Final

from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.exceptions import IncompleteReadError
from libp2p.utils.varint import read_varint_prefixed_bytes_limited

NEGOTIATION_BYTES: Final = 1024  # of one multistream message; ours stay under 40


async def read_short_line(reader: Reader) -> bytes:
    """Return a message of multistream-select without its newline.

    Raises ParseError or MessageTooLarge before reading more than `NEGOTIATION_BYTES`, IncompleteReadError at the end.
    """
    line = await read_varint_prefixed_bytes_limited(reader, NEGOTIATION_BYTES)
    if line[-1:] != b"\n" or not line.isascii():
        raise ParseError("not a line of multistream-select")
    return line[:-1]


async def read_exactly(reader: Reader, n: int, retry_count: int = 0) -> bytes:
    """Return exactly `n` bytes. Raises IncompleteReadError at the first empty read, which is the end for good."""
    del retry_count  # the library's: it reads 100 times more
    data = bytearray()
    while len(data) < n:
        if not (chunk := await reader.read(n - len(data))):
            raise IncompleteReadError("the connection ended", expected_bytes=n, received_bytes=len(data))
        data += chunk
    return bytes(data)
