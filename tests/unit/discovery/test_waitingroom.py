"""A seed's waiting room: no ghosts, nobody's own ticket, every limit kept, whatever comes over the streams."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seeding.seedevents import Asked, CheckStamp, ClockSet, Closed, Connected, Heard, Limits
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.tickets import Ticket, sign_ticket

UNIX = 600.0 * 1000 + 300
ROOM = room_of("main", 1000)
OTHER = room_of("other", 1000)
HERE = parse("/ip4/127.0.0.1/tcp/4001")
KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(40)]
PIDS = [peer_id_of(key.public) for key in KEYS]


def ticket_of(person: int, room: RoomId = ROOM) -> bytes:
    return sign_ticket(KEYS[person], Ticket(PIDS[person], room, addresses=(HERE,)))


def waiting_room(limits: Limits | None = None) -> WaitingRoom:
    return WaitingRoom(random.Random(1), UNIX, limits or Limits())


def connect(seed: WaitingRoom, person: int, now: float = 0.0, *, stream: int | None = None, block: str = "") -> None:
    number = person if stream is None else stream
    seed.handle(Connected(number, PIDS[person], Scope.MACHINE, block or f"connection {number}"), now)


def enter(seed: WaitingRoom, person: int, now: float = 0.0, room: RoomId = ROOM) -> wire.Answer | CheckStamp | None:
    return seed.handle(Asked(person, wire.Enter(1, room, ticket_of(person, room))), now)


def sample(seed: WaitingRoom, person: int, now: float = 0.0, interval: int = 5) -> wire.Answer | CheckStamp | None:
    return seed.handle(Asked(person, wire.Sample(2, ROOM, 2, interval)), now)


def sweep(seed: WaitingRoom, now: float) -> None:
    seed.handle(ClockSet(UNIX), now)


def test_the_later_sees_the_earlier_and_a_sample_shows_the_later() -> None:
    seed = waiting_room()
    connect(seed, 0)
    connect(seed, 1)
    assert enter(seed, 0) == wire.Room(1, 0)
    assert enter(seed, 1) == wire.Room(1, 1, tickets=(ticket_of(0),))
    assert sample(seed, 0) == wire.Room(2, 1, tickets=(ticket_of(1),))


def test_what_was_said_already_is_not_said_again() -> None:
    seed = waiting_room()
    for person in range(2):
        connect(seed, person)
        enter(seed, person)
    assert sample(seed, 1) == wire.Unchanged(2)
    assert sample(seed, 0) != wire.Unchanged(2)
    assert sample(seed, 0) == wire.Unchanged(2)
    connect(seed, 2)
    enter(seed, 2)
    assert sample(seed, 0) != wire.Unchanged(2)


@pytest.mark.parametrize("before", [None, ticket_of(0)], ids=["none", "a ticket"])
def test_an_empty_ticket_is_none(before: bytes | None) -> None:
    seed = waiting_room()
    connect(seed, 0)
    seed.handle(Asked(0, wire.Enter(1, ROOM, before)), 0.0)
    with pytest.raises(RemoteProtocolError):
        seed.handle(Asked(0, wire.Enter(2, ROOM, b"")), 0.0)


@pytest.mark.parametrize("how", ["close", "leave", "leave all"])
def test_a_ticket_ends_with_its_stream_and_its_membership(how: str) -> None:
    seed = waiting_room()
    for person in range(2):
        connect(seed, person)
        enter(seed, person)
    match how:
        case "close":
            seed.handle(Closed(0), 0.0)
        case "leave":
            assert seed.handle(Asked(0, wire.Leave(9, ROOM)), 0.0) == wire.Left(9)
        case _:
            assert seed.handle(Asked(0, wire.Leave(9, None)), 0.0) == wire.Left(9)
    assert sample(seed, 1) == wire.Room(2, 0)
    assert sample(seed, 0) == (wire.Busy(2) if how == "close" else wire.Refused(2, wire.Reason.NOT_ENTERED))


def test_leaving_where_one_is_not_is_answered_too() -> None:
    seed = waiting_room()
    connect(seed, 0)
    assert seed.handle(Asked(0, wire.Leave(9, ROOM)), 0.0) == wire.Left(9)
    assert seed.handle(Closed(17), 0.0) is None


def test_who_is_silent_for_longer_than_announced_is_not_handed_out() -> None:
    seed = waiting_room()
    for person in range(2):
        connect(seed, person)
        enter(seed, person)
    sample(seed, 0, 0.0, interval=15)
    there = wire.Room(2, 1, 0, (ticket_of(0),))
    assert sample(seed, 1, 35.0) == there
    assert sample(seed, 1, 36.0) == wire.Unchanged(2)
    assert sample(seed, 1, 36.5) == wire.Room(2, 0, 0)
    seed.handle(Heard(0), 37.0)
    assert sample(seed, 1, 37.0) == there
    seed.handle(Heard(99), 37.0)


def test_who_is_silent_for_two_minutes_is_out_and_told_so_when_back() -> None:
    seed = waiting_room()
    connect(seed, 0)
    enter(seed, 0)
    sweep(seed, 120.0)
    assert seed.counts() == (1, 1)
    sweep(seed, 120.5)
    assert seed.counts() == (1, 0)
    assert sample(seed, 0, 121.0) == wire.Refused(2, wire.Reason.NOT_ENTERED)
    assert enter(seed, 0, 121.0) == wire.Room(1, 0)


@pytest.mark.parametrize(
    ("what", "blob"),
    [
        ("another's", ticket_of(1)),
        ("another room's", ticket_of(0, OTHER)),
        ("a relayed one where all is on this machine", sign_ticket(KEYS[0], Ticket(PIDS[0], ROOM, relay=PIDS[1]))),
        ("forged", ticket_of(0)[:-1] + bytes([ticket_of(0)[-1] ^ 1])),
        ("nothing", b""),
    ],
)
def test_a_wrong_ticket_costs_the_stream_and_leaves_nothing(what: str, blob: bytes) -> None:
    seed = waiting_room()
    connect(seed, 0)
    with pytest.raises(RemoteProtocolError):
        seed.handle(Asked(0, wire.Enter(1, ROOM, blob)), 0.0)
    assert seed.counts() == (1, 0), what
    seed.handle(Closed(0), 0.0)
    assert seed.counts() == (0, 0)


def test_only_the_present_epoch_and_near_the_edge_its_neighbour_are_accepted() -> None:
    seed = waiting_room()
    connect(seed, 0)
    for epoch in (999, 1001, 0, 5000):
        assert enter(seed, 0, room=room_of("main", epoch)) == wire.Refused(1, wire.Reason.EPOCH)
    seed.handle(ClockSet(600.0 * 1000 + 590), 0.0)
    assert isinstance(enter(seed, 0, room=room_of("main", 1001)), wire.Room)


def test_rooms_of_past_epochs_are_dropped() -> None:
    seed = waiting_room()
    connect(seed, 0)
    connect(seed, 1)
    enter(seed, 0)
    for now in (100.0, 200.0, 300.0, 400.0):
        seed.handle(Heard(0), now)
    sweep(seed, 475.0)
    assert seed.counts()[1] == 1
    sweep(seed, 485.0)
    assert seed.counts()[1] == 0
    assert sample(seed, 0, 485.0) == wire.Refused(2, wire.Reason.NOT_ENTERED)


def test_a_stream_has_a_number_of_rooms() -> None:
    seed = waiting_room(Limits(rooms_per_stream=2))
    connect(seed, 0)
    answers = [enter(seed, 0, room=room_of(str(number), 1000)) for number in range(3)]
    assert [type(answer) for answer in answers] == [wire.Room, wire.Room, wire.Refused]
    assert isinstance(enter(seed, 0, room=room_of("0", 1000)), wire.Room)


def test_a_seed_has_a_number_of_rooms_but_more_people_may_enter_them() -> None:
    seed = waiting_room(Limits(rooms=2))
    connect(seed, 0)
    answers = [enter(seed, 0, room=room_of(str(number), 1000)) for number in range(3)]
    assert answers[2] == wire.Refused(1, wire.Reason.NO_PLACE)
    connect(seed, 1)
    assert isinstance(enter(seed, 1, room=room_of("0", 1000)), wire.Room)
    seed.handle(Asked(0, wire.Leave(1, room_of("1", 1000))), 0.0)
    assert isinstance(enter(seed, 1, room=room_of("2", 1000)), wire.Room)


def test_above_four_fifths_of_its_streams_a_seed_is_busy() -> None:
    seed = waiting_room(Limits(streams=10))
    for person in range(12):
        connect(seed, person)
    answers = [enter(seed, person) for person in range(12)]
    assert [type(answer) for answer in answers] == [wire.Room] * 8 + [wire.Busy] * 4
    assert sample(seed, 9) == wire.Busy(2)
    assert isinstance(sample(seed, 7), wire.Room)
    seed.handle(Closed(0), 0.0)
    assert isinstance(enter(seed, 8), wire.Room)
    assert enter(seed, 11) == wire.Busy(1)  # one of the two that were beyond all streams


def test_a_block_has_a_number_of_streams() -> None:
    seed = waiting_room(Limits(block_streams=2))
    for person in range(4):
        connect(seed, person, block="one" if person < 3 else "other")
    assert [type(enter(seed, person)) for person in range(4)] == [wire.Room, wire.Room, wire.Busy, wire.Room]
    seed.handle(Closed(0), 0.0)
    assert isinstance(enter(seed, 2), wire.Room)


def test_the_default_limits_are_those_of_the_protocol() -> None:
    limits = Limits()
    assert (limits.room_tickets, limits.rooms_per_stream, limits.block_streams) == (256, 32, 256)


def test_a_second_stream_of_a_peer_takes_the_place_of_its_first() -> None:
    seed = waiting_room()
    connect(seed, 0)
    connect(seed, 0, stream=50)
    connect(seed, 1)
    enter(seed, 0)
    seed.handle(Asked(50, wire.Enter(1, ROOM, ticket_of(0))), 0.0)
    assert enter(seed, 1) == wire.Room(1, 1, tickets=(ticket_of(0),))
    assert sample(seed, 0) == wire.Refused(2, wire.Reason.NOT_ENTERED)
    seed.handle(Closed(0), 0.0)
    assert sample(seed, 1) == wire.Unchanged(2)


def test_a_ticket_turned_away_from_a_crowd_is_asked_for_again_when_it_thins() -> None:
    seed = waiting_room(Limits(room_tickets=2))
    for person in range(3):
        connect(seed, person, block="one")
        enter(seed, person)
    assert isinstance(sample(seed, 2), wire.Unchanged)
    seed.handle(Closed(0), 0.0)
    assert sample(seed, 2) == wire.Refused(2, wire.Reason.NOT_ENTERED)
    enter(seed, 2)
    assert sample(seed, 1) == wire.Room(2, 1, tickets=(ticket_of(2),))


def test_a_stream_number_is_used_once() -> None:
    seed = waiting_room()
    connect(seed, 0)
    with pytest.raises(LocalProtocolError):
        connect(seed, 1, stream=0)


# ---- whatever happens, in any order -------------------------------------------------------------------------------

PEOPLE = st.integers(0, 9)
ROOMS = st.sampled_from([ROOM, OTHER, room_of("main", 1001), room_of("main", 999)])
LIMITS = Limits(streams=10, block_streams=4, rooms=3, rooms_per_stream=2, room_tickets=4)


@dataclass
class Guest:
    """What the test knows of a stream, told in other words than the machine's."""

    person: int
    heard: float
    interval: int = 5
    announced: set[RoomId] = field(default_factory=set[RoomId])


