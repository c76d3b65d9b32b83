"""The searcher and its seeds, case by case: coming and going, stamps, checked work, blocks, tags, time, lookups."""

import math
import random
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

import pytest

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.hints import Hint
from passerby.discovery.limits import LOBBY_SEEDS, ROOMS_PER_STREAM, SHARD_NUMBERS
from passerby.discovery.rooms import ANYBODY, RoomId, room_of
from passerby.discovery.searching.candidates import Outcome
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AskSeed,
    AttemptEnded,
    CheckWork,
    ClockSet,
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
    NetworkChanged,
    Origin,
    Retired,
    SeedDown,
    SeedFailed,
    SeedUp,
    SolveStamp,
    StampSolved,
    Started,
    Stopped,
    Tick,
    Told,
    Warn,
    Withdrawn,
    WorkChecked,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seedrecord import SeedRecord, read_record, sign_record

UNIX = 600.0 * 3_000_000 + 200
ROOM = room_of("main", 3_000_000)
KEYS = [SigningKey.from_seed(number.to_bytes(32, "big")) for number in range(200)]
PIDS = [peer_id_of(key.public) for key in KEYS]
WORK = bytes(range(32))
STAMP = bytes(16)


def address(number: int, scope: Scope = Scope.MACHINE) -> Address:
    host = f"127.0.0.{number}" if scope is Scope.MACHINE else f"198.41.{number}.4"
    return parse(f"/ip4/{host}/tcp/4001")


def record_of(number: int, scope: Scope = Scope.MACHINE, at: Address | None = None) -> bytes:
    work = WORK if scope is Scope.PUBLIC else bytes(32)
    return sign_record(
        KEYS[number], SeedRecord(KEYS[number].public, (at or address(number, scope),), int(UNIX), work=work)
    )


def checked(number: int, *, good: bool) -> WorkChecked:
    return WorkChecked(PIDS[number], read_record(record_of(number, Scope.PUBLIC)), good)


class Case:
    """A searcher with its book, and the last effects."""

    def __init__(self, *, levels: LevelMemory | None = None, book: SeedBook | None = None, unix: float = UNIX) -> None:
        self.book = SeedBook() if book is None else book
        self.levels = LevelMemory() if levels is None else levels
        self.one = Searcher(
            key=KEYS[199],
            network="main",
            unix_minus_now=unix,
            met=PeerBook(bytes(32), 1800.0),
            blocked=PeerBook(bytes(32), math.inf),
            book=self.book,
            levels=self.levels,
            rng=random.Random(5),
        )
        self.now = 0.0
        self.did: list[Effect] = []

    def tell(self, *events: Event) -> list[Effect]:
        self.did = [effect for event in events for effect in self.one.handle(event, self.now)]
        return self.did

    def at(self, now: float) -> list[Effect]:
        self.now = now
        return self.tell(Tick())

    def introduce(self, numbers: Sequence[int], scope: Scope = Scope.MACHINE, origin: Origin = Origin.NAMED) -> None:
        for number in numbers:
            self.tell(Introduced(PIDS[number], scope, (address(number, scope),), origin))

    def join(self, numbers: Sequence[int], room: RoomId = ROOM) -> None:
        """Introduce seeds, let them be up, and be let in."""
        for number in numbers:
            self.introduce([number])
            self.tell(SeedUp(PIDS[number], Scope.MACHINE), Answered(PIDS[number], room, wire.Room(1, 0)))

    def search(self) -> None:
        """Search with nothing held back: who falls back from a lock is past the opening."""
        self.tell(Started(), Locked(), Freed())

    def of(self, kind: type[Effect]) -> list[bytes]:
        return [effect.seed for effect in self.did if isinstance(effect, kind) and not isinstance(effect, Warn)]


# ---- being a guest


def test_a_seed_that_was_not_to_be_connected_is_our_mistake() -> None:
    case = Case()
    with pytest.raises(LocalProtocolError):
        case.tell(SeedUp(PIDS[1], Scope.MACHINE))
    case.introduce([1])
    case.tell(SeedUp(PIDS[1], Scope.MACHINE))
    with pytest.raises(LocalProtocolError):
        case.tell(SeedUp(PIDS[1], Scope.MACHINE))


def test_before_a_search_two_seeds_are_connected_and_one_is_enough_to_begin() -> None:
    case = Case()
    case.introduce([1, 2, 3, 4])
    assert len(vars(case.one)["_guests"]) == 2
    case.tell(Started())
    assert case.of(ConnectSeed) == []
    assert len(case.of(DisconnectSeed)) == 1, "a connection that stands is kept, but none does yet"


def test_a_seed_that_fails_is_tried_again_in_time_and_at_once_on_another_network() -> None:
    case = Case()
    case.tell(Started())
    case.introduce([1])
    case.tell(SeedFailed(PIDS[1]))
    assert case.of(ConnectSeed) == []
    assert case.one.deadline(case.now) is not None
    case.at(4.9)
    assert case.of(ConnectSeed) == []
    case.at(5.0)
    assert case.of(ConnectSeed) == [PIDS[1]]
    case.tell(SeedFailed(PIDS[1]))
    case.tell(NetworkChanged())
    assert case.of(ConnectSeed) == [PIDS[1]]


