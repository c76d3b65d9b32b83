"""A stranger who cleans nothing and keeps no rule after HELLO: real host, lobby and handshake, then raw records."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from secrets import token_bytes

import trio

from passerby.crypto.handshake import CHAT_PROTOCOL, Binding
from passerby.crypto.records import check_record_length
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searchevents import Started
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.tickets import Ticket
from passerby.node.attempt import Outbound
from passerby.node.config import Settings
from passerby.node.connection import Connection, Stream
from passerby.node.events import Wishes
from passerby.node.firstcontacts.contacts import Contacts, Near, Sources
from passerby.node.firstcontacts.interfaces import NetworkWatch
from passerby.node.firstcontacts.localseed import LocalSeed
from passerby.node.host import Host
from passerby.node.lobby import Person
from passerby.node.matching import Match
from passerby.node.messages import Hello, Message, Text, decode
from passerby.node.presence import Presence
from passerby.node.pulse import Pulse


@dataclass(frozen=True)
class RawChat:
    """The records of one chat: inner bytes in and out, as they are."""

    match: Match

    def send(self, inner: bytes, *, final: bool = False) -> None:
        self.match.line.write(self.match.meeting.session.sealer.seal(inner, final=final))

    def say(self, number: int, text: bytes) -> None:
        self.send(b"\x01" + number.to_bytes(4, "big") + text)

    def send_bytes(self, data: bytes) -> None:
        self.match.line.write(data)

    async def receive(self) -> Message:
        body = await self.match.line.read(check_record_length)
        inner, _ = self.match.meeting.session.opener.open(len(body), body)
        return decode(inner)

    async def hear(self) -> str:
        """Return the next text, whatever else comes before it."""
        while not isinstance(message := await self.receive(), Text):
            pass
        return message.text


Talk = Callable[[RawChat], Awaitable[None]]


class RawCaller:
    """Dials who waits and goes through handshakes as it likes."""

    def __init__(self, host: Host, connection: Connection, network: str, ticket: Ticket) -> None:
        self._host = host
        self._connection = connection
        self._network = network
        self._ticket = ticket

    @classmethod
    async def dial(cls, host: Host, settings: Settings, ticket: Ticket) -> "RawCaller":
        """Make a new connection to whoever the ticket names."""
        return cls(host, await host.dial(str(ticket.addresses[0]), ticket.pid), settings.network, ticket)

    async def match(self) -> Stream:
        """Go through a whole handshake and return the stream, on which HELLO was sent."""
        stream, attempt = await self.open()
        await stream.write(attempt.first())
        await read_into(attempt, stream)
        await stream.write(attempt.proof())
        await read_into(attempt, stream)
        await stream.write(attempt.hello())
        return stream

    async def open(self) -> tuple[Stream, Outbound]:
        """Open another chat stream on the same connection, with an attempt ready."""
        stream = await self._host.open_stream(self._connection, CHAT_PROTOCOL)
        binding = Binding(self._network, self._host.peer_id, self._ticket.pid, self._connection.channel_binding())
        return stream, Outbound(1, binding, Hello(), room=self._ticket.room.key, tag=ANYBODY)


async def read_into(attempt: Outbound, stream: Stream) -> object:
    """Read one frame and let the attempt judge it."""
    length = int.from_bytes(await stream.read_exactly(2), "big")
    attempt.check(length)
    return attempt.receive(await stream.read_exactly(length))


@asynccontextmanager
async def raw_caller(settings: Settings, ticket: Ticket) -> AsyncGenerator[RawCaller, None]:
    async with Host.open(token_bytes(32)) as host:
        yield await RawCaller.dial(host, settings, ticket)


def somebody(of: Settings) -> Person:
    """Return a person who has met nobody and knows no seed."""
    nobody = PeerBook(token_bytes(32), inf)
    return Person(of.network, 0, nobody, nobody, SeedBook(), LevelMemory(), lambda code, seconds: None)


def contacts_of(person: Person, local: LocalSeed, presence: Presence) -> Contacts:
    watch = NetworkWatch(person.clock)
    return Contacts(Sources(), Near(local), person.seeds, presence.lobby.handle, print, person.names, watch)


@asynccontextmanager
async def raw_peer(settings: Settings, talk: Talk) -> AsyncGenerator[Presence]:
    """Search through the local seed; `talk` has the chat, and its end ends the stream."""
    pulse = Pulse()

    async def talk_raw(match: Match) -> None:
        try:
            await talk(RawChat(match))
        finally:
            presence.matching.chat_ended(match, lost=False, refused=False, any_text=True)
            match.line.cut()

    async def advance() -> None:
        while True:
            contacts.note()
            presence.advance()
            due = presence.deadline()
            await pulse.wait_until(trio.current_time() + 1 if due is None else due)

    person = somebody(settings)
    async with Presence.open(person, talk_raw, pulse.beat) as presence, trio.open_nursery() as nursery:
        local = LocalSeed(settings.network, settings.folders, print)
        contacts = contacts_of(person, local, presence)
        nursery.start_soon(contacts.run)
        presence.search(Wishes())
        nursery.start_soon(advance)
        yield presence
        nursery.cancel_scope.cancel()


async def ticket_of_whoever_waits(of: Settings) -> Ticket:
    """Learn what a searching peer learns, and go away without dialling."""
    pulse = Pulse()
    person = somebody(of)

    async def never(_: object) -> None:
        raise AssertionError("nobody is dialled")

    async with Presence.open(person, never, pulse.beat) as presence, trio.open_nursery() as nursery:
        contacts = contacts_of(person, LocalSeed(of.network, of.folders, print), presence)
        nursery.start_soon(contacts.run)
        presence.lobby.handle(Started())
        while (ticket := presence.lobby.choose()) is None:
            await pulse.wait_until(presence.lobby.deadline(trio.current_time()))
            contacts.note()
            presence.lobby.advance()
        nursery.cancel_scope.cancel()
    return ticket
