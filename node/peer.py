"""A chatting peer, start to stop: what the person wants in, what happened out; a shell.

    commands ---> Peer ---> Presence (host, lobby, slot) ---> Conversation
    events <----- Reports <------------------------------------- '

A peer has one `Presence` at a time. After ten chats, or an hour without one, a new one is built beside it and takes its
place at the next moment in which nothing is promised to anybody (protocol.md 1).
"""

from collections import deque
from contextlib import AbstractAsyncContextManager
from math import inf
from secrets import token_bytes
from typing import Final

import trio

from passerby.discovery.limits import MET_MEMORY
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searchevents import Introduced, Tick, Withdrawn
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seeding.service import Clock, unix_minus_now
from passerby.node import home
from passerby.node.config import Settings
from passerby.node.conversation import Conversation
from passerby.node.events import (
    Command,
    Ended,
    EndReason,
    Event,
    Failed,
    Finished,
    Matched,
    NoMoreInput,
    Quit,
    Say,
    Search,
    Stop,
    Typing,
    Warned,
    Wishes,
)
from passerby.node.exits import Exit
from passerby.node.firstcontacts.contacts import Sources, sources
from passerby.node.firstcontacts.reach import exposure
from passerby.node.firstcontacts.surroundings import Surroundings
from passerby.node.home import HomeError
from passerby.node.identities import Identities
from passerby.node.limits import CLOSE_TIMEOUT
from passerby.node.lobby import Lobby, Person
from passerby.node.matching import Match, Matching
from passerby.node.presence import Presence
from passerby.node.pulse import Pulse
from passerby.node.reports import Reports
from passerby.node.seeding import puzzle
from passerby.node.situation import Facts, Situation
from passerby.node.wishes import in_common

STEP: Final = 10.0  # seconds; the longest time between two looks at the clocks
SALT_BYTES: Final = 32


async def run(
    settings: Settings,
    commands: trio.MemoryReceiveChannel[Command],
    events: trio.MemorySendChannel[Event],
    clock: Clock = unix_minus_now,
) -> None:
    """Serve `commands` until Quit, or until nobody can send more; `Finished` is the last event."""
    reports = Reports(events)
    exit_code = Exit.OK
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reports.run)
        try:
            home.ensure_folder(settings.folders.run, settings.folders)
            first = sources(settings)
        except HomeError as error:
            reports.put(Failed("home", str(error), "Mend that, then start again.", Exit.CONFIG))
            exit_code = Exit.CONFIG
        else:
            failed = first if isinstance(first, Failed) else await Peer(settings, first, reports, clock).serve(commands)
            if failed is not None:
                reports.put(failed)
                exit_code = Exit(failed.exit_code)
        reports.put(Finished(exit_code))
        await reports.flush()
        nursery.cancel_scope.cancel()