def test_while_nobody_is_searched_a_lost_seed_is_replaced_too() -> None:
    case = Case()
    case.introduce([1, 2, 3])
    up = list(vars(case.one)["_guests"])
    case.tell(SeedFailed(up[0]))
    assert len(case.of(ConnectSeed)) == 1
    for number in (1, 2, 3):
        case.tell(SeedFailed(PIDS[number]))
    assert case.one.deadline(0.0) == 5.0
    case.at(5.0)
    assert len(case.of(ConnectSeed)) == 2
    assert Case().one.deadline(0.0) is None


def test_the_local_seed_is_always_entered_and_gone_when_withdrawn() -> None:
    case = Case()
    case.tell(Started())
    case.introduce([9], origin=Origin.LOCAL)
    assert case.of(ConnectSeed) == [PIDS[9]]
    case.tell(SeedUp(PIDS[9], Scope.MACHINE))
    assert case.of(EnterRoom) == [PIDS[9]]
    case.tell(Withdrawn(PIDS[9]), Withdrawn(PIDS[9]))
    assert case.of(DisconnectSeed) == [PIDS[9]]
    assert case.book.get(PIDS[9]) is None


def test_the_local_seed_stays_beside_the_two_while_a_chat_goes_on() -> None:
    case = Case()
    case.tell(Started())
    case.introduce([9], origin=Origin.LOCAL)
    case.tell(SeedUp(PIDS[9], Scope.MACHINE), Answered(PIDS[9], ROOM, wire.Room(1, 0)))
    case.join([1, 2, 3, 4])
    case.tell(Stopped())
    assert len(case.of(DisconnectSeed)) == 2
    assert PIDS[9] not in case.of(DisconnectSeed)


def test_an_identity_that_is_over_leaves_every_seed() -> None:
    case = Case()
    case.tell(Started())
    case.join([1, 2])
    case.introduce([3])
    case.tell(Retired())
    assert sorted(case.of(DisconnectSeed)) == sorted(PIDS[1:4])
    assert not any(known.guests for known in case.book.seeds())


@pytest.mark.parametrize(
    "late",
    [
        Told(PIDS[1], dhtwire.Ping(0, bytes(8)), None),
        WorkChecked(PIDS[1], read_record(record_of(1)), good=True),
        StampSolved(PIDS[1], STAMP),
        AttemptEnded(PIDS[1], Outcome.FAILED),
        SeedUp(PIDS[3], Scope.MACHINE),
        Introduced(PIDS[4], Scope.MACHINE, (address(4),), Origin.NAMED),
        Started(),
        Retired(),
        Tick(),
    ],
    ids=lambda late: type(late).__name__,
)
def test_an_identity_that_is_over_stays_so_whatever_comes_late(late: Event) -> None:
    case = Case()
    case.tell(Started())
    case.join([1, 2])
    case.introduce([3])
    case.tell(Retired())
    case.now = 1.0
    assert case.tell(late) == []
    assert case.one.deadline(case.now) is None
    assert case.one.choose(case.now) is None
    assert not case.one.rooms(case.now)
    assert not any(known.guests for known in case.book.seeds())


def test_a_slow_connection_is_not_waited_for() -> None:
    case = Case()
    case.introduce(range(20))
    case.search()
    first = list(vars(case.one)["_guests"])
    assert len(first) == 4
    assert case.one.deadline(0.0) == 1.0
    case.at(1.0)
    assert len(case.of(ConnectSeed)) == 4
    assert case.of(DisconnectSeed) == []


def test_a_seed_that_does_not_answer_enter_for_two_seconds_is_joined_by_the_next_nearest() -> None:
    case = Case()
    case.introduce(range(20))
    case.search()
    four = list(vars(case.one)["_guests"])
    for pid in four:
        case.tell(SeedUp(pid, Scope.MACHINE))
    for pid in four[1:]:
        case.tell(Answered(pid, ROOM, wire.Room(1, 0)))
    case.at(1.9)
    assert case.of(ConnectSeed) == []
    case.at(2.0)
    assert len(case.of(ConnectSeed)) == 1
    fifth = case.of(ConnectSeed)[0]
    case.tell(SeedUp(fifth, Scope.MACHINE), Answered(fifth, ROOM, wire.Room(1, 0)))
    case.tell(Answered(four[0], ROOM, wire.Room(1, 0)))
    assert case.of(DisconnectSeed) == [fifth], "it was only to stand in"
    assert case.of(LeaveRoom) == [], "the end of a stream says as much"


def test_a_busy_seed_is_replaced_and_tried_again_later() -> None:
    case = Case()
    case.introduce(range(20))
    case.search()
    four = list(vars(case.one)["_guests"])
    for pid in four:
        case.tell(SeedUp(pid, Scope.MACHINE))
    for pid in four[1:]:
        case.tell(Answered(pid, ROOM, wire.Room(1, 0)))
    case.tell(Answered(four[0], ROOM, wire.Busy(1, level=1)))
    assert case.of(DisconnectSeed) == [four[0]]
    assert len(case.of(ConnectSeed)) == 1
    fifth = case.of(ConnectSeed)[0]
    case.tell(SeedUp(fifth, Scope.MACHINE), Answered(fifth, ROOM, wire.Room(1, 0)))
    case.at(14.9)
    assert case.of(ConnectSeed) == []
    case.at(15.0)
    assert four[0] in case.of(ConnectSeed)
    assert case.levels.start(ANYBODY, 1.0) == 1


