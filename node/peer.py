"""A chatting peer, start to stop: what the person wants in, what happened out; a shell.

    commands ---> Peer ---> Presence (host, lobby, slot) ---> Conversation
    events <----- Reports <------------------------------------- '

A peer has one `Presence` at a time. After ten chats, or an hour without one, a new one is built beside it and takes its
place at the next moment in which nothing is promised to anybody (protocol.md 1).
"""

from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from math import inf
from secrets import token_bytes
from typing import Final

import trio

from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import MET_MEMORY
from passerby.discovery.peerbook import PeerBook
from passerby.node import home, remembered
from passerby.node.config import Settings
from passerby.node.contacts import Contacts, Heard, known_seeds
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
)
from passerby.node.exits import Exit
from passerby.node.home import HomeError
from passerby.node.identities import Identities
from passerby.node.limits import CLOSE_TIMEOUT
from passerby.node.lobby import Lobby
from passerby.node.localseed import LocalSeed
from passerby.node.matching import Match, Matching
from passerby.node.presence import Presence
from passerby.node.pulse import Pulse
from passerby.node.reports import Reports
from passerby.node.situation import Facts, Situation

STEP: Final = 10.0  # seconds; the longest time between two looks at the clocks
SALT_BYTES: Final = 32


async def run(
    settings: Settings,
    commands: trio.MemoryReceiveChannel[Command],
    events: trio.MemorySendChannel[Event],
) -> None:
    """Serve `commands` until Quit, or until nobody can send more; `Finished` is the last event."""
    reports = Reports(events)
    exit_code = Exit.OK
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reports.run)
        try:
            home.ensure_folder(settings.folders.run, settings.folders)
            named, others = known_seeds(settings)
        except HomeError as error:
            reports.put(Failed("home", str(error), "Mend that, then start again.", Exit.CONFIG))
            exit_code = Exit.CONFIG
        else:
            far = next((seed for seed in (*named, *others) if seed.scope is not Scope.MACHINE), None)
            if far is None:
                await Peer(settings, named, others, reports).serve(commands)
            else:
                reports.put(_needs_relay(far))
                exit_code = Exit.REFUSED
        reports.put(Finished(exit_code))
        await reports.flush()
        nursery.cancel_scope.cancel()


def _needs_relay(seed: Address) -> Failed:
    return Failed(
        "needs-relay",
        f"The seed {seed} is not on this machine. Strangers met there would see your address, because this "
        "version has no relays yet.",
        "Leave that seed out to talk on this machine.",
        Exit.REFUSED,
    )


class Peer:
    """One run of a chatting peer."""

    def __init__(
        self, settings: Settings, named: Sequence[Address], others: Sequence[Address], reports: Reports
    ) -> None:
        self._settings = settings
        self._reports = reports
        self._pulse = Pulse()
        local = LocalSeed(settings.network, settings.folders, self._warn) if settings.local else None
        self._contacts = Contacts(named, others, local, self._visit, self._pulse.beat)
        self._met = PeerBook(token_bytes(SALT_BYTES), MET_MEMORY)
        self._blocked = PeerBook(token_bytes(SALT_BYTES), inf)
        self._conversation: Conversation | None = None
        self._held: deque[str] = deque()
        self._input_ended = False
        self._situation = Situation()
        self._warned: set[str] = set()

    async def serve(self, commands: trio.MemoryReceiveChannel[Command]) -> None:
        """Be present and obey until Quit; then take the leave that is owed to a stranger."""
        async with trio.open_nursery() as nursery:
            self._identities = await Identities.begin(self._open_presence, nursery, self._pulse.beat)
            nursery.start_soon(self._contacts.run)
            nursery.start_soon(self._beat)
            async for command in commands:
                if isinstance(command, Quit):
                    break
                self._obey(command)
                if not isinstance(command, Say | Typing):  # those concern the chat alone
                    self._pulse.beat()
            await self._take_leave()
            nursery.cancel_scope.cancel()

    # ---- what the person wants

    def _obey(self, command: Search | Stop | Say | Typing | NoMoreInput) -> None:
        match command:
            case Search():
                self._leave()
                self._search()
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

    def _search(self) -> None:
        if self._matching.is_idle:
            self._situation.search_began(trio.current_time())
            self._matching.start()

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
        await trio.to_thread.run_sync(self._remember)

    # ---- chats

    async def _talk(self, match: Match) -> None:
        chat = self._conversation = Conversation(match, self._reports, self._chat_ended)
        session = match.meeting.session
        self._reports.put(
            Matched(
                exposure=Scope.MACHINE.value,
                address=None,
                verify=session.words,
                milliseconds=round(1000 * self._situation.searched_for(trio.current_time())),
                bot=match.meeting.theirs.bot,
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
        return Presence.open(
            self._settings.network, self._met, self._blocked, self._talk, self._pulse.beat, self._is_heard
        )

    def _is_heard(self) -> bool:
        """Whether the person's side keeps up: else nobody is let in who would only make it worse."""
        return self._reports.has_room

    @property
    def _matching(self) -> Matching:
        return self._identities.current.matching

    @property
    def _lobby(self) -> Lobby:
        return self._identities.current.lobby

    async def _visit(self, address: Address, heard: Heard) -> None:
        """Be a guest of a seed until it is gone, under whatever identity."""
        visited: Lobby | None = None
        while visited is not self._lobby:
            visited = self._lobby
            await visited.visit(address, heard)

    # ---- time, and what the person sees of it

    async def _beat(self) -> None:
        """Let time pass in every machine, and tell what it changed."""
        while True:
            self._identities.advance()
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
        )
        if (news := self._situation.news(facts, trio.current_time())) is not None:
            self._reports.put(news)

    def _warn(self, sentence: str) -> None:
        """Say once what is not as it should be."""
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._reports.put(Warned("local-seed", sentence))

    def _remember(self) -> None:
        try:
            remembered.save(self._settings.folders, self._settings.network, self._contacts.answered)
        except HomeError as error:
            self._warn(f"The seeds of this run are not remembered: {error}")
