"""The routing table: whatever comes and goes, ceilings hold, the nearest are known, the living stay."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.limits import (
    BUCKET_BLOCK_SEEDS,
    BUCKET_SEEDS,
    NEIGHBOURHOOD,
    NEIGHBOURHOOD_MOST,
    ROOM_SEEDS,
    TABLE_BLOCK_SEEDS,
)
from passerby.discovery.seeding.table import Contact, Table, place_of
from support.seednet import address_of, key_of, read, record_of

OWN = read(record_of(0)).position
CONTACTS = 300


def contact(number: int, block: str | None = None) -> Contact:
    blob = record_of(number)
    return Contact(read(blob), blob, block or f"connection {number}", 0.0, (address_of(number),))


def shared_bits(number: int) -> int:
    return shared_bits_of(contact(number))


def shared_bits_of(one: Contact) -> int:
    return 256 - (one.place ^ place_of(OWN)).bit_length()


BUCKETS = {bucket: [n for n in range(1, CONTACTS) if shared_bits(n) == bucket] for bucket in range(8)}
FAR = BUCKETS[0]
NEAR = sorted(range(1, CONTACTS), key=lambda number: contact(number).place ^ place_of(OWN))


def table_of(*numbers: int) -> Table:
    table = Table(OWN)
    for number in numbers:
        assert table.add(contact(number)) is None
    return table


def test_of_the_third_nearests_bucket_sixteen_are_kept_the_nearest() -> None:
    *far, beyond = sorted(FAR, key=NEAR.index)[: NEIGHBOURHOOD_MOST + 1]
    table = table_of(*far)
    assert not table.wants(contact(beyond).place, "")
    assert table.add(contact(NEAR[0])) is not None
    assert len(table) == NEIGHBOURHOOD_MOST
    assert contact(far[0]).pid in table


def test_for_each_that_comes_nearer_one_goes_that_is_near_no_more() -> None:
    table = table_of(*FAR[:NEIGHBOURHOOD_MOST])
    for number in NEAR[:NEIGHBOURHOOD]:
        gone = table.add(contact(number))
        assert gone is not None
        assert shared_bits_of(gone) == 0
    assert all(contact(number).pid in table for number in NEAR[:NEIGHBOURHOOD])
    assert len(table) == NEIGHBOURHOOD_MOST


def test_an_old_contact_is_preferred_over_a_newcomer() -> None:
    table = table_of(*NEAR[:NEIGHBOURHOOD], *FAR[:BUCKET_SEEDS])
    newcomer = contact(FAR[BUCKET_SEEDS])
    assert not table.wants(newcomer.place, newcomer.block)
    assert table.add(newcomer) is newcomer
    assert newcomer.pid not in table
    assert all(contact(number).pid in table for number in FAR[:BUCKET_SEEDS])


def test_a_newcomer_of_a_new_block_displaces_the_younger_of_two_of_one() -> None:
    table = table_of(*NEAR[:NEIGHBOURHOOD])
    for number, block in zip(FAR, ("one", "two", "one", "two"), strict=False):
        assert table.add(contact(number, block)) is None
    third = contact(FAR[4], "three")
    assert table.wants(third.place, "three")
    assert not table.wants(third.place, "three", [contact(FAR[5]).place])  # that one will have displaced already
    assert not table.wants(third.place, "two")
    displaced = table.add(third)
    assert displaced is not None
    assert displaced.pid == contact(FAR[3]).pid
    assert len(table) == NEIGHBOURHOOD + BUCKET_SEEDS


def test_a_block_has_two_in_a_bucket_however_near_they_are() -> None:
    table = Table(OWN)
    near = BUCKETS[4]
    assert [table.add(contact(number, "one")) is None for number in near[:3]] == [True, True, False]
    assert not table.wants(contact(near[3]).place, "one")
    assert table.wants(contact(near[3]).place, "two")


def test_a_block_has_ten_in_all() -> None:
    table = Table(OWN)
    for bucket in range(TABLE_BLOCK_SEEDS // BUCKET_BLOCK_SEEDS):
        for number in BUCKETS[bucket][:BUCKET_BLOCK_SEEDS]:
            assert table.add(contact(number, "one")) is None
    assert not table.wants(contact(BUCKETS[5][0]).place, "one")
    table.drop(contact(BUCKETS[0][0]).pid)
    assert table.wants(contact(BUCKETS[5][0]).place, "one")


def test_those_expected_count_as_if_they_were_here() -> None:
    table = table_of(*FAR[:BUCKET_SEEDS])
    newcomer = contact(FAR[BUCKET_SEEDS])
    nearer = [contact(number).place for number in NEAR[:NEIGHBOURHOOD]]
    assert table.wants(newcomer.place, newcomer.block, nearer[: NEIGHBOURHOOD - BUCKET_SEEDS - 1])
    assert not table.wants(newcomer.place, newcomer.block, nearer)


def test_a_contact_added_again_is_one_contact() -> None:
    table = table_of(5)
    assert table.add(contact(5, "another block")) is None
    assert len(table) == 1
    kept = table.get(contact(5).pid)
    assert kept is not None
    assert kept.block == "another block"


def test_who_is_no_contact_cannot_be_dropped() -> None:
    assert table_of(5).drop(contact(6).pid) is None


def test_the_oldest_are_those_that_answered_longest_ago() -> None:
    table = table_of(1, 2, 3)
    table.touch(contact(1).pid, 7.0)
    assert [old.pid for old in table.oldest(2)] == [contact(2).pid, contact(3).pid]
    assert table.oldest(9)[-1].answered == 7.0


def test_sparse_are_the_buckets_that_miss_some_down_to_the_neighbourhood() -> None:
    assert Table(OWN).sparse_buckets() == []
    table = table_of(*BUCKETS[0][:4], *BUCKETS[1][:2], *BUCKETS[3][:4], *BUCKETS[4][:4])
    assert table.sparse_buckets() == [1, 2]
    assert table_of(BUCKETS[2][0]).sparse_buckets() == [0, 1, 2]


@pytest.mark.parametrize("bucket", [0, 1, 7, 254, 255])
def test_a_place_in_a_bucket_is_in_that_bucket(bucket: int) -> None:
    table = Table(OWN)
    assert table.bucket_of(place_of(table.place_in(bucket, random.Random(1)))) == bucket


STEPS = st.lists(
    st.tuples(st.integers(1, CONTACTS - 1), st.sampled_from(["a", "b", "c", "d", "own", "gone"])), max_size=120
)


@given(STEPS, st.binary(min_size=32, max_size=32), st.integers(0, 20))
def test_whatever_comes_and_goes(steps: list[tuple[int, str]], target: bytes, count: int) -> None:
    table = Table(OWN)
    here: dict[bytes, Contact] = {}
    for number, word in steps:
        newcomer = contact(number, None if word == "own" else word)
        if word == "gone":
            assert table.drop(newcomer.pid) is here.pop(newcomer.pid, None)
        else:
            table.drop(newcomer.pid)
            here.pop(newcomer.pid, None)
            wanted = table.wants(newcomer.place, newcomer.block)
            here[newcomer.pid] = newcomer
            surplus = table.add(newcomer)
            assert wanted == (surplus is not newcomer)
            if surplus is not None:
                del here[surplus.pid]
        _check(table, here)
    brute = sorted(here.values(), key=lambda one: one.place ^ place_of(target))[:count]
    assert table.nearest(target, count) == brute


def _check(table: Table, here: dict[bytes, Contact]) -> None:
    assert len(table) == len(here)
    assert set(map(id, table.oldest(len(here)))) == set(map(id, here.values()))
    buckets: dict[int, list[Contact]] = {}
    for one in here.values():
        buckets.setdefault(table.bucket_of(one.place), []).append(one)
    surplus = sum(max(0, len(members) - BUCKET_SEEDS) for members in buckets.values())
    assert surplus <= NEIGHBOURHOOD_MOST - BUCKET_SEEDS
    for members in buckets.values():
        assert max(Counter(one.block for one in members).values()) <= BUCKET_BLOCK_SEEDS
    assert all(held <= TABLE_BLOCK_SEEDS for held in Counter(one.block for one in here.values()).values())


@given(st.permutations(range(1, 60)))
def test_without_quotas_the_eight_nearest_of_all_who_came_are_known(order: list[int]) -> None:
    table = Table(OWN)
    for number in order:
        table.add(contact(number))
    truth = sorted(order, key=lambda number: contact(number).place ^ place_of(OWN))[:NEIGHBOURHOOD]
    assert [one.record.public for one in table.nearest(OWN, NEIGHBOURHOOD)] == [key_of(n).public for n in truth]


@pytest.mark.parametrize("count", [6, 12, 24, 48])
def test_whichever_room_is_ours_the_others_that_hold_it_are_known(count: int) -> None:
    ours = 0
    for seed in range(200):
        rng = random.Random(seed)
        others = [contact(number) for number in rng.sample(range(1, CONTACTS), count)]
        table = Table(OWN)
        for other in others:
            table.add(other)
        for depth in (*range(count.bit_length()), 0, 0, 1, 1):
            room = (place_of(OWN) ^ rng.getrandbits(256 - depth)).to_bytes(32, "big")
            *three, fourth = sorted(others, key=lambda other: other.place ^ place_of(room))[:ROOM_SEEDS]
            if place_of(OWN) ^ place_of(room) < fourth.place ^ place_of(room):
                assert table.nearest(room, ROOM_SEEDS - 1) == three
                ours += 1
    assert ours > 500