def test_a_seed_that_answered_is_not_given_up_for_seeds_that_may_not() -> None:
    case = Case()
    case.introduce(range(20))
    case.search()
    only = next(iter(vars(case.one)["_guests"]))
    case.tell(SeedUp(only, Scope.MACHINE), Answered(only, ROOM, wire.Busy(1)))
    assert len(case.of(ConnectSeed)) == 1
    assert case.of(DisconnectSeed) == []
    for pid in [pid for pid in vars(case.one)["_guests"] if pid != only]:
        case.tell(SeedUp(pid, Scope.MACHINE), Answered(pid, ROOM, wire.Room(1, 0)))
    assert only not in vars(case.one)["_guests"]


def test_two_seeds_of_one_block_count_once_where_there_are_others() -> None:
    case = Case()
    case.tell(Started())
    for number in range(8):
        where = parse(f"/ip4/198.41.{min(number, 3)}.{number}/tcp/4001")
        record = record_of(number, Scope.PUBLIC, where)
        case.tell(Introduced(PIDS[number], Scope.PUBLIC, (where,), Origin.REMEMBERED, record))
    target = int.from_bytes(ROOM.key, "big")
    nearest = case.book.ranking(Scope.PUBLIC, target, 0.0)
    case.tell(Stopped())
    case.search()
    blocks = [known.block for known in nearest]
    assert len(set(blocks)) == 4
    chosen = [case.book.get(pid) for pid in vars(case.one)["_guests"]]
    assert {known.block for known in chosen if known} == set(blocks)
    twins = Case()
    for number in range(8):
        where = parse(f"/ip4/198.41.1.{number}/tcp/4001")
        record = record_of(number, Scope.PUBLIC, where)
        twins.tell(Introduced(PIDS[number], Scope.PUBLIC, (where,), Origin.REMEMBERED, record))
    twins.search()
    assert len(vars(twins.one)["_guests"]) == 4, "a world of one block is a world"


def test_never_more_than_twelve_seeds_however_many_tags() -> None:
    case = Case()
    case.introduce(range(60))
    case.tell(Interests(tuple(b"tag:%d" % number for number in range(5))))
    case.search()
    assert len(vars(case.one)["_guests"]) == LOBBY_SEEDS
    for pid in list(vars(case.one)["_guests"]):
        case.tell(SeedUp(pid, Scope.MACHINE))
    rooms = list(case.one.rooms(0.0))
    for room in rooms:
        for pid in list(vars(case.one)["_guests"]):
            case.tell(Answered(pid, room, wire.Room(1, 0)))
    case.now = 350.0
    case.at(399.5)
    assert len(case.one.rooms(case.now)) == 10
    assert len(vars(case.one)["_guests"]) <= LOBBY_SEEDS


def test_a_connected_seed_that_is_no_longer_among_the_nearest_makes_place() -> None:
    case = Case()
    case.introduce(range(100, 112))
    case.tell(Interests(tuple(b"tag:%d" % number for number in range(5))))
    case.search()
    guests = vars(case.one)["_guests"]
    for pid in list(guests):
        case.tell(SeedUp(pid, Scope.MACHINE))
        for room in case.one.rooms(0.0):
            case.tell(Answered(pid, room, wire.Room(1, 0)))
    assert len(guests) >= 10
    case.introduce(range(90))
    assert case.one is not None
    assert len(guests) <= LOBBY_SEEDS
    assert any(number < 90 for number in range(90) if PIDS[number] in guests)


def test_no_more_rooms_of_one_seed_than_it_takes() -> None:
    levels = LevelMemory()
    names = tuple(b"tag:%d" % number for number in range(5))
    for name in names:
        levels.note(name, 12, 0.0)
    case = Case(levels=levels, unix=600.0 * 3_000_000 + 599.0)
    case.introduce([1])
    case.tell(Interests(names, 0.5), Started(), SeedUp(PIDS[1], Scope.MACHINE))
    entered = set[RoomId]()
    for tenth in range(1, 300):
        for effect in case.did:
            if isinstance(effect, EnterRoom):
                entered.add(effect.room)
                higher = wire.Room(1, 0, level=18)
                case.did += case.one.handle(Answered(effect.seed, effect.room, higher), case.now)
            elif isinstance(effect, LeaveRoom):
                entered -= {effect.room} if effect.room else entered
        assert len(entered) <= ROOMS_PER_STREAM
        case.at(tenth / 10)
    assert len(case.one.rooms(case.now)) > ROOMS_PER_STREAM
    assert len(entered) == ROOMS_PER_STREAM


# ---- work and stamps


def test_the_work_of_a_seed_heard_of_is_checked_before_it_is_connected() -> None:
    case = Case()
    case.introduce([1], Scope.PUBLIC)
    case.tell(Started(), SeedUp(PIDS[1], Scope.PUBLIC, "network 1"))
    nearer = wire.Room(1, 0, nearer=(record_of(2, Scope.PUBLIC), record_of(3, Scope.PUBLIC)))
    case.tell(Answered(PIDS[1], ROOM, nearer))
    assert sorted(case.of(CheckWork)) == sorted(PIDS[2:4])
    assert case.of(ConnectSeed) == []
    case.tell(Tick(), checked(2, good=True))
    assert case.of(ConnectSeed) == [PIDS[2]]
    assert case.of(CheckWork) == []
    case.tell(checked(3, good=False))
    assert case.book.get(PIDS[3]) is None


def entering(count: int = 1) -> Case:
    case = Case()
    case.introduce([1])
    tags = (ANYBODY, b"tag:a", b"tag:b")[:count]
    case.tell(Interests(tags), Started(), SeedUp(PIDS[1], Scope.MACHINE))
    assert len(case.of(EnterRoom)) == count
    return case


