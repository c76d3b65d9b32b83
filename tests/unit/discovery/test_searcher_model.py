"""The searcher against a model: seeds that answer, refuse, lie and vanish, a person who starts and stops, in any order.

What must hold: never in a room of the wrong epoch, tag or level; never the guest of more than twelve seeds, never in
more than 32 rooms of one; nothing is sent to a seed that is not connected; while searching there is always a deadline,
and it is never in the past; nothing spins.
"""

import math
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.hints import Hint
from passerby.discovery.rooms import RoomId, epochs_at, tid_of
from passerby.discovery.searching.candidates import Outcome
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AskSeed,
    AttemptEnded,
    CheckWork,
    ConnectSeed,
    DisconnectSeed,
    Effect,
    EnterRoom,
    Event,
    Freed,
    Interests,
    Introduced,
    LeaveRoom,
    Locked,
    Met,
    NetworkChanged,
    Origin,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedFailed,
    SeedUp,
    SolveStamp,
    StampSolved,
    Started,
    Stopped,
    Tick,
    Told,
    Withdrawn,
)
from passerby.discovery.searching.searchview import state_of
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket

UNIX = 600.0 * 1000 + 480
HERE = parse("/ip4/127.0.0.1/tcp/4001")
PEOPLE = [SigningKey.from_seed(bytes([number]) * 32) for number in range(5)]
PIDS = [peer_id_of(key.public) for key in PEOPLE]
SEEDS = [SigningKey.from_seed(bytes([100 + number]) * 32) for number in range(30)]
SEED_PIDS = [peer_id_of(key.public) for key in SEEDS]
RECORDS = [
    sign_record(key, SeedRecord(key.public, (Address(HERE.family, f"127.0.1.{number}", 4001),), int(UNIX)))
    for number, key in enumerate(SEEDS)
]
TAGS = (b"", b"tag:chess", b"tag:go", b"lang:de")
PICK = st.integers(0, len(SEEDS) - 1)


