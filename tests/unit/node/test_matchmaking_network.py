"""Several slot machines joined by a simulated network keep the promises of docs/protocol.md 4.2.

`World` carries messages between real machines and checks, at every step, what must always hold: one promise at a time,
a match only with whom had the same transcript, rooms entered exactly while seeking, every `Choose` answered once. Two
tests drive it: an explorer that tries every interleaving of a small world, and a storm (hypothesis) with loss, silence,
delay, late duplicates, people who stop and peers who end chats. Streams keep their order; across streams nothing does.
Any M1 may be refused for want of a stamp: its sender, whose slot is free meanwhile, comes again once with one. That
somebody is paired after a burst is promised only where making a stamp took longer than what was under way then.
Whose dials are slow dials others beside them: that is no fault, only his own clock has run on.
One file, though a long one: the simulated network is of use to these two alone.
"""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations
from random import Random
from typing import TypeVar, assert_never

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from passerby.node.dials import Connecting
from passerby.node.limits import HEDGE_AFTER, PAIRED_TIMEOUT, YIELD_PAUSE
from passerby.node.matchmaking import Matchmaker
from passerby.node.slot import (
    Answered,
    Asked,
    AttemptEnded,
    Broken,
    ChatEnded,
    Choose,
    Confirmed,
    Connected,
    Dial,
    DialFailed,
    DropDial,
    Effect,
    EnterRooms,
    Event,
    FirstMessage,
    Free,
    GoodConfirmation,
    GoodHello,
    GoodProof,
    GoodReply,
    Idle,
    LeaveRooms,
    LockI,
    LockR,
    Matched,
    Opened,
    Paired,
    Refuse,
    Refused,
    Reset,
    SendConfirmationAndHello,
    SendFirst,
    SendHello,
    SendProof,
    SendReply,
    Start,
    State,
    Stop,
    StreamEvent,
    Tick,
    Waiting,
)

RTT = 0.02
MESSAGES: dict[type[Effect], tuple[str, ...]] = {
    SendFirst: ("M1",),
    SendReply: ("M2",),
    SendProof: ("M3",),
    SendConfirmationAndHello: ("M4", "HELLO"),
    SendHello: ("HELLO",),
}
StreamFact = StreamEvent | FirstMessage
Action = tuple[str, int, int]  # what happens; to which stream or peer; at which end or towards whom


@lru_cache(maxsize=1 << 16)
def react(machine: bytes, event: Event, now: float) -> tuple[bytes, tuple[Effect, ...]]:
    """A machine as a value: the explorer meets the same few thousand situations again and again."""
    live: Matchmaker = pickle.loads(machine)
    effects = live.handle(event, now)
    return pickle.dumps(live), tuple(effects)


@lru_cache(maxsize=1 << 16)
def look(machine: bytes, now: float) -> tuple[State, float | None, bool]:
    live: Matchmaker = pickle.loads(machine)
    return live.state, live.deadline(now), live.may_choose(now)


def name(peer: int) -> bytes:
    return bytes([peer])


def th3(stream: int) -> bytes:
    return stream.to_bytes(8)


@dataclass(frozen=True, slots=True)
class Link:
    """A stream: who opened it, to whom, and its order."""

    initiator: int
    responder: int
    order: int

    def far(self, peer: int) -> int:
        return self.initiator + self.responder - peer