class Peer:
    """One run of a chatting peer."""

    def __init__(self, settings: Settings, first: Sources, reports: Reports, clock: Clock) -> None:
        self._settings = settings
        self._reports = reports
        self._pulse = Pulse()
        self._person = Person(
            settings.network,
            puzzle.bits_of(settings.network),
            met=PeerBook(token_bytes(SALT_BYTES), MET_MEMORY),
            blocked=PeerBook(token_bytes(SALT_BYTES), inf),
            seeds=SeedBook(),
            levels=LevelMemory(),
            warn=self._warn_of_clock,
            clock=clock,
        )
        self._around = Surroundings(settings, first, self._person, self._tell_searcher, self._refuse, self._warn)
        self._contacts = self._around.contacts
        self._obeying = trio.CancelScope()
        self._refused: Failed | None = None
        self._conversation: Conversation | None = None
        self._held: deque[str] = deque()
        self._input_ended = False
        self._situation = Situation()
        self._warned: set[str] = set()

    async def serve(self, commands: trio.MemoryReceiveChannel[Command]) -> Failed | None:
        """Be present and obey until Quit; then take the leave that is owed to a stranger. Return what was amiss."""
        async with trio.open_nursery() as nursery:
            self._identities = await Identities.begin(self._open_presence, nursery, self._pulse.beat)
            nursery.start_soon(self._around.run, self._moved)
            nursery.start_soon(self._beat)
            with self._obeying:
                await self._obey_all(commands)
            await self._take_leave()
            nursery.cancel_scope.cancel()
        return self._refused

    # ---- what the person wants

    async def _obey_all(self, commands: trio.MemoryReceiveChannel[Command]) -> None:
        async for command in commands:
            if isinstance(command, Quit):
                return
            self._obey(command)
            if not isinstance(command, Say | Typing):  # those concern the chat alone
                self._pulse.beat()

    def _obey(self, command: Search | Stop | Say | Typing | NoMoreInput) -> None:
        match command:
            case Search(wishes):
                self._leave()
                self._search(wishes)
            case Stop():
                self._leave()
                if not self._matching.is_idle:
                    self._matching.stop()
                self._held.clear()
            case Say() if self._conversation is None and self._matching.is_idle:
                # typed for somebody who left a moment ago: it must not reach the next
                self._reports.put(Warned("not-sent", "Not sent: the stranger was gone already."))
            case Say(text):
                self._held.append(text)
                self._feed()
            case Typing(on):
                if self._conversation is not None:
                    self._conversation.typed(on=on)
            case NoMoreInput():
                self._input_ended = True
                self._feed()

    def _search(self, wishes: Wishes) -> None:
        if self._matching.is_idle:
            self._situation.search_began(trio.current_time())
            self._identities.current.search(wishes)

    def _leave(self) -> None:
        if self._conversation is not None:
            self._conversation.leave()

    def _feed(self) -> None:
        """Give the chat what waits for it, as far as it has room."""
        chat = self._conversation
        if chat is None:
            return
        while self._held and chat.is_open and chat.has_room:
            chat.say(self._held.popleft())
        if self._input_ended and not self._held and not chat.is_finishing:
            chat.finish()

    async def _take_leave(self) -> None:
        self._leave()
        self._matching.stop()
        with trio.move_on_after(CLOSE_TIMEOUT):
            await self._matching.wait_quiet()
        await self._around.remember()

    # ---- chats

    async def _talk(self, match: Match) -> None:
        self._around.met()
        chat = self._conversation = Conversation(match, self._reports, self._chat_ended)
        session = match.meeting.session
        interests, lang = in_common(self._identities.current.wishes, match.meeting.theirs)
        self._reports.put(
            Matched(
                *exposure(match.line.stream.connection),
                verify=session.words,
                milliseconds=round(1000 * self._situation.searched_for(trio.current_time())),
                bot=match.meeting.theirs.bot,
                interests=interests,
                lang=lang,
            )
        )
        self._feed()
        await chat.run()

    def _chat_ended(self, chat: Conversation, ended: Ended) -> None:
        self._conversation = None
        counts = self._matching.chat_ended(
            chat.match,
            lost=ended.reason is EndReason.LOST,
            refused=ended.reason is EndReason.REFUSED,
            any_text=not ended.before_any_text,
        )
        self._reports.put(Ended(ended.reason, before_any_text=not counts))
        if counts:
            self._identities.note_chat()
            self._held.clear()
            self._input_ended = False
        else:
            self._situation.search_began(trio.current_time())
        self._pulse.beat()

    # ---- whom this is, for the network

    def _open_presence(self) -> AbstractAsyncContextManager[Presence]:
        return Presence.open(self._person, self._talk, self._pulse.beat, self._is_heard, self._around.listen)

    def _is_heard(self) -> bool:
        """Whether the person's side keeps up: else nobody is let in who would only make it worse."""
        return self._reports.has_room

    @property
    def _matching(self) -> Matching:
        return self._identities.current.matching

    @property
    def _lobby(self) -> Lobby:
        return self._identities.current.lobby

    def _tell_searcher(self, event: Introduced | Withdrawn | Tick) -> None:
        self._lobby.handle(event)

    def _refuse(self, failed: Failed) -> None:
        self._refused = failed
        self._obeying.cancel()

    def _moved(self, hosts: frozenset[str], elsewhere: bool) -> None:
        """Try all again from where the machine is now; and be found there."""
        self._lobby.moved(hosts)
        if elsewhere:
            self._identities.renew()
        self._pulse.beat()

    # ---- time, and what the person sees of it

    async def _beat(self) -> None:
        """Let time pass in every machine, and tell what it changed."""
        while True:
            self._identities.advance()
            self._contacts.note()
            self._feed()
            self._report_state()
            due = self._identities.current.deadline()
            latest = trio.current_time() + STEP
            await self._pulse.wait_until(latest if due is None else min(due, latest))

    def _report_state(self) -> None:
        if self._conversation is not None:
            return  # nobody asks
        facts = Facts(
            self._lobby.view(),
            self._matching.is_idle,
            self._contacts.named,
            self._contacts.named_are_silent(),
            self._contacts.retry_at(),
            self._identities.current.wishes,
            self._around.scope,
        )
        if (news := self._situation.news(facts, trio.current_time())) is not None:
            self._reports.put(news)

    def _warn(self, sentence: str, code: str = "local-seed") -> None:
        """Say once what is not as it should be."""
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._reports.put(Warned(code, sentence))

    def _warn_of_clock(self, code: str, seconds: float) -> None:
        direction = "ahead of" if seconds > 0 else "behind"
        self._warn(
            f"The clock of this machine is {round(abs(seconds) / 60)} min {direction} the seeds'. Their time is used; "
            "set the clock, or seeds that trust it will not find you.",
            code,
        )