def refused(difficulty: int) -> wire.Answer:
    return wire.Refused(1, wire.Reason.STAMP, difficulty)


def test_a_stamp_that_is_asked_for_is_solved_and_sent_once() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, refused(4)))
    assert case.did == [SolveStamp(PIDS[1], 4, 1)]
    assert case.one.wants_stamp(PIDS[1], case.now)
    assert not case.one.wants_stamp(PIDS[2], case.now)
    assert case.tell(Tick()) == []
    case.tell(StampSolved(PIDS[1], STAMP))
    assert case.did == [EnterRoom(PIDS[1], ROOM, None, STAMP)]
    assert not case.one.wants_stamp(PIDS[1], case.now)
    assert case.tell(Answered(PIDS[1], ROOM, wire.Room(1, 0)), StampSolved(PIDS[1], STAMP)) == []


def test_the_count_in_the_challenge_is_that_of_all_refusals_so_solving_waits_for_the_last_answer() -> None:
    case = entering(3)
    rooms = list(case.one.rooms(0.0))
    assert case.tell(Answered(PIDS[1], rooms[0], refused(4))) == []
    assert case.tell(Answered(PIDS[1], rooms[1], refused(5))) == []
    assert case.tell(Answered(PIDS[1], rooms[2], wire.Room(1, 0))) == [SolveStamp(PIDS[1], 5, 2)]
    case.tell(StampSolved(PIDS[1], STAMP))
    stamps = [effect.stamp for effect in case.did if isinstance(effect, EnterRoom)]
    assert stamps == [STAMP, None], "a stamp is good for one Enter"
    case.tell(Answered(PIDS[1], rooms[1], refused(4)))
    case.tell(Answered(PIDS[1], rooms[0], wire.Room(1, 0)))
    assert case.did == [SolveStamp(PIDS[1], 4, 3)]


def test_a_stamp_solved_for_an_earlier_count_is_solved_anew() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, refused(4)))
    case.tell(Answered(PIDS[1], ROOM, refused(4)))
    assert case.did == []
    assert case.tell(StampSolved(PIDS[1], STAMP)) == [SolveStamp(PIDS[1], 4, 2)]


def test_a_refusal_that_crosses_our_leaving_counts_as_it_does_with_the_seed() -> None:
    case = entering()
    case.tell(Locked())
    assert case.tell(Answered(PIDS[1], ROOM, refused(4))) == []
    assert case.tell(Freed()) == [EnterRoom(PIDS[1], ROOM, None)]
    assert case.tell(Answered(PIDS[1], ROOM, refused(4))) == [SolveStamp(PIDS[1], 4, 2)]


def test_a_stamp_at_hand_is_worth_nothing_after_a_further_refusal() -> None:
    case = entering(2)
    first, second = case.one.rooms(0.0)
    case.tell(Answered(PIDS[1], second, wire.Room(1, 0)), Answered(PIDS[1], first, refused(4)))
    case.tell(Locked(), StampSolved(PIDS[1], STAMP), Answered(PIDS[1], second, refused(4)))
    case.tell(Freed())
    assert case.of(EnterRoom) == []
    assert SolveStamp(PIDS[1], 4, 2) in case.did


def test_a_refusal_that_is_too_dear_counts_too() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, refused(7)))
    case.at(15.0)
    assert case.tell(Answered(PIDS[1], ROOM, refused(6))) == [SolveStamp(PIDS[1], 6, 2)]


@pytest.mark.parametrize("difficulty", [0, 7, 255])
def test_a_stamp_that_is_too_dear_is_not_paid_for(difficulty: int) -> None:
    case = entering()
    assert case.tell(Answered(PIDS[1], ROOM, refused(difficulty))) == []
    case.at(14.9)
    assert case.of(EnterRoom) == []
    case.at(15.0)
    assert case.of(EnterRoom) == [PIDS[1]]


def test_a_stamp_given_up_is_a_refusal_for_a_while() -> None:
    case = entering(2)
    rooms = list(case.one.rooms(0.0))
    case.tell(Answered(PIDS[1], rooms[1], wire.Room(1, 0)), Answered(PIDS[1], rooms[0], refused(6)))
    assert case.tell(StampSolved(PIDS[1], None)) == []
    case.at(15.0)
    assert [effect.room for effect in case.did if isinstance(effect, EnterRoom)] == [rooms[0]]


def test_a_stamp_that_comes_too_late_is_not_sent() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, refused(4)))
    case.tell(Locked())
    assert not case.one.wants_stamp(PIDS[1], case.now)
    case.tell(StampSolved(PIDS[1], STAMP), StampSolved(PIDS[2], STAMP))
    case.now = 20.0
    case.tell(Stopped(), Started())
    assert [effect.stamp for effect in case.did if isinstance(effect, EnterRoom)] == [None]


def test_a_stamp_is_wanted_only_while_the_seed_would_take_it() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, refused(4)))
    assert case.one.wants_stamp(PIDS[1], 14.9)
    assert not case.one.wants_stamp(PIDS[1], 15.0)


@pytest.mark.parametrize("lets_in", [False, True])
def test_who_asks_for_stamps_again_and_again_is_paid_two_and_left_alone(lets_in: bool) -> None:
    """In the other case it lets us in for each, and then says that it never did."""
    case = entering()
    solved = 0
    case.tell(Answered(PIDS[1], ROOM, refused(6)))
    for _ in range(5):
        if case.of(SolveStamp):
            solved += 1
            case.tell(StampSolved(PIDS[1], STAMP))
            if lets_in:
                case.tell(Answered(PIDS[1], ROOM, wire.Room(1, 0)))
            case.tell(Answered(PIDS[1], ROOM, refused(6)))
    assert solved == 2
    assert case.did == []
    case.at(14.9)
    assert case.of(EnterRoom) == []
    case.at(15.0)
    assert case.of(EnterRoom) == [PIDS[1]]


