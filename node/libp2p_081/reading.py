"""Functions that read bytes below Yamux, put in place of the library's by cures.py; and a proposal's answer."""
# pyright: reportMissingTypeStubs=false

from collections.abc import Awaitable, Callable
from typing import Final

from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.exceptions import IncompleteReadError, IOException
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.protocol_muxer.multiselect import MULTISELECT_PROTOCOL_ID
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited

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


def _line(text: str) -> bytes:
    return encode_varint_prefixed(text.encode() + b"\n")


_HEADER: Final = _line(MULTISELECT_PROTOCOL_ID)


class RefusedError(MultiselectClientError):
    """The other side does not speak the protocol that was proposed, or ended before it said so."""


class Proposal:
    """One protocol, proposed in one flight with what follows; the answer is read before any other byte.

    `opening` goes out first. Who agrees says the same bytes, because multistream-select echoes both header and
    protocol; the first byte that differs is a refusal.
    """

    def __init__(self, protocol: str) -> None:
        self.opening: Final = _HEADER + _line(protocol)
        self._answer = b""

    async def settle(self, read: Callable[[int], Awaitable[bytes]]) -> None:
        """Read the answer and not a byte beyond; may be cancelled and called again. Raises RefusedError."""
        while missing := self._missing():
            try:
                chunk = await read(missing)
            except IOException as error:
                raise RefusedError("the connection ended before the answer") from error
            self._answer += chunk
            if not chunk or not self.opening.startswith(self._answer):
                raise RefusedError("the protocol is not spoken")

    def _missing(self) -> int:
        """A refusal is shorter than what we hope for: its length, one byte, is looked at before the rest is read."""
        told = len(_HEADER) + 1
        return (told if len(self._answer) < told else len(self.opening)) - len(self._answer)