@dataclass(slots=True)
class World:
    """N machines and what is under way between them; `now` is each machine's own clock."""

    machines: list[bytes]
    now: list[float]
    promised: list[int | None]  # the one stream on which a peer said M1 or M2 and did not end it
    attempts: list[int]  # chosen, and neither ended nor matched
    in_rooms: list[bool]
    links: dict[int, Link] = field(default_factory=dict[int, Link])
    dialling: set[int] = field(default_factory=set[int])
    pipes: dict[tuple[int, int], tuple[str, ...]] = field(default_factory=dict[tuple[int, int], tuple[str, ...]])
    silent: set[int] = field(default_factory=set[int])
    paired: set[tuple[int, int, bytes]] = field(default_factory=set[tuple[int, int, bytes]])
    asked: bool = False  # an M1 has arrived somewhere
    tolls: int = 0
    hedges: set[int] = field(default_factory=set[int])  # dials begun beside others
    stamped: set[int] = field(default_factory=set[int])
    owed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # who makes a stamp for whom
    hurried: bool = False  # a stamp was made faster than a message travels
    faults: int = 0
    past: list[tuple[int, StreamFact]] = field(default_factory=list[tuple[int, StreamFact]])

    @classmethod
    def of(cls, size: int) -> "World":
        idle = pickle.dumps(Matchmaker())
        return cls([idle] * size, [0.0] * size, [None] * size, [0] * size, [False] * size)

    def state(self, peer: int) -> State:
        return look(self.machines[peer], self.now[peer])[0]

    def due(self, peer: int) -> float | None:
        return look(self.machines[peer], self.now[peer])[1]

    def may_choose(self, peer: int, target: int) -> bool:
        """Whether the peer may dial that one now."""
        state, _, may_choose = look(self.machines[peer], self.now[peer])
        return may_choose and not (isinstance(state, Connecting) and state.goes_to(name(target)))

    def await_turn(self, peer: int) -> None:
        """If the next that the peer awaits is that another may be dialled, that moment comes."""
        due = self.due(peer)
        if due is not None and look(self.machines[peer], due)[2]:
            self.now[peer] = due

    # ---- what happens

    def feed(self, peer: int, event: Event) -> None:
        self.machines[peer], effects = react(self.machines[peer], event, self.now[peer])
        for effect in effects:
            self.perform(peer, effect)
        self.check(peer)

    def choose(self, peer: int, target: int, stream: int, order: int) -> None:
        self.links[stream] = Link(peer, target, order)
        self.attempts[peer] += 1
        if isinstance(self.state(peer), Connecting):
            self.hedges.add(stream)
        self.feed(peer, Choose(stream, name(target)))

    def connect(self, stream: int) -> None:
        link = self.links[stream]
        self.dialling.remove(stream)
        self.pipes |= {(stream, link.initiator): (), (stream, link.responder): ()}
        self.tell(link.initiator, Connected(stream, link.order, RTT))

    def deliver(self, stream: int, peer: int) -> None:
        message, *rest = self.pipes[stream, peer]
        self.pipes[stream, peer] = tuple(rest)
        match message:
            case "M1":
                self.asked = True
                self.feed(peer, Opened(stream, name(self.links[stream].far(peer))))
                self.tell(peer, FirstMessage(stream, self.links[stream].order))
            case "M2":
                self.tell(peer, GoodReply(stream))
            case "M3":
                self.tell(peer, GoodProof(stream, th3(stream)))
            case "M4":
                self.tell(peer, GoodConfirmation(stream, th3(stream)))
            case "HELLO":
                self.tell(peer, GoodHello(stream))
            case "busy":
                self.tell(peer, Refused(stream, 1))
            case "stamp":
                state = self.state(peer)
                if isinstance(state, Asked) and state.stream == stream:
                    self.owed.append((peer, self.links[stream].far(peer)))
                self.tell(peer, Refused(stream, 2))
            case _:
                self.lose(stream, peer)

    def demand(self, stream: int, peer: int) -> None:
        """The M1 at the head of this pipe lacks a stamp; the machine does not hear of it."""
        self.pipes[stream, peer] = self.pipes[stream, peer][1:]
        self.asked = True
        self.tolls += 1
        self.feed(peer, Opened(stream, name(self.links[stream].far(peer))))
        self.send(stream, peer, ("stamp",))
        del self.pipes[stream, peer]
        self.feed(peer, Answered(stream))

    def pay(self, debt: tuple[int, int], stream: int, order: int) -> None:
        """The stamp is made and the slot free: its owner comes again, as to a ticket."""
        self.hurried = self.hurried or bool(self.dialling or self.deliverable())
        self.owed.remove(debt)
        self.choose(*debt, stream, order)
        self.stamped.add(stream)

    def demandable(self) -> list[tuple[int, int]]:
        return [key for key in self.deliverable() if self.pipes[key][0] == "M1" and key[0] not in self.stamped]

    def payable(self) -> list[tuple[int, int]]:
        return [debt for debt in self.owed if self.may_choose(*debt)]

    def lose(self, stream: int, peer: int) -> None:
        """The end of `stream` at `peer` sees EOF, a reset or garbage."""
        state = self.state(peer)
        if isinstance(state, Confirmed) and state.stream == stream:
            self.end_chat(peer, lost=True)
        else:
            self.tell(peer, Broken(stream))

    def end_chat(self, peer: int, *, lost: bool) -> None:
        chat = self.state(peer)
        assert isinstance(chat, Confirmed)
        self.promised[peer] = None
        self.hang_up(chat.stream, peer)
        self.tell(peer, ChatEnded(chat.stream, lost=lost, any_text=False))

    def cut(self, stream: int) -> None:
        """What was under way is lost, and both ends will know."""
        self.faults += 1
        self.pipes |= {key: ("RESET",) for key in self.pipes if key[0] == stream}

    def tick(self, peer: int) -> None:
        """The peer's own clock runs ahead until something ends."""
        self.faults += 1
        before = self.machines[peer]
        while self.machines[peer] == before:
            due = self.due(peer)
            assert due is not None
            self.now[peer] = due
            self.feed(peer, Tick())

    def tell(self, peer: int, event: StreamFact) -> None:
        self.past.append((peer, event))
        self.feed(peer, event)

    # ---- what the machine wants done

    def perform(self, peer: int, effect: Effect) -> None:
        match effect:
            case Dial(stream):
                self.dialling.add(stream)
            case DropDial(stream):
                self.dialling.discard(stream)
                self.past.append((peer, Connected(stream, self.links[stream].order, RTT)))  # it may come too late
            case SendFirst(stream) | SendReply(stream):
                assert self.promised[peer] is None, "two promises at a time"
                self.promised[peer] = stream
                self.send(stream, peer, MESSAGES[type(effect)])
            case SendProof(stream) | SendConfirmationAndHello(stream) | SendHello(stream):
                assert self.promised[peer] == stream, "goes on where nothing was promised"
                self.send(stream, peer, MESSAGES[type(effect)])
            case Refuse(stream):
                self.send(stream, peer, ("busy",))
                del self.pipes[stream, peer]
            case Reset(stream):
                if self.promised[peer] == stream:
                    self.promised[peer] = None
                self.hang_up(stream, peer)
            case EnterRooms() | LeaveRooms():
                assert self.in_rooms[peer] == isinstance(effect, LeaveRooms), "enters or leaves the rooms twice"
                self.in_rooms[peer] = isinstance(effect, EnterRooms)
            case AttemptEnded():
                self.attempts[peer] -= 1
            case Matched(stream):
                self.match(peer, effect)
                self.attempts[peer] -= self.links[stream].initiator == peer
            case _:
                assert_never(effect)

    def send(self, stream: int, peer: int, messages: tuple[str, ...]) -> None:
        far = self.links[stream].far(peer)
        if (stream, far) in self.pipes:
            self.pipes[stream, far] += messages

    def hang_up(self, stream: int, peer: int) -> None:
        if self.pipes.pop((stream, peer), None) is not None:
            self.send(stream, peer, ("RESET",))

    # ---- what must always hold

    def match(self, peer: int, matched: Matched) -> None:
        far = self.links[matched.stream].far(peer)
        assert self.promised[peer] == matched.stream
        assert matched.peer == name(far)
        assert (matched.stream, far, matched.transcript) in self.paired, "confirmed, but the partner never was paired"
        if not self.faults:
            there = self.state(far)
            assert isinstance(there, Paired | Confirmed)
            assert there.stream == matched.stream, "confirmed, but the partner is elsewhere"

    def check(self, peer: int) -> None:
        state, due, _ = look(self.machines[peer], self.now[peer])
        assert self.in_rooms[peer] == isinstance(state, Free | Connecting | Asked), "in the rooms exactly while seeking"
        ours = isinstance(state, Asked | LockI) or (isinstance(state, Paired) and state.ours)
        dials = [dial.stream for dial in state.dials] if isinstance(state, Connecting) else []
        assert self.attempts[peer] == ours + len(dials), "every Choose comes to one end"
        assert len({self.links[stream].responder for stream in dials}) == len(dials), "somebody is dialled twice"
        under_way = {stream for stream in self.dialling if self.links[stream].initiator == peer}
        assert under_way <= set(dials), "a dial that nobody wants goes on"
        holding = state.stream if isinstance(state, Asked | LockR | LockI | Paired | Confirmed) else None
        assert self.promised[peer] == holding
        if isinstance(state, Connecting | Waiting):
            assert due is not None
            assert due <= self.now[peer] + PAIRED_TIMEOUT, "waits without a deadline"
        if isinstance(state, Paired):
            self.paired.add((state.stream, peer, state.transcript))

    def check_rest(self) -> None:
        """Nothing is under way: nobody waits, and who chats, chats with one who chats with him."""
        states = [self.state(peer) for peer in range(len(self.machines))]
        chats = [(peer, state) for peer, state in enumerate(states) if isinstance(state, Confirmed)]
        assert all(isinstance(state, Idle | Free | Confirmed) for state in states), states
        for peer, chat in chats:
            partner = states[self.links[chat.stream].far(peer)]
            assert isinstance(partner, Confirmed)
            assert partner.stream == chat.stream
        if not self.faults and self.asked and not self.hurried:
            assert chats, "somebody was asked and nobody is paired"

    def deliverable(self) -> list[tuple[int, int]]:
        return sorted(key for key, queue in self.pipes.items() if queue and key[0] not in self.silent)