class Visits(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.seed = waiting_room(LIMITS)
        self.guests: dict[int, Guest] = {}
        self.now = 0.0
        self.numbers = 0

    @rule(person=PEOPLE, block=st.integers(0, 3))
    def connect(self, person: int, block: int) -> None:
        connect(self.seed, person, self.now, stream=self.numbers, block=f"block {block}")
        self.guests[self.numbers] = Guest(person, self.now)
        self.numbers += 1

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        if self.guests:
            number = data.draw(st.sampled_from(sorted(self.guests)))
            self.seed.handle(Closed(number), self.now)
            del self.guests[number]

    @rule(data=st.data(), room=ROOMS, with_ticket=st.booleans())
    def enter(self, data: st.DataObject, room: RoomId, with_ticket: bool) -> None:
        if not self.guests:
            return
        number = data.draw(st.sampled_from(sorted(self.guests)))
        guest = self.guests[number]
        blob = ticket_of(guest.person, room) if with_ticket else None
        answer = self.seed.handle(Asked(number, wire.Enter(7, room, blob)), self.now)
        self.judge(number, room, answer, most=8)
        if isinstance(answer, wire.Room):
            for other in self.guests.values():
                if other.person == guest.person:
                    other.announced.discard(room)
            if with_ticket:
                guest.announced.add(room)

    @rule(data=st.data(), room=ROOMS, maximum=st.integers(0, 8), interval=st.integers(1, 50))
    def sample(self, data: st.DataObject, room: RoomId, maximum: int, interval: int) -> None:
        if not self.guests:
            return
        number = data.draw(st.sampled_from(sorted(self.guests)))
        answer = self.seed.handle(Asked(number, wire.Sample(7, room, maximum, interval)), self.now)
        if not isinstance(answer, wire.Busy):
            self.guests[number].interval = interval
        self.judge(number, room, answer, most=maximum)

    @rule(data=st.data(), room=st.none() | ROOMS)
    def leave(self, data: st.DataObject, room: RoomId | None) -> None:
        if not self.guests:
            return
        number = data.draw(st.sampled_from(sorted(self.guests)))
        answer = self.seed.handle(Asked(number, wire.Leave(7, room)), self.now)
        if answer == wire.Left(7):
            guest = self.guests[number]
            guest.heard = self.now
            guest.announced = set() if room is None else guest.announced - {room}

    @rule(seconds=st.floats(0, 200))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def sweep(self) -> None:
        sweep(self.seed, self.now)
        for guest in self.guests.values():
            if self.now - guest.heard > 120:
                guest.announced = set()

    def judge(self, number: int, room: RoomId, answer: wire.Answer | CheckStamp | None, most: int) -> None:
        assert isinstance(answer, wire.Answer)
        assert answer.request == 7
        asker = self.guests[number]
        if not isinstance(answer, wire.Busy):
            asker.heard = self.now
        if not isinstance(answer, wire.Room):
            return
        others = {
            ticket_of(guest.person, room): guest
            for guest in self.guests.values()
            if room in guest.announced and guest.person != asker.person
        }
        assert len(answer.tickets) == len(set(answer.tickets)) <= most
        assert answer.waiting <= len(others)
        assert len(answer.tickets) <= answer.waiting
        for blob in answer.tickets:
            guest = others[blob]  # KeyError: a ghost, or the asker's own
            assert self.now - guest.heard <= 2.4 * guest.interval

    @invariant()
    def bounds_hold(self) -> None:
        streams, rooms = self.seed.counts()
        assert streams <= 8
        assert rooms <= 3


TestVisits = Visits.TestCase
TestVisits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
