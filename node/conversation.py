"""A chat from match to closed stream: the chat machine's shell (protocol.md 5, Records)."""

import random
from collections.abc import Callable
from math import inf
from typing import Final

import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.records import check_record_length
from passerby.discovery.asking import OVER
from passerby.node import chat_events as chatting
from passerby.node.chat import Chat, ChatState
from passerby.node.events import Ended, MessageReceived
from passerby.node.line import LENGTH_BYTES
from passerby.node.matching import Match
from passerby.node.messages import decode, encode
from passerby.node.pulse import Pulse
from passerby.node.reports import Reports
from passerby.node.text import clean


class Conversation:
    """One chat with one stranger. `ended` is called once, at the moment the person's part is over."""

    def __init__(self, match: Match, reports: Reports, ended: Callable[["Conversation", Ended], None]) -> None:
        self.match: Final = match
        self.has_room = True
        """Whether `say` may be called."""
        self.is_finishing = False
        self._reports = reports
        self._ended = ended
        self._session = match.meeting.session
        self._chat = Chat(trio.current_time(), random.SystemRandom())
        self._pulse = Pulse()
        self._waits_until = -inf  # when `run` looks at the clock again by itself
        self._may_read = trio.Event()
        self._may_read.set()

    @property
    def is_open(self) -> bool:
        """Whether something can still be said."""
        return self._chat.state is ChatState.OPEN

    def say(self, text: str) -> None:
        """Send a message that was admitted (text.py)."""
        self._handle(chatting.Said(text))

    def typed(self, *, on: bool) -> None:
        """Show the stranger that the person began or ceased to type."""
        self._handle(chatting.Typed(on))

    def finish(self) -> None:
        """Leave as soon as everything is acknowledged."""
        self.is_finishing = True
        self._handle(chatting.NoMoreInput())

    def leave(self) -> None:
        """Say goodbye."""
        self._handle(chatting.Leave())

    async def run(self) -> None:
        """Read and keep time until the stream is closed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read)
            while self._chat.state is not ChatState.ENDED:
                due = self._chat.deadline()
                self._waits_until = -inf if due is None else due
                await self._pulse.wait_until(due)
                if due is not None and trio.current_time() >= due:
                    self._handle(chatting.Tick())
            nursery.cancel_scope.cancel()

    async def _read(self) -> None:
        line = self.match.line
        try:
            while True:
                await self._wait_until_readable()
                body = await line.read(check_record_length)
                if self.is_open:
                    inner, final = self._session.opener.open(len(body), body)
                    self._handle(chatting.RecordReceived(decode(inner), LENGTH_BYTES + len(body), final))
        except OVER:
            self._handle(chatting.StreamEnded())
        except RemoteProtocolError:
            self._handle(chatting.Malformed() if self.is_open else chatting.StreamEnded())

    async def _wait_until_readable(self) -> None:
        """Hold back a stranger who is too fast for the machine's rules, or for the person's terminal."""
        await self._may_read.wait()
        if self.is_open and not self._reports.has_room:
            self._handle(chatting.Reading(False))
            await self._reports.wait_for_room()
            self._handle(chatting.Reading(True))

    def _handle(self, event: chatting.Event) -> None:
        for effect in self._chat.handle(event, trio.current_time()):
            self._perform(effect)
        due = self._chat.deadline()
        if due is None or due < self._waits_until:
            self._pulse.beat()

    def _perform(self, effect: chatting.Effect) -> None:
        match effect:
            case chatting.Send(message, final):
                self.match.line.write(self._session.sealer.seal(encode(message), final=final))
            case chatting.CloseWrite():
                self.match.line.finish()
            case chatting.ResetStream():
                self.match.line.cut()
            case chatting.PauseReading():
                self._may_read = trio.Event()
            case chatting.ResumeReading():
                self._may_read.set()
            case chatting.QueueFull():
                self.has_room = False
            case chatting.QueueHasRoom():
                self.has_room = True
            case chatting.Show(number, text):
                if shown := clean(text).strip():
                    self._reports.put(MessageReceived(number, shown))
            case Ended():
                self._ended(self, effect)
            case _:
                self._reports.put(effect)