# ---- the explorer: every interleaving of a small world


@dataclass(slots=True)
class Explorer:
    """All that can happen to `size` peers with `tries` attempts each; `orders` are those of the streams they open."""

    size: int
    tries: int
    orders: tuple[int, ...]
    faults: int  # how many a run may have
    tolls: int = 0  # how many M1 may be refused for want of a stamp
    hedges: int = 0  # how many dials may begin beside others
    seen: set[int] = field(default_factory=set[int])
    rests: int = 0

    def run(self, limit: int) -> None:
        start = World.of(self.size)
        for peer in range(self.size):
            start.feed(peer, Start())
        stack = [start]
        while stack:
            here = stack.pop()
            actions = list(self.actions(here))
            if not actions:
                self.rests += 1
                here.check_rest()
            for action in actions:
                there = fork(here)
                self.do(there, action)
                mark = hash(key(there))  # of 64 bits: two situations of a million share one with odds of 10^-7
                if mark not in self.seen:
                    self.seen.add(mark)
                    stack.append(there)
            assert len(self.seen) < limit, "the world is larger than the test expects"

    def opened(self, world: World, peer: int) -> int:
        return sum(link.initiator == peer for link in world.links.values())

    def tried(self, world: World, peer: int) -> int:
        further = world.stamped | world.hedges
        return sum(link.initiator == peer for stream, link in world.links.items() if stream not in further)

    def next_stream(self, world: World, peer: int) -> int:
        return peer * (self.tries + self.tolls + self.hedges) + self.opened(world, peer)

    def actions(self, world: World) -> Iterator[Action]:
        for peer in range(self.size):
            yield from self.choices(world, peer)
            if world.faults < self.faults and world.due(peer) is not None:
                yield "tick", peer, 0
        for stream in world.dialling:
            yield "connect", stream, 0
        if world.tolls < self.tolls:
            yield from (("demand", stream, peer) for stream, peer in world.demandable())
        yield from (("pay", peer, other) for peer, other in world.payable())
        for stream, peer in world.deliverable():
            yield "deliver", stream, peer
        if world.faults < self.faults:
            for stream in {stream for stream, _ in world.pipes}:
                if any(queue != ("RESET",) for key, queue in world.pipes.items() if key[0] == stream):
                    yield "cut", stream, 0

    def choices(self, world: World, peer: int) -> Iterator[Action]:
        turn = fork(world)
        if isinstance(world.state(peer), Connecting):
            turn.await_turn(peer)
            may_try = len(world.hedges) < self.hedges
        else:
            may_try = self.tried(world, peer) < self.tries
        if may_try:
            yield from (
                ("choose", peer, other) for other in range(self.size) if other != peer and turn.may_choose(peer, other)
            )

    def do(self, world: World, action: Action) -> None:
        match action:
            case "choose", peer, other:
                world.await_turn(peer)
                stream = self.next_stream(world, peer)
                world.choose(peer, other, stream, self.orders[stream])
            case "demand", stream, peer:
                world.demand(stream, peer)
            case "pay", peer, other:
                stream = self.next_stream(world, peer)
                world.pay((peer, other), stream, self.orders[stream])
            case "connect", stream, _:
                world.connect(stream)
            case "deliver", stream, peer:
                world.deliver(stream, peer)
            case "cut", stream, _:
                world.cut(stream)
            case _:
                world.tick(action[1])


