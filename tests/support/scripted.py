"""A chat program whose peer does as it is told: for tests of everything on the person's side, without a network.

Run as a program: `scripted.py [--json] [--plain] [--once] [--timeout SEC] [-v…] [BEHAVIOUR…]`. What is said to the
stranger tells them what to do: "leave", "lose", "flood", "lose early", "type", "burst", "crash"; anything else is
echoed. With `--lobby` the code is read as passerby does; the behaviour "telling wishes" tells what is searched for.
"""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import trio

from passerby.node.config import Settings
from passerby.node.console.bridge import Peer
from passerby.node.console.bugs import report
from passerby.node.console.run import Options, chat
from passerby.node.events import (
    Command,
    Delivered,
    Ended,
    EndReason,
    Event,
    Finished,
    Matched,
    MessageReceived,
    MessageSent,
    NoMoreInput,
    Quit,
    Say,
    Scope,
    Search,
    State,
    StateChanged,
    Stop,
    StrangerTyping,
    Typing,
    Warned,
)
from passerby.node.hardening import prepare
from passerby.node.home import load_settings
from passerby.node.lobbycode import obtain

WORDS = ("one", "two", "three", "four", "five", "six", "seven")
BURST = 300
ENDS = {
    "leave": Ended(EndReason.LEFT),
    "lose": Ended(EndReason.LOST),
    "flood": Ended(EndReason.FLOOD),
    "lose early": Ended(EndReason.LOST, before_any_text=True),
}


@dataclass
class Script:
    """`alone`: nobody ever comes. `resetting`: strangers come and are lost at once, until the next command.

    `frozen`: Quit is not obeyed. `deaf`: commands are never taken.
    """

    settings: Settings
    commands: trio.MemoryReceiveChannel[Command]
    events: trio.MemorySendChannel[Event]
    behaviours: frozenset[str]
    chatting: bool = False
    sent: int = 0
    heard: int = 0
    held: list[str] = field(default_factory=list[str])

    async def run(self) -> None:
        if "deaf" in self.behaviours:
            await trio.sleep_forever()
        async for command in self.commands:
            if await self.serve(command):
                return

    async def serve(self, command: Command) -> bool:
        """Whether it was the last."""
        match command:
            case Search(wishes):
                await self.end(EndReason.YOU)
                if "telling wishes" in self.behaviours:
                    tags = ", ".join(tag.decode(errors="replace") for tag in wishes.tags)
                    await self.tell(Warned("wished", f"tags {tags}; fallback {wishes.fallback}; {wishes.private}"))
                await self.search()
            case Stop():
                await self.end(EndReason.YOU)
                await self.tell(StateChanged(State.STOPPED, Scope.MACHINE))
            case Say(text):
                self.held.append(text)
                await self.send()
            case Typing(on):
                await self.tell(Warned("typing-told", f"typing {on}"))
            case NoMoreInput() | Quit():
                if "frozen" in self.behaviours:
                    await self.tell(Warned("quit-heard", "the peer does nothing about it"))
                    return False
                await self.end(EndReason.YOU)
                await self.tell(Finished(0))
                return True
        return False

    async def tell(self, *events: Event) -> None:
        for event in events:
            await self.events.send(event)

    async def end(self, reason: EndReason) -> None:
        if self.chatting:
            self.chatting = False
            await self.tell(Ended(reason))

    async def search(self) -> None:
        await self.tell(StateChanged(State.SEARCHING, Scope.MACHINE))
        if "alone" in self.behaviours:
            await self.tell(StateChanged(State.EMPTY, Scope.MACHINE, seeds=1))
            return
        if "seedless" in self.behaviours:
            await self.tell(StateChanged(State.NO_SEED, Scope.MACHINE, named=2, retry=9))
            return
        while "resetting" in self.behaviours and not self.commands.statistics().tasks_waiting_send:
            await self.tell(Matched("machine", None, WORDS, 12), ENDS["lose early"])
        self.chatting, self.sent, self.heard = True, 0, 0
        await self.tell(Matched("machine", None, WORDS, 12), StateChanged(State.MATCHED, Scope.MACHINE))
        await self.send()

    async def send(self) -> None:
        while self.chatting and self.held:
            text = self.held.pop(0)
            self.sent += 1
            await self.tell(MessageSent(self.sent, text))
            await self.answer(text)

    async def answer(self, text: str) -> None:
        if text in ENDS:
            self.chatting = False
            await self.tell(ENDS[text])
            if ENDS[text].before_any_text:
                await self.search()
            else:
                await self.tell(StateChanged(State.STOPPED, Scope.MACHINE))
            return
        await self.tell(Delivered(self.sent))
        match text:
            case "crash":
                raise RuntimeError("boom \x1b[31m")
            case "type":
                await self.tell(StrangerTyping(on=True))
            case "burst":
                for number in range(BURST):
                    await self.hear(f"burst {number}")
            case _:
                await self.hear(f"echo {text}")

    async def hear(self, text: str) -> None:
        self.heard += 1
        await self.tell(MessageReceived(self.heard, text))


def loader(behaviours: frozenset[str]) -> Callable[[], Peer]:
    """A `load` for run.chat. `unloadable`: loading never ends."""

    async def run(
        settings: Settings, commands: trio.MemoryReceiveChannel[Command], events: trio.MemorySendChannel[Event]
    ) -> None:
        await Script(settings, commands, events, behaviours).run()

    def load() -> Peer:
        if "unloadable" in behaviours:
            threading.Event().wait()
        return run

    return load


def main(arguments: list[str]) -> int:
    flags = {argument.removeprefix("--") for argument in arguments if argument.startswith("--")}
    prepare(arguments.count("-v"))
    settings = load_settings(os.environ, {}, None)
    if "timeout" in flags:
        settings = replace(settings, timeout=float(arguments[arguments.index("--timeout") + 1]))
    options = Options(
        once="once" in flags,
        json="json" in flags,
        plain="plain" in flags,
        color="no-color" not in flags,
        code=obtain(may_ask="json" not in flags) if "lobby" in flags else None,
    )
    try:
        return chat(settings, options, loader(frozenset(arguments)))
    except Exception as error:  # noqa: BLE001 (as cli.py does)
        print(report(error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
