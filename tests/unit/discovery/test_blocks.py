"""Entries by block: counts, the fullest and the draw are what a slow and plain count of them says."""

import random
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from passerby.discovery.seeding.blocks import Blocks, Entry


def test_the_fullest_are_drawn_alike_whatever_their_number() -> None:
    drawn: Counter[str] = Counter()
    blocks: Blocks[str] = Blocks(random.Random(1))
    for name in ("a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2"):
        blocks.add(name[0], name)
    for _ in range(6000):
        drawn[blocks.of_fullest()] += 1
    assert set(drawn) == {"a1", "a2", "a3", "b1", "b2", "b3"}
    assert sum((count - 1000) ** 2 / 1000 for count in drawn.values()) < 20.5  # chi-square, 5 degrees, 0.1 %


def test_the_draw_is_fair_by_block_then_within_it_however_the_blocks_came_and_went() -> None:
    rng = random.Random(2)
    blocks: Blocks[str] = Blocks(rng)
    entries = {f"{block}{number}": block for block in "abcde" for number in range(1 + 3 * "abcde".index(block))}
    kept = {name: blocks.add(block, name) for name, block in entries.items()}
    for _ in range(200):  # what was taken away and came again, or slept and woke, is drawn like the others
        name = rng.choice(list(kept))
        blocks.remove(kept[name])
        kept[name] = blocks.add(entries[name], name)
        sleeper = rng.choice(list(kept.values()))
        blocks.hush(sleeper)
        blocks.wake(sleeper)
    drawn = Counter(name for _ in range(13_000) for name in blocks.draw(1))
    per_block = Counter(name[0] for name in drawn.elements())
    assert sum((count - 2600) ** 2 / 2600 for count in per_block.values()) < 18.5  # 4 degrees, 0.1 %
    inside = [count for name, count in drawn.items() if name[0] == "e"]
    assert len(inside) == 13
    assert sum((count - 200) ** 2 / 200 for count in inside) < 32.9  # 12 degrees, 0.1 %


def test_of_two_drawn_from_one_block_every_pair_is_as_likely() -> None:
    blocks: Blocks[int] = Blocks(random.Random(3))
    for number in range(5):
        blocks.add("one", number)
    pairs = Counter(tuple(sorted(blocks.draw(2))) for _ in range(10_000))
    assert len(pairs) == 10
    assert sum((count - 1000) ** 2 / 1000 for count in pairs.values()) < 27.9  # 9 degrees, 0.1 %


def test_a_draw_leaves_everything_in_its_place() -> None:
    blocks: Blocks[str] = Blocks(random.Random(4))
    entries = {block: blocks.add(block, block) for block in "abcdefgh"}
    for block in "abcdef":
        blocks.draw(3)
        blocks.hush(entries.pop(block))
        assert set(blocks.draw(8)) == set(entries)


def test_nothing_has_no_fullest() -> None:
    blocks: Blocks[int] = Blocks(random.Random(1))
    assert (len(blocks), blocks.most, blocks.blocks, blocks.draw(3)) == (0, 0, 0, [])
    with pytest.raises(IndexError):
        blocks.of_fullest()


class Shares(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: Blocks[int] = Blocks(random.Random(7))
        self.entries: dict[int, tuple[str, Entry[int]]] = {}
        self.asleep: set[int] = set()
        self.number = 0

    @rule(block=st.sampled_from("abcd"))
    def add(self, block: str) -> None:
        self.entries[self.number] = block, self.blocks.add(block, self.number)
        self.number += 1

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.entries)))
        self.blocks.remove(self.entries.pop(number)[1])
        self.asleep.discard(number)

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), sleeps=st.booleans())
    def hush_or_wake(self, data: st.DataObject, sleeps: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.entries)))
        entry = self.entries[number][1]
        if sleeps:
            self.blocks.hush(entry)
            self.asleep.add(number)
        else:
            self.blocks.wake(entry)
            self.asleep.discard(number)

    @precondition(lambda self: self.entries)
    @rule()
    def take_of_fullest(self) -> None:
        most = self.blocks.most
        number = self.blocks.take_of_fullest()
        block, _ = self.entries[number]
        assert sum(other == block for other, _ in self.entries.values()) == most
        del self.entries[number]
        self.asleep.discard(number)

    @rule(count=st.integers(0, 12))
    def draw(self, count: int) -> None:
        awake = {number: block for number, (block, _) in self.entries.items() if number not in self.asleep}
        drawn = self.blocks.draw(count)
        assert len(drawn) == len(set(drawn)) == min(count, len(awake))
        per_block, has = Counter(awake[number] for number in drawn), Counter(awake.values())
        for block in has:  # nobody gets a second before everybody who has one got a first
            assert per_block[block] >= min(has[block], max(per_block.values(), default=0) - 1)

    @invariant()
    def counts_are_true(self) -> None:
        has = Counter(block for block, _ in self.entries.values())
        assert (len(self.blocks), self.blocks.blocks) == (len(self.entries), len(has))
        assert self.blocks.most == max(has.values(), default=0)
        assert [self.blocks.count(block) for block in "abcd"] == [has[block] for block in "abcd"]


TestShares = Shares.TestCase
TestShares.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
