"""One room of a seed: samples are fair by block, a flood displaces itself, a crowd has no first and no last."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import room_of
from passerby.discovery.seeding.seedroom import Place, SeedRoom, Stream

ROOM = room_of("main", 1000)


def stream(name: str, block: str | None = None) -> Stream:
    return Stream(0, name.encode(), Scope.PUBLIC, block or name, heard=0.0)


def open_room(capacity: int = 256, rng: random.Random | None = None) -> SeedRoom:
    return SeedRoom(Scope.PUBLIC, ROOM, capacity, rng or random.Random(1), 0.0)


def watcher(room: SeedRoom) -> Place:
    return room.enter(stream("watcher"), None)


def fill(room: SeedRoom, names: list[str], block: str | None = None) -> None:
    for name in names:
        room.enter(stream(name, block), name.encode())


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def held(room: SeedRoom) -> list[bytes]:
    place = watcher(room)
    tickets = room.sample(place, 10_000)[1]
    room.leave(place)
    return sorted(tickets)


def waiting(room: SeedRoom) -> int:
    place = watcher(room)
    others, _ = room.sample(place, 0)
    room.leave(place)
    return others


def test_samples_are_fair_by_block_then_within_it() -> None:
    room = open_room()
    fill(room, names("flood", 90), "one block")
    fill(room, names("x", 3), "small block")
    fill(room, ["alone"])
    asker = watcher(room)
    drawn: Counter[bytes] = Counter()
    for _ in range(6000):
        drawn.update(room.sample(asker, 1)[1])
    blocks = {"flood": 0, "x": 0, "alone": 0}
    for ticket, count in drawn.items():
        blocks[ticket.decode().rstrip("0123456789")] += count
    expected = 2000
    assert sum((count - expected) ** 2 / expected for count in blocks.values()) < 13.8  # chi-square, 2 degrees, 0.1 %
    inside = [count for ticket, count in drawn.items() if ticket.startswith(b"flood")]
    mean = blocks["flood"] / 90
    assert len(inside) == 90
    assert sum((count - mean) ** 2 / mean for count in inside) < 134  # 89 degrees, 0.1 %


def test_each_block_gives_one_before_any_gives_two() -> None:
    room = open_room()
    for block in "abc":
        fill(room, names(block, 5), block)
    asker = watcher(room)
    for count in range(1, 16):
        drawn = room.sample(asker, count)[1]
        assert len(drawn) == len(set(drawn)) == count
        per_block = Counter(ticket[:1] for ticket in drawn)
        assert max(per_block.values()) - min(per_block[block] for block in (b"a", b"b", b"c")) <= 1


def test_waiting_counts_the_others_and_neither_is_one_handed_ones_own() -> None:
    room = open_room()
    fill(room, ["b"])
    a, asker = room.enter(stream("a"), b"a"), watcher(room)
    assert room.sample(a, 8) == (1, (b"b",))
    assert room.sample(asker, 8)[0] == 2
    assert room.sample(a, 0) == (1, ())
    assert len(room) == 3


def silence(place: Place) -> None:
    place.stream.asleep = True
    place.room.hush(place)


def test_the_silent_are_neither_counted_nor_handed_out() -> None:
    room = open_room()
    me = watcher(room)
    places = [room.enter(stream(name), name.encode()) for name in ("silent", "awake")]
    assert room.sample(me, 8)[0] == 2
    silence(places[0])
    assert room.sample(me, 8) == (1, (b"awake",))
    silence(places[1])
    assert room.sample(me, 8) == (0, ())
    for place in places:
        place.stream.asleep = False
        room.wake(place)
    assert room.sample(me, 8)[0] == 2
    silence(places[0])
    room.leave(places[0])
    assert room.sample(me, 8) == (1, (b"awake",))


def test_below_half_of_the_capacity_one_block_may_have_everything() -> None:
    room = open_room()
    fill(room, names("a", 128), "one")
    assert len(held(room)) == 128
    fill(room, names("b", 10), "one")
    assert len(held(room)) == 128
    assert waiting(room) == 138


def test_a_flood_of_one_block_keeps_nobody_out() -> None:
    room = open_room()
    fill(room, names("flood", 1000), "one")
    fill(room, names("p", 200))
    assert sum(ticket.startswith(b"p") for ticket in held(room)) == 200
    assert len(held(room)) == 256


def test_a_full_room_of_equals_is_a_reservoir() -> None:
    kept: Counter[int] = Counter()
    for seed in range(150):
        room = open_room(8, random.Random(seed))
        fill(room, names("p", 32))
        assert len(held(room)) == 8
        kept.update(int(ticket[1:]) // 8 for ticket in held(room))
    expected = 150 * 8 / 4
    assert sum((kept[quarter] - expected) ** 2 / expected for quarter in range(4)) < 16.3  # 3 degrees, 0.1 %


def test_who_is_in_gets_no_second_chance_and_loses_no_place() -> None:
    room = open_room(8)
    everybody = {name: stream(name) for name in names("p", 40)}
    for name, one in everybody.items():
        room.enter(one, name.encode())
    before = held(room)
    for name, one in everybody.items():
        place = one.places[ROOM]
        assert room.enter(one, name.encode()) is place
    assert held(room) == before
    room.enter(everybody[before[0].decode()], b"another ticket")
    assert held(room) == sorted([b"another ticket", *before[1:]])


def test_who_was_turned_away_is_wanted_when_the_crowd_has_gone() -> None:
    room = open_room(2)
    a, b, c = stream("a", "one"), stream("b", "one"), stream("c", "one")
    room.enter(a, b"a")
    room.enter(b, b"b")
    room.enter(c, b"c")
    assert held(room) == [b"a"]
    assert [room.wants_ticket(one.places[ROOM]) for one in (a, b, c)] == [False, False, False]
    room.leave(a.places[ROOM])
    assert [room.wants_ticket(one.places[ROOM]) for one in (b, c)] == [True, True]
    room.enter(b, b"b")
    assert held(room) == [b"b"]
    assert not room.wants_ticket(c.places[ROOM])


def test_a_second_stream_of_a_peer_takes_the_place_of_its_first() -> None:
    room = open_room()
    first, second = stream("a"), stream("a")
    room.enter(first, b"old")
    room.enter(second, b"new")
    assert (list(first.places), list(second.places)) == ([], [ROOM])
    assert held(room) == [b"new"]
    assert waiting(room) == 1


def test_entering_without_a_ticket_withdraws_it() -> None:
    room = open_room()
    one = stream("a")
    room.enter(one, b"a")
    room.enter(one, None)
    assert (waiting(room), held(room)) == (0, [])
    room.enter(one, b"a")
    assert (waiting(room), held(room)) == (1, [b"a"])
    room.leave(one.places[ROOM])
    assert (len(room), one.places) == (0, {})


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.booleans()), max_size=120),
    st.integers(2, 12),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_and_the_fullest_block_never_grows_under_pressure(
    moves: list[tuple[int, int, bool]], capacity: int, rng: random.Random
) -> None:
    room = open_room(capacity, rng)
    block_of: dict[bytes, int] = {}
    streams: dict[bytes, Stream] = {}
    for person, block, stays in moves:
        name = str(person)
        if stays:
            one = stream(name, str(block))
            block_of[one.pid] = block
            streams[one.pid] = one
            room.enter(one, one.pid)
        elif name.encode() in block_of:
            del block_of[name.encode()]
            room.leave(streams[name.encode()].places[ROOM])
        tickets = held(room)
        assert len(tickets) <= capacity
        assert set(tickets) <= set(block_of)
        counts = Counter(block_of[pid] for pid in tickets)
        assert not counts or max(counts.values()) <= max(capacity // 2 + capacity % 2, 1)
        assert waiting(room) == len(block_of) == len(room)