def test_a_seed_that_asks_for_stamps_for_ever_gets_few_in_an_hour_though_it_comes_again() -> None:
    case = entering()
    solved = 0
    for second in range(3600):
        for _ in range(4):
            if case.of(EnterRoom):
                case.tell(Answered(PIDS[1], ROOM, refused(6)))
            if case.of(SolveStamp):
                solved += 1
                case.tell(StampSolved(PIDS[1], STAMP))
        if second % 20 == 19:
            case.tell(SeedDown(PIDS[1]))
        case.at(second + 1.0)
        if case.of(ConnectSeed):
            case.tell(SeedUp(PIDS[1], Scope.MACHINE))
    assert 4 <= solved <= 50, "without longer and longer pauses 480"


def test_who_is_paid_no_more_in_one_room_is_left_alone_in_those_it_refused_and_kept_in_others() -> None:
    case = entering(2)
    inside, outside = case.one.rooms(0.0)
    case.tell(Answered(PIDS[1], inside, wire.Room(1, 0)))
    for _ in range(2):
        case.tell(Answered(PIDS[1], outside, refused(6)))
        assert case.of(SolveStamp) == [PIDS[1]]
        case.tell(StampSolved(PIDS[1], STAMP))
    assert case.tell(Answered(PIDS[1], outside, refused(6))) == []
    case.at(14.9)
    assert case.of(EnterRoom) == []
    assert case.tell(Locked()) == [LeaveRoom(PIDS[1], None)]


# ---- tags


def test_one_waits_in_the_rooms_of_all_tags_and_leaves_them_at_once() -> None:
    case = entering(3)
    tags = case.one.rooms(0.0)
    assert sorted(tags.values()) == [ANYBODY, b"tag:a", b"tag:b"]
    assert case.one.rooms(0.0) is tags
    for room in tags:
        case.tell(Answered(PIDS[1], room, wire.Room(1, 0)))
    assert case.tell(Locked()) == [LeaveRoom(PIDS[1], None)]


def test_who_came_to_anybody_after_the_fallback_is_there_again_after_a_lock() -> None:
    case = Case()
    case.introduce([1])
    case.tell(Interests((b"tag:go",), 10.0), Started())
    case.at(10.1)
    assert ANYBODY in case.one.rooms(case.now).values()
    case.tell(Locked())
    case.at(12.0)
    case.tell(ClockSet(UNIX))
    case.at(12.5)
    case.tell(Freed())
    assert ANYBODY in case.one.rooms(case.now).values()


def test_anybody_is_added_after_the_fallback_of_each_search() -> None:
    case = Case()
    case.introduce([1])
    case.tell(Interests((b"tag:go",), 20.0), Started(), SeedUp(PIDS[1], Scope.MACHINE))
    assert list(case.one.rooms(0.0).values()) == [b"tag:go"]
    now = 0.0
    while len(case.one.rooms(now)) == 1:
        deadline = case.one.deadline(now)
        assert deadline is not None
        assert deadline > now
        now = deadline
        case.at(now)
    assert 20.0 <= now <= 20.01
    assert [effect.room for effect in case.did if isinstance(effect, EnterRoom)] == [ROOM]
    case.tell(Stopped(), Started())
    assert list(case.one.rooms(now).values()) == [b"tag:go"]


def test_interests_may_change_in_a_search() -> None:
    case = entering()
    case.tell(Answered(PIDS[1], ROOM, wire.Room(1, 0)))
    case.tell(Interests((b"tag:go",)))
    assert case.of(EnterRoom) == [PIDS[1]]
    assert LeaveRoom(PIDS[1], ROOM) in case.did or LeaveRoom(PIDS[1], None) in case.did


def test_more_than_five_tags_are_our_mistake() -> None:
    case = Case()
    case.tell(Interests((ANYBODY, *(b"tag:%d" % number for number in range(5)))))
    with pytest.raises(LocalProtocolError):
        case.tell(Interests(tuple(b"tag:%d" % number for number in range(6))))


def test_further_tags_and_deeper_levels_have_fewer_seeds() -> None:
    levels = LevelMemory()
    levels.note(b"tag:deep", 5, 0.0)
    case = Case(levels=levels)
    case.introduce(range(40))
    for tags, seeds in (((ANYBODY,), 4), ((b"tag:deep",), 2)):
        case.tell(Stopped(), Interests(tags))
        case.search()
        assert len(vars(case.one)["_guests"]) == seeds
    case.tell(Stopped(), Interests((ANYBODY, b"tag:a")))
    case.search()
    assert 4 <= len(vars(case.one)["_guests"]) <= 7


def test_what_is_told_of_a_room_whose_epoch_just_ended_teaches_no_level() -> None:
    case = entering()
    case.one.rooms(600.0)
    case.now = 600.0
    case.tell(Answered(PIDS[1], ROOM, wire.Room(1, 0, level=7)))
    assert case.levels.start(ANYBODY, 600.0) == 0


# ---- asking