def shuffled(count: int, seed: int) -> tuple[int, ...]:
    return tuple(Random(seed).sample(range(count), count))


def fork(world: World) -> World:
    return World(
        world.machines[:],
        world.now[:],
        world.promised[:],
        world.attempts[:],
        world.in_rooms[:],
        world.links.copy(),
        world.dialling.copy(),
        world.pipes.copy(),
        world.silent,
        world.paired.copy(),
        world.asked,
        world.tolls,
        world.hedges.copy(),
        world.stamped.copy(),
        world.owed[:],
        world.hurried,
        world.faults,
    )


def key(world: World) -> tuple[object, ...]:
    """What the future depends on: of streams closed at both ends nothing."""
    alive = {stream for stream, _ in world.pipes} | world.dialling
    return (
        tuple(world.machines),
        tuple(world.now),
        frozenset(world.pipes.items()),
        frozenset(world.dialling),
        frozenset((stream, link.responder if stream in alive else None) for stream, link in world.links.items()),
        frozenset(fact for fact in world.paired if fact[0] in alive),
        world.asked,
        world.tolls,
        frozenset(world.hedges),
        frozenset(world.stamped),
        tuple(sorted(world.owed)),
        world.hurried,
        world.faults,
    )


def test_two_peers_every_interleaving() -> None:
    for orders in permutations(range(4)):
        Explorer(2, 2, orders, faults=0).run(limit=1_000)


