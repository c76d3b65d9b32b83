"""A stranger who cleans nothing and keeps no rule after HELLO: real host, lobby and handshake, then raw records."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from secrets import token_bytes

import trio

from passerby.crypto.records import check_record_length
from passerby.discovery.addresses import Address
from passerby.discovery.peerbook import PeerBook
from passerby.node.config import Settings
from passerby.node.contacts import Contacts, Heard
from passerby.node.localseed import LocalSeed
from passerby.node.matching import Match
from passerby.node.messages import Message, Text, decode
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


@asynccontextmanager
async def raw_peer(settings: Settings, talk: Talk) -> AsyncGenerator[Presence]:
    """Search through the local seed; `talk` has the chat, and its end ends the stream."""
    pulse = Pulse()

    async def talk_raw(match: Match) -> None:
        try:
            await talk(RawChat(match))
        finally:
            presence.matching.chat_ended(match, lost=False, any_text=True)
            match.line.cut()

    async def visit(address: Address, heard: Heard) -> None:
        await presence.lobby.visit(address, heard)

    async def advance() -> None:
        while True:
            presence.advance()
            due = presence.deadline()
            await pulse.wait_until(trio.current_time() + 1 if due is None else due)

    nobody = PeerBook(token_bytes(32), inf)
    async with (
        Presence.open(settings.network, nobody, nobody, talk_raw, pulse.beat) as presence,
        trio.open_nursery() as nursery,
    ):
        contacts = Contacts((), LocalSeed(settings.network, settings.folders), visit, pulse.beat)
        nursery.start_soon(contacts.run)
        presence.matching.start()
        nursery.start_soon(advance)
        yield presence
        nursery.cancel_scope.cancel()
