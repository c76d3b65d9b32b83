"""A searching peer at its seeds: in the right rooms, asking in time, never mistaken about what it was told."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.searching.candidates import Outcome, Seen
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AttemptEnded,
    ClockSet,
    ConnectSeed,
    Effect,
    EnterRoom,
    Freed,
    Introduced,
    LeaveRoom,
    Locked,
    Met,
    Origin,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedUp,
    Started,
    Stopped,
    Tick,
)
from passerby.discovery.searching.searchview import View, state_of
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket

UNIX = 600.0 * 1000 + 200  # at now = 0: far from both edges
ROOM = room_of("main", 1000)
NEXT = room_of("main", 1001)
HERE = parse("/ip4/127.0.0.1/tcp/4001")
LAN = parse("/ip4/192.168.1.7/tcp/4001")
KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(30)]
PIDS = [peer_id_of(key.public) for key in KEYS]
SEEDS = [peer_id_of(bytes([200 + number]) * 32) for number in range(20)]


def ticket_of(person: int, room: RoomId = ROOM) -> bytes:
    return sign_ticket(KEYS[person], Ticket(PIDS[person], room, addresses=(HERE,)))


def searcher(unix: float = UNIX, rng: random.Random | None = None, now: float = 0.0) -> Searcher:
    one = Searcher(
        key=KEYS[0],
        network="main",
        unix_minus_now=unix,
        met=PeerBook(bytes(32), 1800.0),
        blocked=PeerBook(bytes(32), math.inf),
        book=SeedBook(),
        levels=LevelMemory(),
        rng=rng or random.Random(1),
    )
    one.handle(Reachable(Scope.MACHINE, addresses=(HERE,)), now)
    return one


def searching(seeds: int = 1, unix: float = UNIX) -> Searcher:
    """Return one that entered its room at some seeds and was told of nobody."""
    one = searcher(unix)
    one.handle(Started(), 0.0)
    for seed in SEEDS[:seeds]:
        up(one, seed)
        one.handle(Answered(seed, ROOM, wire.Room(1, 0)), 0.0)
    return one


def up(one: Searcher, seed: bytes, scope: Scope = Scope.MACHINE, now: float = 0.0) -> list[Effect]:
    """Introduce a seed, which must be connected to at once, and return what its being up leads to."""
    address = replace(HERE if scope is Scope.MACHINE else LAN, peer=seed)
    assert ConnectSeed(seed, (address,)) in one.handle(Introduced(seed, scope, (address,), Origin.NAMED), now)
    return one.handle(SeedUp(seed, scope), now)


def lobby(effects: list[Effect]) -> list[Effect]:
    """Return what goes over lobby streams: what is asked elsewhere is the matter of other tests."""
    return [effect for effect in effects if isinstance(effect, EnterRoom | SampleRoom | LeaveRoom)]


def told(one: Searcher, *people: int, seed: bytes = SEEDS[0], now: float = 0.0, waiting: int | None = None) -> None:
    number = len(people) if waiting is None else waiting
    answer = wire.Room(1, number, tickets=tuple(ticket_of(person) for person in people))
    one.handle(Answered(seed, ROOM, answer), now)


def test_every_seed_is_entered_as_soon_as_it_is_up_with_our_ticket() -> None:
    one = searcher()
    assert up(one, SEEDS[0]) == []
    assert one.handle(Started(), 0.0) == [EnterRoom(SEEDS[0], ROOM, ticket_of(0))]
    one.handle(Answered(SEEDS[0], ROOM, wire.Room(1, 0)), 0.1)
    assert up(one, SEEDS[1], now=0.5) == [EnterRoom(SEEDS[1], ROOM, ticket_of(0))]
    assert one.handle(Tick(), 0.6) == []


def test_a_ticket_that_an_answer_brings_is_dialled_at_once() -> None:
    one = searching()
    assert one.choose(0.0) is None
    told(one, 1)
    assert one.choose(0.0) == read_ticket(ticket_of(1))


def test_nobody_is_dialled_unless_searching() -> None:
    one = searching()
    told(one, 1)
    assert one.handle(Locked(), 0.1) == [LeaveRoom(SEEDS[0], None)]
    assert one.choose(0.1) is None
    assert one.deadline(0.1) is None
    assert one.rooms(0.1) == {}
    assert one.handle(Freed(), 0.2) == [EnterRoom(SEEDS[0], ROOM, ticket_of(0))]
    told(one, 1, now=0.3)
    assert one.choose(0.3) is not None
    assert one.handle(Stopped(), 0.4) == [LeaveRoom(SEEDS[0], None)]
    assert one.choose(0.5) is None
    assert one.handle(Stopped(), 0.4) == []


def test_a_lock_that_ends_after_the_search_did_starts_nothing() -> None:
    one = searching()
    one.handle(Stopped(), 0.1)
    assert one.handle(Freed(), 0.2) == []
    assert one.handle(Locked(), 0.3) == []
    assert one.deadline(0.3) is None


def test_without_a_way_to_reach_us_we_enter_without_a_ticket_and_again_with_it() -> None:
    one = searcher()
    one.handle(Started(), 0.0)
    assert up(one, SEEDS[0], Scope.LAN) == [EnterRoom(SEEDS[0], ROOM, None)]
    assert up(one, SEEDS[1], Scope.PUBLIC) == [EnterRoom(SEEDS[1], ROOM, None)]
    lan = sign_ticket(KEYS[0], Ticket(PIDS[0], ROOM, addresses=(LAN,)))
    assert one.handle(Reachable(Scope.LAN, addresses=(LAN,)), 0.1) == [EnterRoom(SEEDS[0], ROOM, lan)]
    relayed = sign_ticket(KEYS[0], Ticket(PIDS[0], ROOM, relay=SEEDS[1]))
    assert one.handle(Reachable(Scope.PUBLIC, relay=SEEDS[1]), 0.2) == [EnterRoom(SEEDS[1], ROOM, relayed)]
    assert one.handle(Reachable(Scope.PUBLIC), 0.3) == [EnterRoom(SEEDS[1], ROOM, None)]


@pytest.mark.parametrize(
    "blob",
    [
        ticket_of(1)[:-1],
        ticket_of(1, NEXT),
        sign_ticket(KEYS[1], Ticket(PIDS[1], ROOM, relay=SEEDS[0])),
        sign_ticket(KEYS[1], Ticket(PIDS[1], ROOM, addresses=(LAN,))),
        sign_ticket(KEYS[1], Ticket(PIDS[1], ROOM, addresses=(HERE,), versions=(2,))),
        ticket_of(0),
    ],
    ids=["cut", "another room", "another scope, relayed", "another scope, direct", "another version", "our own"],
)
def test_what_a_seed_says_amiss_is_left_out_and_the_rest_is_used(blob: bytes) -> None:
    one = searching()
    one.handle(Answered(SEEDS[0], ROOM, wire.Room(1, 2, tickets=(blob, ticket_of(2)))), 0.0)
    assert {one.choose(0.0) for _ in range(3)} == {read_ticket(ticket_of(2))}
    assert one.view(0.0).people == Seen(seen=1, new=1)


def test_two_seeds_are_sampled_in_turn() -> None:
    one = searching(seeds=5)
    asked: list[bytes] = []
    now = 0.0
    while now < 30.0:
        deadline = one.deadline(now)
        assert deadline is not None
        now = deadline
        effects = lobby(one.handle(Tick(), now))
        for effect in effects:
            assert isinstance(effect, SampleRoom)
            assert (effect.room, effect.maximum, effect.interval) == (ROOM, 2, 10)
            asked.append(effect.seed)
            one.handle(Answered(effect.seed, ROOM, wire.Unchanged(1)), now)
        assert len(effects) in (0, 2)
    assert asked[:10] == SEEDS[:5] * 2


def test_a_seed_that_has_not_answered_is_not_asked_again() -> None:
    one = searching()
    assert len(lobby(one.handle(Tick(), 1.0))) == 1
    assert lobby(one.handle(Tick(), 2.0)) == []
    one.handle(Answered(SEEDS[0], ROOM, wire.Unchanged(1)), 2.5)
    assert len(lobby(one.handle(Tick(), 60.0))) == 1


def test_three_tries_in_vain_bring_the_next_sample_forward() -> None:
    one = searching()
    told(one, 1, 2, 3, 4)
    for moment in (0.3, 0.5, 0.7):
        chosen = one.choose(moment)
        assert chosen is not None
        effects = one.handle(AttemptEnded(chosen.pid, Outcome.BUSY), moment)
    assert effects == [SampleRoom(SEEDS[0], ROOM, 2, 5)]
    assert one.choose(0.9) is None
    told(one, 5, now=0.9)
    assert one.choose(0.9) == read_ticket(ticket_of(5))


def test_a_seed_that_lost_us_is_entered_again_at_once_but_only_once_a_sample() -> None:
    one = searching()
    one.handle(Tick(), 1.0)
    lost = Answered(SEEDS[0], ROOM, wire.Refused(1, wire.Reason.NOT_ENTERED))
    assert one.handle(lost, 1.1) == [EnterRoom(SEEDS[0], ROOM, ticket_of(0))]
    assert one.handle(lost, 1.2) == []
    assert one.deadline(1.2) is not None


@pytest.mark.parametrize(
    "answer", [wire.Busy(1), wire.Refused(1, wire.Reason.EPOCH), wire.Refused(1, 200), wire.Unsupported(1)]
)
def test_a_seed_that_refuses_is_asked_again_after_a_while(answer: wire.Answer) -> None:
    one = searcher()
    one.handle(Started(), 0.0)
    up(one, SEEDS[0])
    one.handle(Answered(SEEDS[0], ROOM, answer), 0.0)
    now, effects = 0.0, list[Effect]()
    while not effects:
        deadline = one.deadline(now)
        assert deadline is not None
        assert deadline > now
        now = deadline
        effects = lobby(one.handle(Tick(), now))
    assert effects == [EnterRoom(SEEDS[0], ROOM, ticket_of(0))]
    assert now == 15.0


def test_answers_that_come_too_late_say_nothing() -> None:
    one = searching()
    one.handle(Locked(), 0.1)
    told(one, 1, now=0.2)
    one.handle(Freed(), 0.3)
    assert one.choose(0.3) is None
    one.handle(SeedDown(SEEDS[0]), 0.4)
    one.handle(SeedDown(SEEDS[0]), 0.4)
    told(one, 1, now=0.5)
    assert one.choose(0.5) is None
    assert one.view(0.5).up == 0


def test_an_answer_to_leaving_changes_nothing() -> None:
    one = searching()
    before = one.view(0.0)
    assert one.handle(Answered(SEEDS[0], ROOM, wire.Left(1)), 0.0) == []
    assert one.view(0.0) == before


def test_what_a_lost_seed_said_is_forgotten() -> None:
    one = searching(seeds=2)
    told(one, 1)
    told(one, 2, seed=SEEDS[1])
    one.handle(SeedDown(SEEDS[0]), 0.1)
    assert one.choose(0.1) == read_ticket(ticket_of(2))


def test_a_seed_back_again_is_entered_again() -> None:
    one = searching()
    one.handle(SeedDown(SEEDS[0]), 3.0)
    assert any(isinstance(effect, ConnectSeed) for effect in one.handle(Tick(), 3.5))
    assert one.handle(SeedUp(SEEDS[0], Scope.MACHINE), 3.5) == [EnterRoom(SEEDS[0], ROOM, ticket_of(0))]


def test_the_next_room_is_entered_before_the_edge_and_the_old_one_left_after() -> None:
    one = searching()
    entered = left = None
    now = 0.0
    while now < 530.0:
        deadline = one.deadline(now)
        assert deadline is not None
        assert deadline > now
        now = deadline
        for effect in lobby(one.handle(Tick(), now)):
            match effect:
                case EnterRoom():
                    assert effect.room == NEXT
                    entered = now
                    one.handle(Answered(SEEDS[0], NEXT, wire.Room(1, 0)), now)
                case LeaveRoom():
                    assert effect.room == ROOM
                    left = now
                case SampleRoom():
                    one.handle(Answered(SEEDS[0], effect.room, wire.Unchanged(1)), now)
                case _:
                    raise AssertionError(effect)
    assert entered is not None
    assert left is not None
    assert 280 <= entered <= 400.01
    assert 460 <= left <= 520.01
    assert one.rooms(now) == {NEXT: b""}


def test_tickets_of_a_room_we_left_are_forgotten() -> None:
    one = searching()
    told(one, 1)
    one.handle(Locked(), 0.1)
    one.handle(Freed(), 0.2)
    assert one.choose(0.2) is None
    told(one, 1, now=0.3)
    one.handle(ClockSet(UNIX + 600), 0.3)
    assert one.choose(0.3) is None


@given(st.floats(-1e6, 1e3) | st.floats(1e9, 2e9), st.floats(1e6, 2e9))
@example(-592257.7203633888, 17275945.458769005)  # where edge - x + x < edge
def test_the_deadline_at_an_edge_falls_behind_it_however_floats_round(unix: float, now: float) -> None:
    one = searcher(unix, now=now)
    one.handle(Started(), now)
    for _ in range(300):
        deadline = one.deadline(now)
        assert deadline is not None
        assert deadline > now
        before, now = one.rooms(now), deadline
        one.handle(Tick(), now)
        if len(one.rooms(now)) > len(before):
            break


def test_neither_does_everybody_enter_the_next_room_at_once_nor_leave_the_old_one() -> None:
    entered, left = set[float](), set[float]()
    for number in range(20):
        one = searcher(rng=random.Random(number))
        one.handle(Started(), 0.0)
        now = 270.0
        for moments, rooms in ((entered, 2), (left, 1)):
            while len(one.rooms(now)) != rooms:
                now += 1.0
            moments.add(now)
    assert len(entered) > 10
    assert len(left) > 10
    assert 280 <= min(entered) <= max(entered) <= 401
    assert 460 <= min(left) <= max(left) <= 521


def test_a_clock_that_is_set_moves_us_to_the_right_room() -> None:
    one = searching()
    effects = one.handle(ClockSet(UNIX + 6000), 0.5)
    assert effects == [LeaveRoom(SEEDS[0], None), EnterRoom(SEEDS[0], room_of("main", 1010), effects_ticket(effects))]


def effects_ticket(effects: list[Effect]) -> bytes | None:
    return next(effect.ticket for effect in effects if isinstance(effect, EnterRoom))


def test_people_met_wait_and_the_deadline_tells_when_they_count_again() -> None:
    one = searching()
    one.handle(Met(PIDS[1]), 0.0)
    told(one, 1)
    assert one.choose(0.0) is None
    now = 0.0
    while one.choose(now) is None:
        deadline = one.deadline(now)
        assert deadline is not None
        assert deadline > now
        now = deadline
        for effect in lobby(one.handle(Tick(), now)):
            assert isinstance(effect, SampleRoom)
            one.handle(Answered(effect.seed, ROOM, wire.Unchanged(1)), now)
    assert now == 15.0


def test_the_view_counts_only_what_was_answered_lately() -> None:
    one = searching(seeds=2)
    told(one, 1, 2, waiting=7)
    told(one, 2, 3, seed=SEEDS[1], now=30.0)
    assert one.view(30.0) == View(up=2, seeds=2, informed=2, waiting=2, people=Seen(seen=3, new=3))
    assert one.view(61.0) == View(up=2, seeds=1, informed=1, waiting=2, people=Seen(seen=3, new=3))
    up(one, SEEDS[2], now=61.0)
    assert one.view(61.0).up == 3


BASE = View(up=1, seeds=1, informed=1, waiting=0, people=Seen())


@pytest.mark.parametrize(
    ("view", "state"),
    [
        (View(0, 0, 0, 0, Seen()), "no-seed"),
        (View(1, 0, 0, 0, Seen()), "searching"),
        (BASE, "empty"),
        (replace(BASE, waiting=3), "searching"),
        (replace(BASE, waiting=3, people=Seen(seen=2, busy=1, new=1)), "searching"),
        (replace(BASE, waiting=3, people=Seen(seen=2, busy=1, unreachable=1)), "busy"),
        (replace(BASE, waiting=3, people=Seen(seen=3, unreachable=3)), "unreachable"),
        (replace(BASE, waiting=1, people=Seen(seen=1, met=1)), "empty"),
    ],
)
def test_states_are_those_of_the_status_line(view: View, state: str) -> None:
    assert state_of(view) == state