def test_two_peers_every_interleaving_with_any_number_of_resets_and_timeouts() -> None:
    for orders in permutations(range(2)):
        Explorer(2, 1, orders, faults=99).run(limit=20_000)


@pytest.mark.parametrize("orders", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 3, 2, 1), (1, 2, 0, 3)])
def test_two_peers_who_try_again_with_two_faults_anywhere(orders: tuple[int, ...]) -> None:
    Explorer(2, 2, orders, faults=2).run(limit=100_000)


def test_three_peers_every_interleaving() -> None:
    for orders in permutations(range(3)):
        Explorer(3, 1, orders, faults=0).run(limit=5_000)


def test_three_peers_who_try_again() -> None:
    for orders in list(permutations(range(6)))[::60]:
        Explorer(3, 2, orders, faults=0).run(limit=50_000)


@pytest.mark.parametrize("orders", [(0, 1, 2), (2, 1, 0)])
def test_three_peers_with_one_fault_anywhere(orders: tuple[int, ...]) -> None:
    Explorer(3, 1, orders, faults=1).run(limit=50_000)


def test_two_peers_who_are_asked_for_stamps() -> None:
    for orders in list(permutations(range(6)))[::24]:
        Explorer(2, 1, orders, faults=0, tolls=2).run(limit=5_000)


def test_two_peers_who_are_asked_for_a_stamp_with_one_fault_anywhere() -> None:
    for orders in permutations(range(4)):
        Explorer(2, 1, orders, faults=1, tolls=1).run(limit=50_000)


def test_three_peers_who_are_asked_for_a_stamp() -> None:
    for orders in list(permutations(range(6)))[::120]:
        Explorer(3, 1, orders, faults=0, tolls=1).run(limit=50_000)


