"""One run of `passerby chat` on the person's side: joins bridge, lifecycle and a front end (asyncio).

Three tasks: one follows the peer's events, one reads what is typed, one watches the deadline. All decisions are
lifecycle.py's; all words are sentences.py's; what the keyboard and the screen are is the front end's.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from passerby.node.config import Settings
from passerby.node.console import sentences
from passerby.node.console.bridge import Bridge
from passerby.node.console.commands import Action, Help, Interests, Language, Mistaken, Text, TypingSwitch, parse
from passerby.node.console.interrupts import Interrupts
from passerby.node.console.journal import Journal
from passerby.node.console.lifecycle import GOODBYE, Abandon, Effect, Lifecycle, Phase
from passerby.node.console.status import Status
from passerby.node.console.streams import discard, takes_log
from passerby.node.events import (
    Command,
    Event,
    Scope,
    State,
    StateChanged,
    StrangerTyping,
    Typing,
    Warned,
    Wishes,
)
from passerby.node.exits import Exit
from passerby.node.hardening import LOGGER
from passerby.node.text import CLEANED, Rejected, admit
from passerby.node.wishes import changed

_logger: Final = logging.getLogger(LOGGER)
EXIT_CODES: Final = {signal.SIGINT: Exit.SIGINT, signal.SIGTERM: Exit.SIGTERM, signal.SIGHUP: Exit.SIGHUP}


class FrontEnd(Protocol):
    """A keyboard and a screen.

    `for_people`: somebody reads along, so that what does not go without saying is said, and text for nobody is refused.
    `ctrl_c_is_signal`: SIGINT is the keyboard's, where one press may be an accident.
    """

    for_people: bool
    ctrl_c_is_signal: bool

    async def show(self, event: Event, session: "Session") -> None:
        """Put an event on the screen. Raises OSError if nobody can see it any more."""
        ...

    async def read(self, session: "Session") -> None:
        """Hand what is typed to `session` until no more can come."""
        ...


class Session:
    """Runs a front end against a peer until one of them has enough."""

    def __init__(self, bridge: Bridge, lifecycle: Lifecycle, settings: Settings, front_end: FrontEnd) -> None:
        self._bridge = bridge
        self._lifecycle = lifecycle
        self._front_end = front_end
        self._fallback = settings.fallback
        self._sends_typing = settings.typing_send
        self._shows_typing = settings.typing_show
        self._loop = asyncio.get_running_loop()
        self._progress = asyncio.Event()  # something happened: deadlines and room may differ
        self._abandoned = asyncio.Event()
        self._interrupts = Interrupts()
        self._screen = asyncio.Lock()  # events and answers are shown one after the other
        self._is_visible = True
        self._journal = Journal()
        self.status = Status(self._loop.time())

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        return self._lifecycle.phase

    @property
    def now(self) -> float:
        """The monotonic clock by which the session counts."""
        return self._loop.time()

    async def run(self, wish: Callable[[], Awaitable[Wishes]]) -> int:
        """Search, talk, end; returns the exit code. Raises bridge.PeerError, in an exception group.

        `wish` tells whom to look for at first; it is asked while the peer loads.
        """
        for number in EXIT_CODES:
            self._loop.add_signal_handler(number, self._signalled, number)
        await self._show(StateChanged(State.STARTING, Scope.MACHINE))
        await self._bridge.start()
        self._lifecycle.wishes = await wish()
        if self.phase is not Phase.LEAVING:  # a signal may have come meanwhile
            self._perform(self._lifecycle.searched(self.now))
        async with asyncio.TaskGroup() as tasks:
            follow = tasks.create_task(self._follow())
            abandon = tasks.create_task(self._abandoned.wait())
            others = [tasks.create_task(self._read()), tasks.create_task(self._watch())]
            await asyncio.wait([follow, abandon], return_when=asyncio.FIRST_COMPLETED)
            for task in (follow, abandon, *others):
                task.cancel()
        return self._lifecycle.exit_code or Exit.OK

    @property
    def grace(self) -> float:
        """Seconds that the peer still has to end by itself: none if its goodbye took too long already."""
        return 0.0 if self._abandoned.is_set() else GOODBYE

    # ---- the three tasks ------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while not self._lifecycle.finished:
            event = await self._bridge.receive()
            if event is None:
                return
            self._perform(self._lifecycle.happened(event, self.now))
            await self._show(event)

    async def _read(self) -> None:
        await self._front_end.read(self)
        self._perform(self._lifecycle.input_ended(self.now))

    async def _watch(self) -> None:
        while True:
            self._progress.clear()
            try:
                async with asyncio.timeout_at(self._lifecycle.deadline):
                    await self._progress.wait()
            except TimeoutError:
                self._perform(self._lifecycle.expired(self.now))

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Abandon):
                self._abandoned.set()
            elif isinstance(effect, Command):
                self._bridge.send(effect)
            else:
                self._bridge.insert(effect)
        self._progress.set()

    def _signalled(self, number: signal.Signals) -> None:
        if number == signal.SIGINT and self._front_end.ctrl_c_is_signal:
            self.interrupted()
        else:
            self._perform(self._lifecycle.signalled(EXIT_CODES[number], self.now))

    # ---- the screen -----------------------------------------------------------------------------------------------

    async def _show(self, event: Event) -> None:
        self._log(event)
        if isinstance(event, StateChanged) and not self._is_news(event):
            return
        if isinstance(event, StrangerTyping) and not self._shows_typing:
            return
        self.status.happened(event, self.now)
        async with self._screen:
            await self._put(event)

    def _is_news(self, change: StateChanged) -> bool:
        if self._front_end.for_people and self.phase is Phase.LEAVING:
            return False  # a next step is no use to somebody who leaves
        return self.status.is_news(change)

    async def _put(self, event: Event) -> None:
        if not self._is_visible:
            return
        try:
            await self._front_end.show(event, self)
        except OSError:  # the pipe or the terminal is gone: end quietly, with a goodbye
            self._is_visible = False
            self._perform(self._lifecycle.signalled(Exit.OK, self.now))

    def _log(self, event: Event) -> None:
        level, words = self._journal.entry(event)
        if _logger.isEnabledFor(level) and takes_log():
            try:
                _logger.log(level, words)
            except OSError:  # nobody reads the log any more: no reason to end a chat
                discard(2)

    async def tell(self, code: str, text: str) -> None:
        """An answer or a warning of our own: `code` for programs, `text` for people."""
        await self._show(Warned(code, text))

    # ---- what is typed --------------------------------------------------------------------------------------------

    async def room(self) -> None:
        """Wait until another line may be read: at most 100 are held (product.md 5), none is obeyed after `/quit`."""
        await self._bridge.ready()
        while not self._lifecycle.has_room or self.phase is Phase.LEAVING:
            self._progress.clear()
            await self._progress.wait()

    async def typed(self, raw: bytes | str) -> None:
        """One line, without its end."""
        line = raw if isinstance(raw, str) else raw.decode(errors="surrogateescape")
        match parse(line):
            case Action() as action:
                await self._act(action)
            case Text(text):
                await self.say(text)
            case Help(text):
                await self.tell("help", text)
            case TypingSwitch(send, show):
                await self._switch_typing(send, show)
            case Interests(tags):
                await self._change_wishes("interests", tags, None)
            case Language(lang):
                await self._change_wishes("lang", None, lang)
            case Mistaken(sentence):
                await self.tell("unknown-command", sentence)

    async def say(self, text: str) -> None:
        """A message, whatever it begins with."""
        admitted = admit(text)
        if isinstance(admitted, Rejected):
            await self.tell(admitted.code, admitted.sentence)
            return
        if not self._lifecycle.has_room:
            await self.tell("not-sent", sentences.TOO_MANY)
            return
        effects = self._lifecycle.said(admitted.text)
        if effects is None:
            await self.tell("not-sent", sentences.NOT_SENT)
            return
        self._perform(effects)
        if admitted.cleaned:
            await self.tell("cleaned", CLEANED)
        if self._front_end.for_people and self.phase is Phase.SEARCHING:
            await self.tell("held", sentences.held(admitted.text))

    def typing(self, on: bool) -> None:
        """The person began or ceased to type; told only in a chat, and only if wished."""
        if self._sends_typing and self.phase is Phase.CHATTING:
            self._bridge.send(Typing(on))

    def interrupted(self, *, quietly: bool = False) -> None:
        """Ctrl-C by a person: the second within five seconds quits. `quietly`: the first did something to be seen."""
        if self._interrupts.press(self.now):
            self._perform(self._lifecycle.signalled(Exit.SIGINT, self.now))
        elif not quietly:
            self._bridge.insert(Warned("again", sentences.AGAIN_TO_QUIT))

    def quit(self) -> None:
        """`/quit` or Ctrl-D."""
        self._perform(self._lifecycle.quit(self.now))

    async def stop_or_start(self) -> None:
        """Esc Esc: leave, and after that look for a new stranger."""
        await self._act(Action.START if self.phase is Phase.STOPPED else Action.STOP)

    async def _act(self, action: Action) -> None:
        match action, self.phase:
            case _, Phase.LEAVING:
                pass
            case Action.QUIT, _:
                self.quit()
            case Action.WHO, _:
                await self.tell("who", self.status.who(self.now))
            case Action.VERIFY, _:
                await self.tell("verify", self.status.verify())
            case Action.NEXT | Action.START, Phase.SEARCHING:
                await self.tell("already", sentences.ALREADY_LOOKING)
            case Action.START, Phase.CHATTING:
                await self.tell("already", sentences.ALREADY_TALKING)
            case Action.NEXT | Action.START, _:
                self._perform(self._lifecycle.searched(self.now))
            case Action.STOP, Phase.STOPPED:
                await self.tell("already", sentences.ALREADY_STOPPED)
            case Action.STOP, _:
                self._perform(self._lifecycle.stopped())

    async def _change_wishes(self, code: str, interests: tuple[str, ...] | None, lang: str | None) -> None:
        """`/interests` and `/lang`; without an argument they only ask. A private lobby has neither."""
        wishes: Wishes | None = self._lifecycle.wishes
        if not (self._lifecycle.wishes.private or (interests is None and lang is None)):
            wishes = changed(self._lifecycle.wishes, interests, lang, self._fallback)
        if wishes is None:
            await self.tell("not-changed", sentences.TOO_MANY_WISHES)
            return
        self._lifecycle.wishes = wishes
        await self.tell(code, sentences.of_wishes(wishes, self._lifecycle.when_wishes_count))

    async def _switch_typing(self, send: bool | None, show: bool | None) -> None:
        self._sends_typing = self._sends_typing if send is None else send
        self._shows_typing = self._shows_typing if show is None else show
        self.status.stranger_types &= self._shows_typing
        await self.tell("typing", sentences.of_typing_switch(self._sends_typing, self._shows_typing))