def test_time_and_hints_are_asked_of_three_seeds_a_second_into_a_search_and_no_more_in_it() -> None:
    case = Case()
    case.tell(Started())
    case.join([1, 2, 3, 4])
    assert case.of(AskSeed) == []
    case.at(1.0)
    asked = [effect for effect in case.did if isinstance(effect, AskSeed)]
    assert len(asked) == 3
    levels = iter((20, 4, 4))
    for effect in asked:
        assert isinstance(effect.request, dhtwire.Ping)
        pong = dhtwire.Pong(1, effect.request.nonce, int(UNIX + 1), hint=Hint(next(levels), 1))
        assert case.tell(Told(effect.seed, effect.request, pong)) == []
        assert case.tell(Told(effect.seed, effect.request, pong)) == [], "an answer counts once"
    assert Case(levels=case.levels).levels.start(ANYBODY, 1.0) == 4
    for second in range(2, 330):
        case.at(float(second))
        assert case.of(AskSeed) == []
    case.tell(Stopped())
    case.search()
    case.at(330.5)
    assert len(case.of(AskSeed)) == 2, "the two whose streams stayed open"


def test_pongs_that_are_none_are_no_answer_and_without_any_we_ask_again() -> None:
    case = Case()
    case.tell(Started())
    case.join([1])
    case.at(1.0)
    (ask,) = [effect for effect in case.did if isinstance(effect, AskSeed)]
    assert case.tell(Told(ask.seed, ask.request, dhtwire.Unsupported(1))) == []
    case.at(2.0)
    (ask,) = [effect for effect in case.did if isinstance(effect, AskSeed)]
    assert case.tell(Told(ask.seed, ask.request, None)) == []
    assert case.tell(Told(ask.seed, dhtwire.Dialback(1, bytes(8), 4001), None)) == []


def pings(case: Case) -> list[dhtwire.Ping]:
    return [e.request for e in case.did if isinstance(e, AskSeed) and isinstance(e.request, dhtwire.Ping)]


def test_a_pong_with_another_nonce_is_none() -> None:
    case = Case()
    case.tell(Started())
    case.join([1])
    case.at(1.0)
    (ping,) = pings(case)
    case.tell(Told(PIDS[1], ping, dhtwire.Pong(1, b"whatever", int(UNIX) + 6000)))
    assert case.book.clock_error == 0.0


def test_a_pong_to_an_earlier_ping_says_nothing_of_now() -> None:
    case = Case()
    case.tell(Started())
    case.join([1])
    case.at(1.0)
    (early,) = pings(case)
    case.now = 62.0
    case.tell(Answered(PIDS[1], ROOM, wire.Refused(1, wire.Reason.EPOCH)))
    (late,) = pings(case)
    case.tell(Told(PIDS[1], early, dhtwire.Pong(1, early.nonce, int(UNIX) + 6000)))
    assert case.book.clock_error == 0.0
    case.tell(Told(PIDS[1], late, dhtwire.Pong(1, late.nonce, int(UNIX) + 9000)))
    assert case.book.clock_error == pytest.approx(9000 - 62, abs=1.0)


def test_of_one_answer_eight_records_are_taken() -> None:
    case = Case()
    numbers = range(1, 17)
    case.introduce([*numbers, 0], Scope.PUBLIC)
    case.search()
    for pid in list(vars(case.one)["_guests"]):
        case.tell(SeedUp(pid, Scope.PUBLIC))
    case.at(1.0)
    ask = next(e for e in case.did if isinstance(e, AskSeed) and isinstance(e.request, dhtwire.Find))
    records = tuple(record_of(number, Scope.PUBLIC) for number in numbers)
    case.tell(Told(ask.seed, ask.request, dhtwire.Nodes(1, records)))
    assert sum(known.record is not None for known in case.book.seeds()) == 8


def clock_of(case: Case, error: float) -> list[Effect]:
    """Refuse our epoch, and have every seed that is asked for the time be `error` ahead of us."""
    room = next(iter(case.one.rooms(case.now)))
    case.tell(Answered(PIDS[1], room, wire.Refused(1, wire.Reason.EPOCH)))
    effects: list[Effect] = []
    for ask in [effect for effect in case.did if isinstance(effect, AskSeed)]:
        assert isinstance(ask.request, dhtwire.Ping)
        pong = dhtwire.Pong(1, ask.request.nonce, int(UNIX + case.now + error))
        effects += case.tell(Told(ask.seed, ask.request, pong))
    return effects


def test_a_clock_that_is_off_is_told_once_and_a_clock_that_is_set_is_believed_again() -> None:
    case = entering()
    effects = clock_of(case, 6000.0)
    assert next(effect.seconds for effect in effects if isinstance(effect, Warn)) == pytest.approx(-6000.0, abs=1.0)
    assert [room.epoch for room in case.one.rooms(0.0)] == [3_000_010]
    case.now = 61.0
    case.tell(Answered(PIDS[1], next(iter(case.one.rooms(61.0))), wire.Room(1, 0)))
    assert Warn not in map(type, clock_of(case, 6010.0))
    case.tell(ClockSet(UNIX + 6000.0))
    assert case.book.clock_error == 0.0
    assert [room.epoch for room in case.one.rooms(61.0)] == [3_000_010]


def test_a_clock_a_minute_off_is_good_enough() -> None:
    case = entering()
    assert Warn not in map(type, clock_of(case, 100.0))
    assert case.book.clock_error == 0.0


