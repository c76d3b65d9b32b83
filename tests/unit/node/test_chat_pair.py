"""Two chats joined in memory, in virtual time: no path makes honest people strike, lose, repeat or reorder anything."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from passerby.node import limits
from passerby.node.chat import Chat, ChatState
from passerby.node.chat_events import (
    CloseWrite,
    Effect,
    Event,
    Leave,
    NoMoreInput,
    PauseReading,
    QueueFull,
    QueueHasRoom,
    Reading,
    RecordReceived,
    ResetStream,
    Said,
    Send,
    Show,
    StreamEnded,
    Tick,
    Typed,
)
from passerby.node.events import Delivered, Ended, EndReason, MessageSent
from passerby.node.messages import decode, encode, record_bytes


@dataclass
class Side:
    """A chat, what its person said and saw, and the pipe that leads to it."""

    chat: Chat
    incoming: deque[tuple[float, Event]] = field(default_factory=deque[tuple[float, Event]])
    said: list[str] = field(default_factory=list[str])
    sent: list[str] = field(default_factory=list[str])
    shown: list[str] = field(default_factory=list[str])
    delivered: list[int] = field(default_factory=list[int])
    pauses: int = 0
    full: bool = False
    ended: EndReason | None = None


class Pair:
    """Side 0 and side 1; `delay(side, now)` is what a record towards `side` takes, but none overtakes another."""

    def __init__(self, delay: Callable[[int, float], float]) -> None:
        self.now = 1000.0
        self.sides = [Side(Chat(self.now, random.Random(seed))) for seed in (1, 2)]
        self._delay = delay
        self.steps = 0

    def handle(self, at: int, event: Event) -> None:
        side = self.sides[at]
        if isinstance(event, Said):
            side.said.append(event.text)
        for effect in side.chat.handle(event, self.now):
            self._carry_out(at, effect)

    def _carry_out(self, at: int, effect: Effect) -> None:
        side = self.sides[at]
        match effect:
            case Send(message, final):
                inner = encode(message)
                self._put(1 - at, RecordReceived(decode(inner), record_bytes(inner), final))
            case CloseWrite() | ResetStream():
                self._put(1 - at, StreamEnded())
            case Show(number, text):
                assert number == len(side.shown) + 1
                side.shown.append(text)
            case MessageSent(number, text):
                assert number == len(side.sent) + 1
                side.sent.append(text)
            case Delivered(number):
                side.delivered.append(number)
            case QueueFull() | QueueHasRoom():
                side.full = isinstance(effect, QueueFull)
            case PauseReading():
                side.pauses += 1
            case Ended(reason):
                assert side.ended is None, "told twice"
                side.ended = reason
            case _:
                pass

    def _put(self, to: int, event: Event) -> None:
        pipe = self.sides[to].incoming
        earliest = pipe[-1][0] if pipe else self.now
        pipe.append((max(earliest, self.now + self._delay(to, self.now)), event))

    def next_moment(self) -> float:
        moments = [side.incoming[0][0] for side in self.sides if side.incoming]
        deadlines = (side.chat.deadline() for side in self.sides)
        return min(moments + [deadline for deadline in deadlines if deadline is not None], default=float("inf"))

    def run(self, until: float, *, stop: Callable[[], bool] = lambda: False) -> None:
        while (moment := self.next_moment()) <= until and moment < float("inf") and not stop():
            self.steps += 1
            assert self.steps < 200_000, "the machines wake up in vain"
            self.now = max(self.now, moment)
            for at, side in enumerate(self.sides):
                if side.incoming and side.incoming[0][0] <= self.now:
                    self.handle(at, side.incoming.popleft()[1])
                if (side.chat.deadline() or float("inf")) <= self.now:
                    self.handle(at, Tick())
        if until < float("inf") and not stop():
            self.now = max(self.now, until)

    def all_delivered(self) -> bool:
        return all(len(side.delivered) == len(side.said) for side in self.sides)


def at_once(_to: int, _now: float) -> float:
    return 0.001


def say_all(pair: Pair, at: int, lines: Iterable[str]) -> None:
    """Pipe lines in: each as soon as the queue has room."""
    for line in lines:
        pair.run(float("inf"), stop=lambda: not pair.sides[at].full)
        pair.handle(at, Said(line))


# ---- main job


@pytest.mark.parametrize(("length", "seconds"), [(10, 56), (300, 61), (2000, 280)])
def test_three_hundred_lines_piped_in_arrive_whole_and_in_order(length: int, seconds: float) -> None:
    pair, lines = Pair(at_once), [f"{n} ".ljust(length, "x") for n in range(300)]
    start = pair.now
    say_all(pair, 0, lines)
    pair.handle(0, NoMoreInput())
    pair.run(float("inf"))
    assert pair.sides[1].shown == lines
    assert pair.sides[0].delivered == list(range(1, 301))
    assert [side.ended for side in pair.sides] == [EndReason.YOU, EndReason.LEFT]
    assert [side.pauses for side in pair.sides] == [0, 0]
    assert pair.now - start == pytest.approx(seconds, rel=0.05)


def test_both_pipe_at_the_same_time() -> None:
    pair, lines = Pair(at_once), [str(n) for n in range(100)]
    for at in (0, 1):
        say_all(pair, at, lines)
    pair.run(float("inf"), stop=pair.all_delivered)
    assert [side.shown for side in pair.sides] == [lines, lines]


def test_two_who_leave_at_once_each_hear_that_they_left() -> None:
    pair = Pair(at_once)
    for at in (0, 1):
        pair.handle(at, Leave())
    pair.run(float("inf"))
    assert [side.ended for side in pair.sides] == [EndReason.YOU, EndReason.YOU]
    assert [side.chat.state for side in pair.sides] == [ChatState.ENDED, ChatState.ENDED]


def test_a_person_who_looks_away_loses_nobody() -> None:
    pair = Pair(at_once)
    pair.handle(0, Reading(False))
    pair.sides[0].incoming.append((float("inf"), Tick()))  # nothing is read: what comes stays behind this
    pair.handle(1, Said("are you there?"))
    pair.run(pair.now + 1000)
    pair.sides[0].incoming.popleft()
    held, pair.sides[0].incoming = pair.sides[0].incoming, deque[tuple[float, Event]]()
    pair.sides[0].incoming.extend((pair.now, event) for _, event in held)
    pair.handle(0, Reading(True))
    pair.run(pair.now + 10)
    assert pair.sides[0].shown == ["are you there?"]
    assert [side.ended for side in pair.sides] == [None, None]


# ---- any path

delays = st.lists(st.sampled_from([0.0, 0.02, 0.4, 3.0, 20.0, 50.0]) | st.floats(0, 50), min_size=1, max_size=30)
said = st.sampled_from([Said(char * length) for length in (1, 300, 1500, 2000) for char in "aé"])
acts = st.tuples(
    st.sampled_from([0, 1]),
    st.one_of(said, said, st.builds(Typed, st.booleans())),
    st.sampled_from([1, 1, 5, 20]),
    st.sampled_from([0.0, 0.0, 0.3, 2.0, 40.0]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(acts, max_size=25), delays, delays)
def test_no_path_makes_honest_people_strike_or_lose_a_message(
    script: list[tuple[int, Event, int, float]], towards_0: list[float], towards_1: list[float]
) -> None:
    lags = [list(towards_0), list(towards_1)]

    def delay(to: int, _now: float) -> float:
        lags[to].append(lags[to].pop(0))
        return lags[to][-1]

    pair = Pair(delay)
    for at, act, times, rest in script:
        for _ in range(times):
            if not (isinstance(act, Said) and pair.sides[at].full):
                pair.handle(at, act)
        pair.run(pair.now + rest)
    pair.run(pair.now + 20_000, stop=pair.all_delivered)
    for side, other in (pair.sides, pair.sides[::-1]):
        assert side.shown == other.said
        assert side.delivered == list(range(1, len(side.said) + 1))
        assert (side.pauses, side.ended) == (0, None)


stalls = st.lists(st.tuples(st.floats(0, 12), st.floats(5, 85)), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None)
@given(stalls, stalls, st.sampled_from([1, 250, 1000, 2000]), st.sampled_from([1, 250, 1000, 2000]))
def test_no_stall_makes_people_strike_who_say_all_they_may(
    stalls_0: list[tuple[float, float]], stalls_1: list[tuple[float, float]], length_0: int, length_1: int
) -> None:
    """Both queues are never empty and both type all the time; the path stalls and delivers all it held at once."""
    pair = Pair(stalling(stalls_0, stalls_1))
    end = pair.now + 200
    while pair.now < end and pair.sides[0].ended is pair.sides[1].ended is None:
        for at, length in enumerate((length_0, length_1)):
            for _ in range(limits.OUTGOING_LINES):
                if not pair.sides[at].full:
                    pair.handle(at, Said("x" * length))
            pair.handle(at, Typed(int(pair.now) % 2 == 0))
        pair.run(pair.now + 1)
    for side, other in (pair.sides, pair.sides[::-1]):
        assert side.pauses == 0
        assert side.ended in (None, EndReason.LOST)  # a stall may pass for silence, never for an offence
        assert side.shown == other.said[: len(side.shown)]


def stalling(*stalls: list[tuple[float, float]]) -> Callable[[int, float], float]:
    """Return a path on which, towards each side, good times and stalls (seconds) take turns."""

    def delay(to: int, now: float) -> float:
        at = 1000.0
        for good, stall in stalls[to]:
            at += good
            if at <= now < at + stall:
                return at + stall - now
            at += stall
        return 0.0

    return delay


# ---- the line may be cut at any point


class CutAnywhere(RuleBasedStateMachine):
    """Each step delivers one record, or lets somebody speak, leave or be cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(lambda _to, _now: float("inf"))  # only `deliver` moves records
        self.leavers = set[int]()

    def others(self) -> Iterable[tuple[Side, Side]]:
        return (self.pair.sides, self.pair.sides[::-1])  # type: ignore[return-value]  # two lists of two

    @rule(at=st.sampled_from([0, 1]), times=st.integers(1, 30))
    def say(self, at: int, times: int) -> None:
        for _ in range(times):
            if self.pair.sides[at].ended is None and not self.pair.sides[at].full:
                self.pair.handle(at, Said(f"{at}:{len(self.pair.sides[at].said)}"))

    @rule(at=st.sampled_from([0, 1]), on=st.booleans())
    def typed(self, at: int, on: bool) -> None:
        self.pair.handle(at, Typed(on))

    @rule(at=st.sampled_from([0, 1]), count=st.integers(1, 20))
    def deliver(self, at: int, count: int) -> None:
        for _ in range(min(count, len(self.pair.sides[at].incoming))):
            self.pair.handle(at, self.pair.sides[at].incoming.popleft()[1])

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.pair.run(self.pair.now + seconds)

    @rule(at=st.sampled_from([0, 1]))
    def leave(self, at: int) -> None:
        if self.pair.sides[at].ended is None:
            self.leavers.add(at)
        self.pair.handle(at, Leave())

    @precondition(lambda self: not self.leavers)
    @rule(at=st.sampled_from([0, 1]), keep=st.integers(0, 3))
    def cut(self, at: int, keep: int) -> None:
        incoming = self.pair.sides[at].incoming
        while len(incoming) > keep:
            incoming.pop()
        incoming.append((float("inf"), StreamEnded()))

    @invariant()
    def messages_are_a_prefix(self) -> None:
        for side, other in self.others():
            assert side.shown == other.said[: len(side.shown)]
            assert other.delivered == list(range(1, len(other.delivered) + 1))
            assert len(other.delivered) <= len(side.shown)
            assert side.pauses == 0

    @invariant()
    def nothing_said_is_forgotten(self) -> None:
        for side in self.pair.sides:
            left = [text.text for text in side.chat.unacknowledged] + list(side.chat.queued)
            assert side.said[len(side.delivered) :][: len(left)] == left
            assert len(side.delivered) + len(left) == len(side.said)

    @invariant()
    def ends_are_told_apart(self) -> None:
        for at, side in enumerate(self.pair.sides):
            assert side.ended is not EndReason.LEFT or (1 - at) in self.leavers
            assert (side.ended is EndReason.YOU) == (at in self.leavers)
            assert side.ended in (None, EndReason.YOU, EndReason.LEFT, EndReason.LOST)


CutAnywhere.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestCutAnywhere = CutAnywhere.TestCase