class Search(RuleBasedStateMachine):
    """One searcher and everything around it, as the effects say it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.searching = self.locked = False
        self.tags: tuple[bytes, ...] = (b"",)
        self.fallback: float | None = None
        self.started = 0.0
        self.connecting: list[bytes] = []
        self.inside: dict[bytes, set[RoomId]] = {}
        self.out: list[EnterRoom | SampleRoom] = []
        self.asked: list[AskSeed] = []
        self.stamps: list[SolveStamp] = []
        self.busy: dict[bytes, float] = {}

    @initialize(seed=st.integers(0, 1000), level=st.integers(0, 20))
    def begin(self, seed: int, level: int) -> None:
        levels = LevelMemory()
        levels.note(b"", level, 0.0)
        self.one = Searcher(
            key=PEOPLE[0],
            network="main",
            unix_minus_now=UNIX,
            met=PeerBook(bytes(32), 1800.0),
            blocked=PeerBook(bytes(32), math.inf),
            book=SeedBook(),
            levels=levels,
            rng=random.Random(seed),
        )
        self.tell(Reachable(Scope.MACHINE, addresses=(HERE,)))

    def tell(self, event: Event) -> None:
        for effect in self.one.handle(event, self.now):
            self.note(effect)

    def note(self, effect: Effect) -> None:
        match effect:
            case ConnectSeed(seed):
                assert seed not in self.connecting
                assert seed not in self.inside
                self.connecting.append(seed)
                assert len(self.connecting) + len(self.inside) <= 12
            case DisconnectSeed(seed):
                assert seed in self.connecting or seed in self.inside
                self.forget(seed)
            case EnterRoom(seed, room, ticket, stamp):
                assert ticket is not None
                assert (read_ticket(ticket).pid, read_ticket(ticket).room) == (PIDS[0], room)
                assert stamp in (None, bytes(16))
                assert room in self.one.rooms(self.now)
                self.inside[seed].add(room)
                assert len(self.inside[seed]) <= 32
                self.out.append(effect)
            case SampleRoom(seed, room, _, interval):
                assert room in self.inside[seed]
                assert 1 <= interval <= 50
                self.out.append(effect)
            case LeaveRoom(seed, room):
                assert self.inside[seed]
                self.inside[seed] -= self.inside[seed] if room is None else {room}
            case AskSeed():
                self.asked.append(effect)
            case SolveStamp(seed, difficulty, count):
                assert seed in self.inside
                assert difficulty == 4
                assert count >= 1
                self.stamps.append(effect)
            case CheckWork():
                raise AssertionError("there is no work in the machine scope")
            case _:
                assert effect.code == "clock"

    def forget(self, seed: bytes) -> None:
        if seed in self.connecting:
            self.connecting.remove(seed)
        self.inside.pop(seed, None)
        self.out = [effect for effect in self.out if effect.seed != seed]

    # ---- seeds

    @rule(numbers=st.sets(PICK, min_size=1, max_size=20), origin=st.sampled_from(Origin))
    def introduce(self, numbers: set[int], origin: Origin) -> None:
        for number in numbers:
            self.tell(Introduced(SEED_PIDS[number], Scope.MACHINE, (HERE,), origin))

    @rule(number=PICK)
    def withdraw(self, number: int) -> None:
        self.tell(Withdrawn(SEED_PIDS[number]))

    @rule()
    def seeds_up(self) -> None:
        for seed in list(self.connecting):
            if seed in self.connecting:
                self.connecting.remove(seed)
                self.inside[seed] = set()
                self.tell(SeedUp(seed, Scope.MACHINE))

    @rule()
    def seed_fails(self) -> None:
        if self.connecting:
            self.tell(SeedFailed(self.connecting.pop(0)))

    @rule(number=PICK)
    def seed_down(self, number: int) -> None:
        if self.inside:
            seed = list(self.inside)[number % len(self.inside)]
            self.forget(seed)
            self.tell(SeedDown(seed))

    @rule(
        people=st.lists(st.integers(0, 4), max_size=3),
        level=st.none() | st.integers(0, 20),
        near=st.lists(PICK, max_size=4),
        kind=st.sampled_from(["room", "room", "room", "same", "no", "busy", "stamp", "epoch"]),
    )
    def answer(self, people: list[int], level: int | None, near: list[int], kind: str) -> None:
        if not self.out:
            return
        asked = self.out.pop(0)
        records = tuple(RECORDS[number] for number in near)
        answer: wire.Answer
        match kind:
            case "room":
                tickets = tuple(
                    sign_ticket(PEOPLE[person], Ticket(PIDS[person], asked.room, addresses=(HERE,)))
                    for person in people
                )
                answer = wire.Room(1, len(people), level, tickets, nearer=records)
            case "same":
                answer = wire.Unchanged(1)
            case "busy":
                answer = wire.Busy(1, records, level)
            case _:
                reasons = {"no": wire.Reason.NOT_ENTERED, "stamp": wire.Reason.STAMP, "epoch": wire.Reason.EPOCH}
                answer = wire.Refused(1, reasons[kind], 4)
        if not isinstance(answer, wire.Room | wire.Unchanged):
            self.inside[asked.seed].discard(asked.room)
        self.tell(Answered(asked.seed, asked.room, answer))

    @rule(good=st.booleans())
    def stamp(self, good: bool) -> None:
        if self.stamps:
            solve = self.stamps.pop(0)
            assert isinstance(self.one.wants_stamp(solve.seed, self.now), bool)
            self.tell(StampSolved(solve.seed, bytes(16) if good else None))

    @rule(good=st.booleans(), near=st.lists(PICK, max_size=8), level=st.integers(0, 20))
    def told(self, good: bool, near: list[int], level: int) -> None:
        if self.asked:
            effect = self.asked.pop(0)
            answer: dhtwire.Answer | None = None
            match effect.request:
                case dhtwire.Ping(nonce=nonce) if good:
                    answer = dhtwire.Pong(1, nonce, int(UNIX + self.now), hint=Hint(level, 1))
                case dhtwire.Find() if good:
                    answer = dhtwire.Nodes(1, tuple(RECORDS[number] for number in near), Hint(level, 1))
                case _:
                    pass
            self.tell(Told(effect.seed, effect.request, answer))

    # ---- the person

    @rule(tags=st.lists(st.sampled_from(TAGS), min_size=1, max_size=4, unique=True), fallback=st.none() | st.just(7.0))
    def interests(self, tags: list[bytes], fallback: float | None) -> None:
        self.tags, self.fallback = tuple(tags), fallback
        self.tell(Interests(self.tags, fallback))

    @rule()
    def start(self) -> None:
        self.searching, self.locked, self.started = True, False, self.now
        self.tell(Started())

    @rule()
    def stop(self) -> None:
        self.searching = self.locked = False
        self.tell(Stopped())

    @rule()
    def lock(self) -> None:
        self.locked = self.searching
        self.tell(Locked())

    @rule()
    def free(self) -> None:
        self.locked = False
        self.tell(Freed())

    @rule()
    def network(self) -> None:
        self.tell(NetworkChanged())

    @rule(outcome=st.sampled_from(Outcome))
    def attempt(self, outcome: Outcome) -> None:
        chosen = self.one.choose(self.now)
        if chosen is not None:
            assert self.searching
            assert not self.locked
            assert chosen.pid != PIDS[0]
            assert self.now - self.busy.get(chosen.pid, -9.0) >= 2.0
            assert chosen.room in self.one.rooms(self.now)
            if outcome is Outcome.BUSY:
                self.busy[chosen.pid] = self.now
            self.tell(AttemptEnded(chosen.pid, outcome))

    @rule(person=st.integers(1, 4))
    def meet(self, person: int) -> None:
        self.busy.pop(PIDS[person], None)
        self.tell(Met(PIDS[person]))

    @rule(seconds=st.floats(0.01, 30))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(600):  # every wait is bounded: more wake-ups than this in 30 s would be spinning
            deadline = self.one.deadline(self.now)
            if deadline is None or deadline > until:
                break
            self.now = max(self.now, deadline)
            self.tell(Tick())
        else:
            raise AssertionError("it spins")
        self.now = until
        self.tell(Tick())

    # ---- what holds

    @invariant()
    def in_the_rooms_wanted_and_no_other(self) -> None:
        rooms = self.one.rooms(self.now)
        assert bool(rooms) == (self.searching and not self.locked)
        for seed in self.inside:
            assert self.inside[seed] <= set(rooms)

    @invariant()
    def the_rooms_are_of_this_epoch_and_these_tags(self) -> None:
        unix = UNIX + self.now
        wanted = {*self.tags, *((b"",) if self.fallback is not None else ())}
        epochs = {*epochs_at(unix, 0.0, 60.0), *epochs_at(unix, 120.0, 120.0)}
        levels: dict[tuple[bytes, int], int] = {}
        for room, tag in self.one.rooms(self.now).items():
            assert tag in wanted
            assert room.epoch in epochs
            assert room.tid == tid_of("main", room.epoch, tag)
            levels[tag, room.epoch] = levels.get((tag, room.epoch), 0) + 1
        assert all(count <= 3 for count in levels.values())

    @invariant()
    def whoever_searches_has_a_deadline_ahead(self) -> None:
        deadline = self.one.deadline(self.now)
        if self.searching:
            assert (deadline is None) == self.locked
        self.tell(Tick())
        deadline = self.one.deadline(self.now)
        assert deadline is None or deadline > self.now

    @invariant()
    def connected_to_somebody_if_anybody_may_be_tried(self) -> None:
        book = vars(self.one)["_book"]
        if not self.locked and book.ranking(Scope.MACHINE, 0, self.now):
            assert self.connecting or self.inside

    @invariant()
    def the_view_is_sound(self) -> None:
        view = self.one.view(self.now)
        assert view.informed <= view.seeds <= view.up == len(self.inside)
        assert state_of(view) in {"no-seed", "searching", "busy", "unreachable", "empty"}


TestSearch = Search.TestCase
TestSearch.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