def test_of_a_seed_of_unknown_place_we_ask_who_is_near() -> None:
    case = Case()
    case.introduce([1], Scope.PUBLIC)
    case.tell(Started(), SeedUp(PIDS[1], Scope.PUBLIC))
    case.at(1.0)
    find = next(e for e in case.did if isinstance(e, AskSeed) and isinstance(e.request, dhtwire.Find))
    records = (record_of(1, Scope.PUBLIC), record_of(2, Scope.PUBLIC))
    case.tell(Told(PIDS[1], find.request, dhtwire.Nodes(1, records)))
    known = case.book.get(PIDS[1])
    assert known is not None
    assert known.blob == records[0]
    assert case.book.get(PIDS[2]) is not None
    case.tell(Withdrawn(PIDS[2]), Told(PIDS[2], find.request, dhtwire.Nodes(1, (record_of(3, Scope.PUBLIC),))))
    assert case.book.get(PIDS[3]) is None, "nobody knows the teller any more"


# ---- lookups


def many(case: Case) -> list[AskSeed]:
    """Know 80 seeds and start; return the first questions of the lookup."""
    for number in range(80):
        event = Introduced(PIDS[number], Scope.MACHINE, (address(number),), Origin.REMEMBERED, record_of(number))
        case.tell(event)
    case.tell(Started())
    return [effect for effect in case.did if isinstance(effect, AskSeed)]


def test_a_lookup_counts_who_is_late_as_failed_and_ends() -> None:
    case = Case()
    asked = many(case)
    assert len(asked) == 4
    late = asked[0]
    rounds = 0
    while not case.book.lookups.has(ROOM) and rounds < 100:
        rounds += 1
        deadline = case.one.deadline(case.now)
        assert deadline is not None
        assert deadline > case.now
        case.at(deadline)
    assert case.book.lookups.has(ROOM)
    assert case.now <= 15.1
    case.tell(Told(late.seed, late.request, dhtwire.Nodes(1)))


def test_a_lookup_learns_from_answers_and_leaves_wrong_records_out() -> None:
    case = Case()
    open_questions = many(case)
    while open_questions:
        ask = open_questions.pop(0)
        answer = dhtwire.Nodes(1, (record_of(90), b"no record"), Hint(3, 1))
        case.tell(Told(ask.seed, ask.request, None if ask.seed == PIDS[90] else answer))
        open_questions += [effect for effect in case.did if isinstance(effect, AskSeed)]
    assert case.book.lookups.has(ROOM)
    assert case.levels.start(ANYBODY, 0.0) == 3


def test_a_lookup_of_whom_nobody_answers_ends_too() -> None:
    case = Case()
    open_questions = many(case)
    while open_questions:
        ask = open_questions.pop(0)
        case.tell(Told(ask.seed, ask.request, None))
        open_questions += [effect for effect in case.did if isinstance(effect, AskSeed)]
    assert case.book.lookups.has(ROOM)


def test_a_lookup_that_a_match_breaks_off_is_not_remembered() -> None:
    case = Case()
    asked = many(case)
    case.tell(Stopped())
    case.tell(Told(asked[0].seed, asked[0].request, None))
    assert not case.book.lookups.has(ROOM)
    case.tell(Started())
    assert len(case.of(AskSeed)) == 4


def test_a_seed_lost_before_it_was_known_to_be_lost_is_nothing_new() -> None:
    case = Case()
    case.tell(
        SeedDown(PIDS[1]),
        SeedFailed(PIDS[1]),
        StampSolved(PIDS[1], None),
        WorkChecked(PIDS[1], read_record(record_of(1)), good=True),
    )
    assert case.did == []


def looked_up(case: Case, told: Mapping[bytes, Sequence[bytes]], worthless: Container[bytes] = ()) -> list[bytes]:
    """Answer all questions, `told` by whom, and checks of work; return what the lookup found, as seeds in the book."""
    left, done = list(case.did), 0
    while left:
        done += 1
        assert done < 1000, "it spins"
        match left.pop(0):
            case AskSeed(seed, _, request):
                event: Event = Told(seed, request, dhtwire.Nodes(1, tuple(told.get(seed, ()))))
            case CheckWork(seed, record):
                event = WorkChecked(seed, record, good=seed not in worthless)
            case _:
                continue
        left += case.tell(event)
    assert case.book.lookups.has(ROOM)
    return list(case.book.lookups.seeds())


def many_public(case: Case, numbers: Iterable[int] = range(80)) -> None:
    for number in numbers:
        blob = record_of(number, Scope.PUBLIC)
        case.tell(Introduced(PIDS[number], Scope.PUBLIC, (address(number, Scope.PUBLIC),), Origin.REMEMBERED, blob))
    case.tell(Started())


def near_the_room(numbers: Iterable[int]) -> list[int]:
    """Return the numbers whose work, if it were as claimed, would bring them nearest to the room."""
    target = int.from_bytes(ROOM.key, "big")

    def distance(number: int) -> int:
        position = read_record(record_of(number, Scope.PUBLIC)).position
        return int.from_bytes(position, "big") ^ target

    return sorted(numbers, key=distance)


def test_invented_work_gives_nobody_a_place_in_what_a_lookup_finds() -> None:
    case = Case()
    many_public(case)
    liars = near_the_room(range(100, 190))[:8]
    told = {PIDS[number]: [record_of(liar, Scope.PUBLIC) for liar in liars] for number in range(80)}
    found = looked_up(case, told, worthless=[PIDS[liar] for liar in liars])
    assert len(found) == 8
    assert not {PIDS[liar] for liar in liars} & set(found)
    assert all(case.book.get(PIDS[liar]) is None for liar in liars)