@pytest.mark.parametrize("seed", range(3))
def test_three_peers_who_dial_others_beside_slow_dials(seed: int) -> None:
    Explorer(3, 1, shuffled(12, seed), faults=0, hedges=3).run(limit=50_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_three_peers_of_whom_one_dials_both_others_with_one_fault_anywhere(seed: int) -> None:
    Explorer(3, 1, shuffled(6, seed), faults=1, hedges=1).run(limit=300_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_three_peers_of_whom_one_dials_both_others_and_one_is_asked_for_a_stamp(seed: int) -> None:
    Explorer(3, 1, shuffled(9, seed), faults=0, tolls=1, hedges=1).run(limit=150_000)


@pytest.mark.slow
def test_four_peers_of_whom_one_dials_two_at_once() -> None:
    Explorer(4, 1, shuffled(8, 1), faults=0, hedges=1).run(limit=1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("orders", list(permutations(range(3))))
def test_three_peers_with_two_faults_anywhere(orders: tuple[int, ...]) -> None:
    Explorer(3, 1, orders, faults=2).run(limit=300_000)


@pytest.mark.slow
@pytest.mark.parametrize("orders", list(permutations(range(6)))[::31])  # of 720: all would take an hour
def test_three_peers_who_try_again_in_other_orders(orders: tuple[int, ...]) -> None:
    Explorer(3, 2, orders, faults=0).run(limit=50_000)


@pytest.mark.slow
def test_two_peers_who_try_again_with_three_faults_anywhere() -> None:
    for orders in list(permutations(range(4)))[:12]:  # the other half is the same world with the peers swapped
        Explorer(2, 2, orders, faults=3).run(limit=1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("orders", list(permutations(range(4))))
def test_four_peers_every_interleaving(orders: tuple[int, ...]) -> None:
    Explorer(4, 1, orders, faults=0).run(limit=200_000)


# ---- the storm: anything at any time


PICK = st.integers(0, 2**16)
T = TypeVar("T")


def at(things: Sequence[T], pick: int) -> T:
    return things[pick % len(things)]


class Storm(RuleBasedStateMachine):
    """Loss, silence, delay, repeated old events, goodbyes, people who start and stop; then calm and one more burst."""

    @initialize(size=st.integers(2, 5), seed=PICK)
    def meet(self, size: int, seed: int) -> None:
        self.world = World.of(size)
        self.peers = range(size)
        self.dice = Random(seed)
        for peer in self.peers:
            self.world.feed(peer, Start())

    def those(self, *states: type[State]) -> list[int]:
        return [peer for peer in self.peers if isinstance(self.world.state(peer), states)]

    def choices(self) -> dict[int, list[int]]:
        """Who may dial whom now."""
        pairs = {peer: [other for other in self.peers if other != peer] for peer in self.peers}
        able = {peer: [it for it in others if self.world.may_choose(peer, it)] for peer, others in pairs.items()}
        return {peer: others for peer, others in able.items() if others}

    @precondition(lambda self: self.choices())
    @rule(picks=st.lists(PICK, min_size=1, max_size=5))
    def choose(self, picks: list[int]) -> None:
        for (peer, others), pick in zip(self.choices().items(), picks, strict=False):
            self.world.choose(peer, at(others, pick), len(self.world.links), self.dice.getrandbits(256))

    @precondition(lambda self: self.those(Connecting))
    @rule(picks=st.lists(PICK, min_size=1, max_size=5))
    def choose_beside_slow_dials(self, picks: list[int]) -> None:
        self.world.faults += 1
        self.pass_time(HEDGE_AFTER)
        self.choose(picks)

    @precondition(lambda self: self.world.dialling)
    @rule(pick=PICK)
    def dial_fails(self, pick: int) -> None:
        stream = at(sorted(self.world.dialling), pick)
        self.world.tell(self.world.links[stream].initiator, DialFailed(stream))

    @rule(picks=st.lists(PICK, min_size=1, max_size=12))
    def go_on(self, picks: list[int]) -> None:
        for pick in picks:
            self.step(pick)

    def step(self, pick: int) -> bool:
        """One dial comes through or one message arrives, if any is under way; else one who paid comes again."""
        world = self.world
        under_way = [*((stream, None) for stream in sorted(world.dialling)), *world.deliverable()]
        if under_way:
            stream, peer = at(under_way, pick)
            if peer is None:
                world.connect(stream)
            else:
                world.deliver(stream, peer)
            return True
        if debts := world.payable():
            world.pay(at(debts, pick), len(world.links), self.dice.getrandbits(256))
        return bool(debts)

    @precondition(lambda self: self.world.demandable())
    @rule(pick=PICK)
    def demand(self, pick: int) -> None:
        self.world.demand(*at(self.world.demandable(), pick))

    @precondition(lambda self: self.world.payable())
    @rule(pick=PICK)
    def pay(self, pick: int) -> None:
        self.world.pay(at(self.world.payable(), pick), len(self.world.links), self.dice.getrandbits(256))

    @precondition(lambda self: self.world.pipes)
    @rule(pick=PICK, silently=st.booleans())
    def lose(self, pick: int, silently: bool) -> None:
        stream, _ = at(sorted(self.world.pipes), pick)
        self.world.cut(stream)
        if silently:
            self.world.silent.add(stream)

    @precondition(lambda self: self.world.pipes)
    @rule(pick=PICK)
    def garble(self, pick: int) -> None:
        self.world.faults += 1
        self.world.lose(*at(sorted(self.world.pipes), pick))

    @precondition(lambda self: self.world.past)
    @rule(pick=PICK)
    def repeat(self, pick: int) -> None:
        peer, event = at(self.world.past, pick)
        before, now = self.world.machines[peer], self.world.now[peer]
        state = self.world.state(peer)
        self.world.faults += 1
        if isinstance(state, Waiting | Confirmed) and state.stream == event.stream:
            self.world.lose(event.stream, peer)  # the handshake knows a message out of turn for a bad one
            return
        after, effects = react(before, event, now)
        assert effects == (Reset(event.stream),), "an event of a stream outside the slot did something"
        assert look(after, now) == look(before, now)
        self.world.feed(peer, event)

    @precondition(lambda self: self.those(Confirmed))
    @rule(pick=PICK, lost=st.booleans())
    def end_chat(self, pick: int, lost: bool) -> None:
        self.world.faults += 1
        self.world.end_chat(at(self.those(Confirmed), pick), lost=lost)

    @rule(pick=PICK)
    def stop_or_start(self, pick: int) -> None:
        peer = at(self.peers, pick)
        self.world.faults += 1
        self.world.feed(peer, Start() if isinstance(self.world.state(peer), Idle) else Stop())
        self.world.owed = [debt for debt in self.world.owed if debt[0] != peer]  # who stops pays nobody

    @rule(seconds=st.sampled_from([0.02, 0.5, 1.6, 3.0, 6.0, YIELD_PAUSE]))
    def wait(self, seconds: float) -> None:
        self.world.faults += 1
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        until = self.world.now[0] + seconds
        for peer in self.peers:
            while (due := self.world.due(peer)) is not None and due <= until:
                self.world.now[peer] = due
                self.world.feed(peer, Tick())
                assert self.world.due(peer) != due, "a deadline passed and nothing happened"
            self.world.now[peer] = until

    def teardown(self) -> None:
        """The faults cease: everybody is freed, and the next burst pairs somebody."""
        for _ in range(2):  # who loses an early chat by the other's Stop seeks again
            self.calm()
            for peer in self.peers:
                self.world.feed(peer, Stop())
        self.world.owed.clear()
        self.pass_time(2 * YIELD_PAUSE)
        self.world.faults, self.world.asked, self.world.hurried = 0, False, False
        for peer in self.peers:
            self.world.feed(peer, Start())
        for peer in self.peers:
            target = (peer + self.dice.randrange(1, len(self.peers))) % len(self.peers)
            self.world.choose(peer, target, len(self.world.links), self.dice.getrandbits(256))
        if self.dice.randrange(2):
            self.pass_time(HEDGE_AFTER)
            for peer, others in self.choices().items():
                self.world.choose(
                    peer, at(others, self.dice.randrange(99)), len(self.world.links), self.dice.getrandbits(256)
                )
        for stream in self.dice.sample(sorted(self.world.dialling), len(self.world.dialling)):
            if stream in self.world.dialling:  # connecting one drops those beside it
                self.world.connect(stream)
        for key_ in self.world.demandable()[: self.dice.randrange(3)]:
            self.world.demand(*key_)
        self.calm()
        assert self.world.asked
        self.world.check_rest()

    def calm(self) -> None:
        self.flow()
        self.pass_time(PAIRED_TIMEOUT)
        assert not self.those(Connecting, Asked, LockR, LockI, Paired), "somebody still waits"
        self.world.pipes |= {key: ("RESET",) for key in self.world.pipes if key[0] in self.world.silent}
        self.world.silent.clear()
        self.flow()

    def flow(self) -> None:
        while self.step(self.dice.getrandbits(16)):
            pass


def test_a_storm() -> None:
    run_state_machine_as_test(
        Storm, settings=settings(max_examples=150, stateful_step_count=60, deadline=None, database=None)
    )


@pytest.mark.slow
def test_a_long_storm() -> None:
    run_state_machine_as_test(
        Storm, settings=settings(max_examples=800, stateful_step_count=200, deadline=None, database=None)
    )
