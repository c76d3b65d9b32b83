"""Socket and Noise session with a buffer each, and with a protocol proposed on them in one flight with what follows.

py-libp2p 0.8.1 asks the kernel for two bytes, then for a message of that length, and passes each through seven layers
of its own: half of what a frame costs. Here what has arrived is taken at once, up to `READ_BYTES`, and cut up in
memory. Noise's messages are those of noiseprotocol.org's section 3, each behind its length in two bytes.
"""
# pyright: reportMissingTypeStubs=false

from abc import ABC, abstractmethod
from typing import Final

import trio
from libp2p.crypto.keys import PrivateKey, PublicKey
from libp2p.io.abc import EncryptedMsgReadWriter
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.io.trio import TrioTCPStream
from libp2p.peer.id import ID
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH, NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession

from passerby.node.libp2p_081.importing import WrongLibp2pError
from passerby.node.libp2p_081.reading import Proposal

READ_BYTES: Final = 64 * 1024  # one Noise message at its longest
_LENGTH: Final = 2


class _Proposing(ABC):
    """What is read after a protocol was proposed without waiting: the answer to that first."""

    _proposal: Proposal | None = None

    async def propose(self, protocol: str) -> None:
        """Propose `protocol` and go on; the first read raises RefusedError if it is not spoken."""
        self._proposal = Proposal(protocol)
        await self.write(self._proposal.opening)

    async def read(self, n: int | None = None) -> bytes:
        """Return 1 to `n` bytes, or b"" at the end."""
        if self._proposal is not None:
            await self._proposal.settle(self._read)
            self._proposal = None
        return await self._read(n)

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Send all of `data`."""

    @abstractmethod
    async def _read(self, n: int | None) -> bytes: ...


class BufferedTCP(_Proposing, TrioTCPStream):
    """A socket that is read in large pieces, whatever is asked for.

    It has no locks: a handshake is one task, and Yamux has one that reads and a lock of its own for those that write.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        super().__init__(stream)
        self._rest = b""

    @property
    def has_input(self) -> bool:
        """Whether a read would not wait."""
        return bool(self._rest)

    async def _read(self, n: int | None) -> bytes:
        rest = self._rest or await self._receive()
        size = len(rest) if n is None else n
        self._rest = rest[size:]
        return rest[:size]

    async def _receive(self) -> bytes:
        try:
            return await self.stream.receive_some(READ_BYTES)
        except trio.BrokenResourceError as error:
            raise ConnectionClosedError("the other side reset the connection", transport="tcp") from error
        except trio.ClosedResourceError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send all of `data`; nothing if we closed the socket. Raises ConnectionClosedError."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError as error:
            raise ConnectionClosedError("the other side reset the connection", transport="tcp") from error
        except trio.ClosedResourceError:
            pass


class BufferedSession(_Proposing, SecureSession):
    """A Noise session that decrypts all that has arrived at once."""

    def __init__(
        self,
        *,
        local_peer: ID,
        local_private_key: PrivateKey,
        remote_peer: ID,
        remote_permanent_pubkey: PublicKey,
        is_initiator: bool,
        conn: EncryptedMsgReadWriter,
    ) -> None:
        super().__init__(
            local_peer=local_peer,
            local_private_key=local_private_key,
            remote_peer=remote_peer,
            remote_permanent_pubkey=remote_permanent_pubkey,
            is_initiator=is_initiator,
            conn=conn,
        )
        if not isinstance(conn, NoiseTransportReadWriter):
            raise WrongLibp2pError("This is not the py-libp2p 0.8.1 that Passerby mends: a session without Noise.")
        self._noise = conn.noise_state
        self._raw = conn.read_writer.read_write_closer
        self._sealed = bytearray()  # less than one message
        self._plain = bytearray()

    @property
    def has_input(self) -> bool:
        """Whether a read would not wait."""
        return bool(self._plain)

    async def _read(self, n: int | None) -> bytes:
        while not self._plain:
            arrived = await self._raw.read(READ_BYTES)
            if not arrived:
                return b""
            self._sealed += arrived
            self._decrypt()
        size = len(self._plain) if n is None else n
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    def _decrypt(self) -> None:
        """Open every message that is there whole."""
        start, sealed = 0, self._sealed
        while (begin := start + _LENGTH) <= len(sealed):
            end = begin + int.from_bytes(sealed[start:begin], "big")
            if end > len(sealed):
                break
            self._plain += self._noise.decrypt(bytes(sealed[begin:end]))
            start = end
        del sealed[:start]

    async def write(self, data: bytes) -> None:
        """Send all of `data`, in as many messages as it takes and one write."""
        out = bytearray()
        for start in range(0, len(data), MAX_PLAINTEXT_LENGTH):
            message = self._noise.encrypt(data[start : start + MAX_PLAINTEXT_LENGTH])
            out += len(message).to_bytes(_LENGTH, "big") + message
        await self._raw.write(bytes(out))