def test_whose_work_was_checked_in_a_lookup_is_connected_without_another_check() -> None:
    case = Case()
    many_public(case)
    others = near_the_room(range(100, 190))[:3]
    told = {PIDS[number]: [record_of(other, Scope.PUBLIC) for other in others] for number in range(80)}
    found = looked_up(case, told)
    assert {PIDS[other] for other in others} <= set(found)
    for other in others:
        known = case.book.get(PIDS[other])
        assert known is not None
        assert known.checked


def test_a_lookup_waits_for_its_checks_without_spinning() -> None:
    case = Case()
    many_public(case)
    other = near_the_room(range(100, 190))[0]
    left = list(case.did)
    while left:
        effect = left.pop(0)
        if isinstance(effect, AskSeed):
            left += case.tell(Told(effect.seed, effect.request, dhtwire.Nodes(1, (record_of(other, Scope.PUBLIC),))))
    assert PIDS[other] in case.of(CheckWork)
    assert case.tell(Tick()) == [], "it is asked for once"
    deadline = case.one.deadline(case.now)
    assert deadline is not None
    assert deadline > case.now
    assert not case.book.lookups.has(ROOM)
    case.tell(checked(other, good=True))
    assert case.book.lookups.has(ROOM)


def test_a_lookup_counts_a_seed_under_the_block_in_which_it_was_reached() -> None:
    case = Case()
    by_distance = near_the_room(range(199))
    many_public(case, by_distance[100:180])
    near = by_distance[:8]
    one_hosts = {PIDS[number] for number in near}
    left = list(case.did)
    while left:
        match left.pop(0):
            case AskSeed(seed, _, request):
                block = "network 1" if seed in one_hosts else seed.hex()
                records = tuple(record_of(number, Scope.PUBLIC) for number in near)
                left += case.tell(Told(seed, request, dhtwire.Nodes(1, records), block))
            case CheckWork(seed, record):
                left += case.tell(WorkChecked(seed, record, good=True))
            case _:
                pass
    assert len(case.book.lookups.seeds()) == 8
    assert len(case.book.lookups.seeds() & one_hosts) == 4, "half of the result is all that one block gets"


def test_a_room_whose_seeds_are_gone_is_looked_up_again() -> None:
    case = Case()
    many_public(case)
    found = looked_up(case, {})
    for pid in found[:4]:
        case.tell(Withdrawn(pid))
    assert case.book.lookups.has(ROOM)
    case.tell(Withdrawn(found[4]))
    assert [effect for effect in case.did if isinstance(effect, AskSeed)]


def test_the_hints_of_a_lookup_count_by_block() -> None:
    case = Case()
    asked = many(case)
    for ask, level in zip(asked, (9, 9, 9, 2), strict=True):
        block = "network 1" if level == 9 else "network 2"
        case.tell(Told(ask.seed, ask.request, dhtwire.Nodes(1, (), Hint(level, 1)), block))
    assert case.levels.start(ANYBODY, 0.0) == 2, "of two the lower"


def test_each_search_goes_by_one_of_four_shards_that_are_kept_for_the_epoch() -> None:
    levels = LevelMemory()
    for name in (ANYBODY, b"tag:go"):
        levels.note(name, 8, 0.0)
    case = Case(levels=levels)
    case.introduce([1])
    case.tell(Interests((ANYBODY, b"tag:go")))
    searches: Counter[frozenset[RoomId]] = Counter()
    for again in range(200):
        case.now = again / 100
        case.tell(Interests((ANYBODY,)), Interests((ANYBODY, b"tag:go")), Started())
        searches[frozenset(case.one.rooms(case.now))] += 1
        case.tell(Stopped())
    assert len(searches) == SHARD_NUMBERS
    assert min(searches.values()) > 200 / SHARD_NUMBERS / 2
    levels.note(ANYBODY, 8, 420.0)
    case.now = 420.0  # 20 s after an edge
    case.tell(Interests((ANYBODY,)), Started())
    shards = {room.shard for room in case.one.rooms(420.0) if room.epoch == 3_000_001}
    assert shards
    assert shards.isdisjoint(room.shard for rooms in searches for room in rooms), "by the luck of this draw"
    kept = case.one._rooms  # pyright: ignore[reportPrivateUsage]  # nothing else shows what is forgotten
    assert len(kept._numbers) == 2  # pyright: ignore[reportPrivateUsage]
    case.now = 1300.0
    case.at(1300.0)
    assert len(kept._numbers) == 1, "what is long over is forgotten"  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ([7], 7),
        ([0, 2**32 - 1], 0),
        ([2, 2**32 - 1, 3], 3),
        ([0, 0, 0, 2**32 - 1], 0),
        ([1, 1, 1, 1, 0, 0], 1),
        ([1, 1, 1, 2**32 - 1, 0, 0], 1),
    ],
)
def test_how_many_wait_is_what_most_seeds_say(said: list[int], shown: int) -> None:
    case = Case()
    case.tell(Started())
    case.join(range(len(said)))
    for number, waiting in enumerate(said):
        case.tell(Answered(PIDS[number], ROOM, wire.Room(1, waiting)))
    view = case.one.view(case.now)
    assert (view.informed, view.waiting) == (len(said), shown)


def test_of_several_rooms_the_fullest_is_shown() -> None:
    case = entering(2)
    for room, waiting in zip(case.one.rooms(0.0), (3, 9), strict=True):
        case.tell(Answered(PIDS[1], room, wire.Room(1, waiting)))
    assert case.one.view(case.now).waiting == 9
