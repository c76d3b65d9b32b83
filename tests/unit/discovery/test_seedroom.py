"""One room of a seed: samples are fair by block, a flood displaces itself, a crowd has no first and no last."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.addresses import Scope
from passerby.discovery.seedroom import SeedRoom, Stream


def stream(name: str, block: str | None = None) -> Stream:
    return Stream(name.encode(), Scope.PUBLIC, block or name, heard=0.0)


def fill(room: SeedRoom, names: list[str], block: str | None = None) -> None:
    for name in names:
        room.enter(stream(name, block), name.encode())


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def held(room: SeedRoom) -> list[bytes]:
    return sorted(room.sample(b"nobody", 10_000, 0.0)[1])


def test_samples_are_fair_by_block_then_within_it() -> None:
    room = SeedRoom(256, random.Random(1))
    fill(room, names("flood", 90), "one block")
    fill(room, names("x", 3), "small block")
    fill(room, ["alone"])
    drawn: Counter[bytes] = Counter()
    for _ in range(6000):
        drawn.update(room.sample(b"asker", 1, 0.0)[1])
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
    room = SeedRoom(256, random.Random(1))
    for block in "abc":
        fill(room, names(block, 5), block)
    for count in range(1, 16):
        drawn = room.sample(b"asker", count, 0.0)[1]
        assert len(drawn) == len(set(drawn)) == count
        per_block = Counter(ticket[:1] for ticket in drawn)
        assert max(per_block.values()) - min(per_block[block] for block in (b"a", b"b", b"c")) <= 1


def test_waiting_counts_the_others_and_neither_is_one_handed_ones_own() -> None:
    room = SeedRoom(256, random.Random(1))
    fill(room, ["a", "b"])
    room.enter(stream("watcher"), None)
    assert room.sample(b"a", 8, 0.0) == (1, (b"b",))
    assert room.sample(b"watcher", 8, 0.0)[0] == 2
    assert room.sample(b"a", 0, 0.0) == (1, ())
    assert len(room) == 3


def test_the_silent_are_neither_counted_nor_handed_out() -> None:
    room = SeedRoom(256, random.Random(1))
    quick, slow = stream("quick"), stream("slow")
    slow.interval = 15
    room.enter(quick, b"quick")
    room.enter(slow, b"slow")
    assert room.sample(b"me", 8, 12.0)[0] == 2
    assert room.sample(b"me", 8, 12.1) == (1, (b"slow",))
    assert room.sample(b"me", 8, 36.1) == (0, ())


def test_below_half_of_the_capacity_one_block_may_have_everything() -> None:
    room = SeedRoom(256, random.Random(1))
    fill(room, names("a", 128), "one")
    assert len(held(room)) == 128
    fill(room, names("b", 10), "one")
    assert len(held(room)) == 128
    assert room.sample(b"me", 8, 0.0)[0] == 138


def test_a_flood_of_one_block_keeps_nobody_out() -> None:
    room = SeedRoom(256, random.Random(1))
    fill(room, names("flood", 1000), "one")
    fill(room, names("p", 200))
    assert sum(ticket.startswith(b"p") for ticket in held(room)) == 200
    assert len(held(room)) == 256


def test_a_full_room_of_equals_is_a_reservoir() -> None:
    kept: Counter[int] = Counter()
    for seed in range(150):
        room = SeedRoom(8, random.Random(seed))
        fill(room, names("p", 32))
        assert len(held(room)) == 8
        kept.update(int(ticket[1:]) // 8 for ticket in held(room))
    expected = 150 * 8 / 4
    assert sum((kept[quarter] - expected) ** 2 / expected for quarter in range(4)) < 16.3  # 3 degrees, 0.1 %


def test_who_is_in_gets_no_second_chance_and_loses_no_place() -> None:
    room = SeedRoom(8, random.Random(1))
    everybody = {name: stream(name) for name in names("p", 40)}
    for name, one in everybody.items():
        room.enter(one, name.encode())
    before = held(room)
    for name, one in everybody.items():
        assert room.enter(one, name.encode()) is None
    assert held(room) == before
    room.enter(everybody[before[0].decode()], b"another ticket")
    assert held(room) == sorted([b"another ticket", *before[1:]])


def test_who_was_turned_away_is_wanted_when_the_crowd_has_gone() -> None:
    room = SeedRoom(2, random.Random(1))
    a, b, c = stream("a", "one"), stream("b", "one"), stream("c", "one")
    room.enter(a, b"a")
    room.enter(b, b"b")
    room.enter(c, b"c")
    assert held(room) == [b"a"]
    assert [room.wants_ticket(one.pid) for one in (a, b, c)] == [False, False, False]
    room.leave(b"a")
    assert [room.wants_ticket(one.pid) for one in (a, b, c)] == [False, True, True]
    room.enter(b, b"b")
    assert held(room) == [b"b"]
    assert not room.wants_ticket(b"c")


def test_a_second_stream_of_a_peer_takes_the_place_of_its_first() -> None:
    room = SeedRoom(256, random.Random(1))
    first, second = stream("a"), stream("a")
    assert room.enter(first, b"old") is None
    assert room.enter(second, b"new") is first
    assert held(room) == [b"new"]
    assert room.sample(b"me", 8, 0.0)[0] == 1


def test_entering_without_a_ticket_withdraws_it() -> None:
    room = SeedRoom(256, random.Random(1))
    one = stream("a")
    room.enter(one, b"a")
    assert room.enter(one, None) is None
    assert room.sample(b"me", 8, 0.0) == (0, ())
    room.enter(one, b"a")
    assert room.sample(b"me", 8, 0.0) == (1, (b"a",))
    room.leave(b"a")
    room.leave(b"a")
    assert len(room) == 0


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.booleans()), max_size=120),
    st.integers(2, 12),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_and_the_fullest_block_never_grows_under_pressure(
    moves: list[tuple[int, int, bool]], capacity: int, rng: random.Random
) -> None:
    room = SeedRoom(capacity, rng)
    block_of: dict[bytes, int] = {}
    for person, block, stays in moves:
        name = str(person)
        if stays:
            one = stream(name, str(block))
            block_of[one.pid] = block
            room.enter(one, one.pid)
        else:
            block_of.pop(name.encode(), None)
            room.leave(name.encode())
        tickets = held(room)
        assert len(tickets) <= capacity
        assert set(tickets) <= set(block_of)
        counts = Counter(block_of[pid] for pid in tickets)
        assert not counts or max(counts.values()) <= max(capacity // 2 + capacity % 2, 1)
        assert room.sample(b"me", 8, 0.0)[0] == len(block_of) == len(room)
