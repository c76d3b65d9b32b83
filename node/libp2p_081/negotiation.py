"""multistream-select without waiting for what is known already: put in the library's place by cures.py.

Who proposes says the header and its one protocol at once and goes on; the answer is read before the next byte from the
other side. Who listens answers the lines that came together with one write. Both are what a peer that goes step by step
expects, byte for byte (github.com/multiformats/multistream-select).
"""
# pyright: reportMissingTypeStubs=false

from typing import Final, TypeVar

from libp2p.abc import IMultiselectCommunicator
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import IOException
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.stream.net_stream import NetStream
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.protocol_muxer.generic_selector import GenericMultistreamSelector
from libp2p.protocol_muxer.multiselect import DEFAULT_NEGOTIATE_TIMEOUT, Multiselect
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.utils import encode_delim

from passerby.node.libp2p_081.buffers import BufferedSession, BufferedTCP
from passerby.node.libp2p_081.stream import BoundedStream

T = TypeVar("T")


def _buffer_of(reader: object) -> object:
    """Return what holds the bytes that have come for `reader` and were not read."""
    if isinstance(reader, RawConnection):
        return reader.stream
    return reader.muxed_stream if isinstance(reader, NetStream) else reader


class _Flight(MultiselectCommunicator):
    """Keeps our header until the other side waits for it. Who dials speaks first, so we begin by listening.

    Nothing else is kept: after a refusal the bytes that came together may be no whole line, but what was meant for the
    protocol that we refused.
    """

    def __init__(self, read_writer: ReadWriteCloser) -> None:
        super().__init__(read_writer)
        self._buffer: Final = _buffer_of(read_writer)
        self._unsent = b""
        self._heard = 0  # lines

    async def write(self, msg_str: str) -> None:
        self._unsent += encode_delim(msg_str.encode())

    async def read(self) -> str:
        if self._heard > 1 or (self._heard and not self._has_input()):
            await self.send()
        self._heard += 1
        return await super().read()

    def _has_input(self) -> bool:
        buffer = self._buffer
        return isinstance(buffer, BufferedTCP | BufferedSession | BoundedStream) and buffer.has_input

    async def send(self) -> None:
        unsent, self._unsent = self._unsent, b""
        await self.read_writer.write(unsent)


class OneFlightMultiselect(Multiselect):
    """Answers what arrived together with one write."""

    async def negotiate(
        self, communicator: IMultiselectCommunicator, negotiate_timeout: int = DEFAULT_NEGOTIATE_TIMEOUT
    ) -> tuple[TProtocol | None, StreamHandlerFn | None]:
        """Return what was agreed on. Raises MultiselectError."""
        if not isinstance(communicator, MultiselectCommunicator):
            return await super().negotiate(communicator, negotiate_timeout)
        flight = _Flight(communicator.read_writer)
        try:
            chosen = await super().negotiate(flight, negotiate_timeout)
            await flight.send()
        except IOException as error:
            raise MultiselectError("the connection ended") from error
        return chosen


class OneFlightSelector(GenericMultistreamSelector[T]):
    """Agrees on a security protocol or a muxer, of which we have one each, in no time of its own."""

    def __init__(self, selector: GenericMultistreamSelector[T]) -> None:
        super().__init__()
        self.multiselect = OneFlightMultiselect()
        for protocol, handler in selector.handlers.items():
            self.add_handler(protocol, handler)

    async def select(
        self, conn: ReadWriteCloser, is_initiator: bool, negotiate_timeout: int = DEFAULT_NEGOTIATE_TIMEOUT
    ) -> tuple[TProtocol, T]:
        """Return what was agreed on, or, where we dialled, what will be if the other side speaks it."""
        buffer = _buffer_of(conn)
        if not is_initiator or len(self.handlers) > 1 or not isinstance(buffer, BufferedTCP | BufferedSession):
            return await super().select(conn, is_initiator, negotiate_timeout)
        [(protocol, handler)] = self.handlers.items()
        await buffer.propose(protocol)
        return protocol, handler
