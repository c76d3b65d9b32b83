"""What the person wants to know at a glance: state, company, time. Pure; fed with the events that are shown."""

from collections import deque
from typing import Final

from passerby.node.console import sentences
from passerby.node.events import (
    Delivered,
    Ended,
    Event,
    Matched,
    MessageReceived,
    MessageSent,
    State,
    StateChanged,
    StrangerTyping,
)

OVERDUE: Final = 2.0  # seconds without confirmation after which it is worth a word; a round trip is no reason

_BRIEF: Final = {
    State.STARTING: "getting ready…",
    State.NO_NETWORK: "no network",
    State.NO_SEED: "no seed answers",
    State.EMPTY: "nobody else here yet",
    State.UNREACHABLE: "nobody reachable",
    State.BUSY: "all busy",
    State.SEARCHING: "looking…",
    State.STOPPED: "stopped · /next",
    State.MATCHED: "talking",
}


class Status:
    """The present state, the chat if there is one, and what was not confirmed. Times: a monotonic clock's seconds."""

    def __init__(self, now: float) -> None:
        self.matched: Matched | None = None
        self.stranger_types = False
        self._change: StateChanged | None = None
        self._changed = now
        self._since = now  # of the search or the chat
        self._unconfirmed: deque[tuple[int, float]] = deque()  # ids of our messages, and when each was sent

    @property
    def undelivered(self) -> int:
        """How many of our messages in this chat were sent and not confirmed."""
        return len(self._unconfirmed)

    def is_news(self, change: StateChanged) -> bool:
        """Whether `change` differs from what was told last."""
        return change != self._change

    def happened(self, event: Event, now: float) -> None:
        """Take notice of one event."""
        match event:
            case StateChanged():
                self._state_changed(event, now)
            case Matched():
                self.matched, self._since = event, now
                self._unconfirmed.clear()
            case Ended():
                self.matched, self._since = None, now
                self.stranger_types = False
            case MessageSent(id=number):
                self._unconfirmed.append((number, now))
            case Delivered(id=number):
                self._delivered(number)
            case MessageReceived():
                self.stranger_types = False
            case StrangerTyping(on=on):
                self.stranger_types = on
            case _:
                pass

    def _delivered(self, number: int) -> None:
        while self._unconfirmed and self._unconfirmed[0][0] <= number:
            self._unconfirmed.popleft()

    def _state_changed(self, change: StateChanged, now: float) -> None:
        resting = (None, State.STOPPED, State.MATCHED)
        before = None if self._change is None else self._change.state
        if before in resting and change.state not in resting:
            self._since = now
        self._change, self._changed = change, now

    def who(self, now: float) -> str:
        """The answer to `/who`."""
        return self._no_chat() if self.matched is None else sentences.who(self.matched, now - self._since)

    def verify(self) -> str:
        """The answer to `/verify`."""
        return self._no_chat() if self.matched is None else sentences.verify(self.matched)

    def _no_chat(self) -> str:
        rests = self._change is not None and self._change.state in (State.STOPPED, State.MATCHED)
        return sentences.NO_CHAT if rests else sentences.NOBODY_YET

    def bottom(self, now: float) -> str:
        """The bottom line: one row of at most 79 cells on an ordinary screen, shorter is cut by the terminal."""
        if self.matched is not None:
            return " · ".join(self._chat_parts(now))
        change = self._change
        if change is None:
            return _BRIEF[State.STARTING]
        parts = [_BRIEF[_felt(change)]]
        if change.state not in (State.STARTING, State.STOPPED):
            parts += [f"seeds: {change.seeds}", f"scope: {change.scope}", sentences.clock(now - self._since)]
        if change.fallback is not None:
            parts.append(f"anybody in {max(0, round(change.fallback - (now - self._changed)))} s")
        return " · ".join(parts)

    def _chat_parts(self, now: float) -> list[str]:
        assert self.matched is not None
        parts = ["talking", f"they see: {self.matched.exposure}", sentences.clock(now - self._since)]
        overdue = sum(now - sent >= OVERDUE for _, sent in self._unconfirmed)
        if overdue:
            parts.append(f"{overdue} not delivered yet")
        if self.stranger_types:
            parts.append("stranger is typing…")
        return parts


def _felt(change: StateChanged) -> State:
    """The state that matters here: that the seeds somebody named are silent was said, and others answer."""
    if change.state is not State.NO_SEED or not change.seeds:
        return change.state
    return State.SEARCHING if change.waiting else State.EMPTY
