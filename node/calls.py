"""One chat stream before its match, and how a stream to somebody comes about; a shell."""

from dataclasses import dataclass

from passerby.crypto.handshake import CHAT_PROTOCOL
from passerby.discovery.tickets import Ticket
from passerby.node import slot
from passerby.node.attempt import BUSY, Attempt, Inbound, Outbound
from passerby.node.connection import Connection, Stream
from passerby.node.dialling import dial_first
from passerby.node.host import Host, StreamError
from passerby.node.limits import DIAL_TIMEOUT
from passerby.node.line import Line


@dataclass(slots=True, eq=False)
class Call:
    """A stream before its match. `over`: nothing more is read from it."""

    line: Line
    attempt: Attempt
    over: bool = False
    matched: bool = False

    def perform(self, effect: slot.Effect) -> None:
        """Carry out what the slot machine wants done on this stream; what has no answer in bytes resets it."""
        match effect, self.attempt:
            case slot.Matched(), _:
                self.matched = True
            case slot.SendFirst(), Outbound() as attempt:
                self.line.write(attempt.first())
            case slot.SendReply(), Inbound() as attempt:
                self.line.write(attempt.reply())
            case slot.SendProof(), Outbound() as attempt:
                self.line.write(attempt.proof())
            case slot.SendConfirmationAndHello(), Inbound() as attempt:
                self.line.write(attempt.confirmation_and_hello())
            case slot.SendHello(), Outbound() as attempt:
                self.line.write(attempt.hello())
            case slot.Refuse(), _:
                self.refuse(BUSY)
            case _:
                self.over = True
                self.line.cut()

    def refuse(self, frame: bytes) -> None:
        """Send a refusal, and nothing after it."""
        self.over = True
        self.line.write(frame)
        self.line.finish()


async def reach(host: Host, ticket: Ticket) -> Stream | None:
    """Open a chat stream on a new connection to whom the ticket names; None if nobody is there."""
    connection = await dial_first(host, ticket.pid, ticket.addresses, DIAL_TIMEOUT)
    if connection is None:
        return None
    stream: Stream | None = None
    try:
        stream = await reopen(host, connection)
    finally:
        if stream is None:
            connection.close()
    return stream


async def reopen(host: Host, connection: Connection) -> Stream | None:
    """Open a chat stream on this connection; None if it does not come about."""
    try:
        return await host.open_stream(connection, CHAT_PROTOCOL, timeout=DIAL_TIMEOUT)
    except StreamError:
        return None
