"""The people of a lab: chatting peers as `passerby chat` runs them, with nobody at the keyboard; a shell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import trio

from passerby.discovery.addresses import Address
from passerby.discovery.seeding.service import unix_minus_now
from passerby.node import home, peer
from passerby.node.config import HOME_VARIABLE, LOCAL, NETWORK, SEED_LIST, Settings
from passerby.node.events import (
    Command,
    Ended,
    EndReason,
    Event,
    Failed,
    Matched,
    MessageReceived,
    Quit,
    Say,
    Search,
    Stop,
)
from passerby.node.lab.summary import Part
from passerby.node.limits import BRIDGE_QUEUE

LINE: Final = "Hello from number {}."


class Standing(StrEnum):
    """Where somebody stands in a round."""

    AWAY = "away"
    SEARCHING = "searching"
    CHATTING = "chatting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A chat of one person: the words are those of the one other who has the same."""

    words: tuple[str, ...]
    milliseconds: int


def settings_of(network: str, seeds: Sequence[Address], folder: Path) -> Settings:
    """Return the settings of somebody who knows these seeds; nothing outside of `folder` is read or written."""
    flags: Mapping[str, tuple[str, object]] = {
        NETWORK.name: ("", network),
        SEED_LIST.name: ("", tuple(map(str, seeds))),
        LOCAL.name: ("", False),
    }
    return home.load_settings({HOME_VARIABLE: str(folder)}, flags, None)


class Person:
    """Somebody who talks one line with a stranger, then leaves, as often as asked to. `clock_error` is in seconds."""

    def __init__(self, number: int, clock_error: float = 0.0) -> None:
        """Be away, until `live` runs."""
        self.number: Final = number
        self.clock_error: Final = clock_error
        self.standing = Standing.AWAY
        self.meetings: list[Meeting] = []
        self.part = Part()
        """What came of the present round."""
        self._meeting: Meeting | None = None
        self._is_matched = False
        self._to_peer, self._commands = trio.open_memory_channel[Command](BRIDGE_QUEUE)
        self._events, self._from_peer = trio.open_memory_channel[Event](BRIDGE_QUEUE)
        self._changed = trio.Event()

    async def live(self, settings: Settings) -> None:
        """Run until `leave`, or until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            async with self._commands, self._events:
                await peer.run(settings, self._commands, self._events, self._clock)

    async def leave(self) -> None:
        """Quit."""
        await self._to_peer.send(Quit())

    async def chat(self) -> None:
        """Look for a stranger, say a line, hear one, leave; from one who is lost before that, to the next."""
        self._meeting, self.part = None, Part()
        self._stand(Standing.SEARCHING)
        await self._to_peer.send(Search())
        while self.standing is not Standing.DONE:
            await self._changed.wait()

    async def give_up(self) -> None:
        """Look for nobody any more in this round."""
        self._meeting = None
        self._stand(Standing.AWAY)
        await self._to_peer.send(Stop())

    async def _listen(self) -> None:
        async for event in self._from_peer:
            await self._take(event)

    async def _take(self, event: Event) -> None:
        match event:
            case Matched(verify=words, milliseconds=milliseconds):
                self.part = self.part.matched_with(words, at_once=self._is_matched)
                self._is_matched = True
                await self._greet(Meeting(words, milliseconds))
            case MessageReceived() if self._meeting is not None:
                self.meetings.append(self._meeting)
                self.part = replace(self.part, heard=self._meeting.words)
                self._meeting = None
                await self._to_peer.send(Stop())
                self._stand(Standing.DONE)
            case Ended():
                self._is_matched = False
                await self._miss(ended=event)
            case Failed(text=text):
                raise AssertionError(text)
            case _:
                pass

    async def _greet(self, meeting: Meeting) -> None:
        if self.standing is Standing.SEARCHING:  # else it came too late, and is being left
            self._meeting = meeting
            self._stand(Standing.CHATTING)
            await self._to_peer.send(Say(LINE.format(self.number)))

    async def _miss(self, ended: Ended) -> None:
        """Go on after a stranger who was lost before a word of theirs came: by hand, where the search does not."""
        if self._meeting is None or ended.reason is EndReason.YOU:
            return
        self._meeting = None
        self._stand(Standing.SEARCHING)
        if not ended.before_any_text:
            await self._to_peer.send(Search())

    def _stand(self, standing: Standing) -> None:
        self.standing = standing
        self._changed.set()
        self._changed = trio.Event()

    def _clock(self) -> float:
        return unix_minus_now() + self.clock_error
