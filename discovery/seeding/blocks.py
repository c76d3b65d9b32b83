"""Who has how much: entries counted by the block of addresses that brought them (protocol.md 0.2).

Three things of a seed are shared out among strangers: its streams, its rooms, and the tickets it holds of a room. Each
is a `Blocks`, so each knows which block has most and draws fairly, and none of it takes longer in a crowd: adding,
removing, and drawing one cost the same whatever is kept.

An entry can be asleep: it counts as its block's, but is not drawn.
"""

import random
from typing import Final, Generic, TypeVar

T = TypeVar("T")


class _Group(Generic[T]):
    """What one block has; those awake come first. `rank` and `turn` are its places in the lists of Blocks."""

    __slots__ = ("awake", "block", "entries", "rank", "turn")

    def __init__(self, block: str) -> None:
        self.block: Final = block
        self.entries: list[Entry[T]] = []
        self.awake = 0
        self.rank = 0
        self.turn = 0

    def swap(self, at: int, other: int) -> None:
        entries = self.entries
        entries[at], entries[other] = entries[other], entries[at]
        entries[at].at, entries[other].at = at, other


class Entry(Generic[T]):
    """One thing that a block has, as `Blocks.add` returned it."""

    __slots__ = ("at", "group", "value")

    def __init__(self, value: T, group: _Group[T], at: int) -> None:
        self.value: Final = value
        self.group: Final = group
        self.at = at


class Blocks(Generic[T]):
    """Entries by block; `rng` draws."""

    __slots__ = ("_count", "_groups", "_rng", "_sizes", "_turns")

    def __init__(self, rng: random.Random) -> None:
        """Start empty."""
        self._rng = rng
        self._count = 0
        self._groups: dict[str, _Group[T]] = {}
        self._sizes: list[list[_Group[T]]] = []  # the groups that have 1, 2, ... entries; the last list is not empty
        self._turns: list[_Group[T]] = []  # the groups that have somebody awake

    def __len__(self) -> int:
        return self._count

    @property
    def most(self) -> int:
        """How much the block has that has most; 0 if there is nothing."""
        return len(self._sizes)

    @property
    def blocks(self) -> int:
        """How many blocks have anything."""
        return len(self._groups)

    def count(self, block: str) -> int:
        """Return how much a block has, those asleep included."""
        group = self._groups.get(block)
        return 0 if group is None else len(group.entries)

    def add(self, block: str, value: T) -> Entry[T]:
        """Give a block one more, awake; the entry is needed to take it away."""
        group = self._groups.get(block)
        if group is None:
            group = self._groups[block] = _Group(block)
        else:
            self._unrank(group)
        entry = Entry(value, group, len(group.entries))
        group.entries.append(entry)
        self._rank(group)
        self._count += 1
        self.wake(entry)
        return entry

    def remove(self, entry: Entry[T]) -> None:
        """Take an entry away; it is good for nothing afterwards."""
        group = entry.group
        self.hush(entry)
        self._unrank(group)
        group.swap(entry.at, len(group.entries) - 1)
        group.entries.pop()
        if group.entries:
            self._rank(group)
        else:
            del self._groups[group.block]
        self._count -= 1

    def hush(self, entry: Entry[T]) -> None:
        """Let an entry sleep."""
        group = entry.group
        if entry.at < group.awake:
            group.awake -= 1
            group.swap(entry.at, group.awake)
            if not group.awake:
                last = self._turns.pop()
                if last is not group:
                    self._turns[group.turn] = last
                    last.turn = group.turn

    def wake(self, entry: Entry[T]) -> None:
        """Wake an entry."""
        group = entry.group
        if entry.at >= group.awake:
            group.swap(entry.at, group.awake)
            group.awake += 1
            if group.awake == 1:
                group.turn = len(self._turns)
                self._turns.append(group)

    def of_fullest(self) -> T:
        """Return a random entry of the blocks that have most; IndexError if there is nothing."""
        return self._rng.choice(self._rng.choice(self._sizes[-1]).entries).value

    def take_of_fullest(self) -> T:
        """Take such an entry away and return what it was."""
        entry = self._rng.choice(self._rng.choice(self._sizes[-1]).entries)
        self.remove(entry)
        return entry.value

    def draw(self, count: int) -> list[T]:
        """Return at most `count` different entries that are awake: fair by block, then within the block.

        One of each of as many blocks as are wanted, then a second of each, and so on.
        """
        drawn: list[T] = []
        groups, turn = self._first(count), 0
        while groups and len(drawn) < count:
            chosen = groups if len(groups) <= count - len(drawn) else self._rng.sample(groups, count - len(drawn))
            drawn += [self._draw_one(group, group.awake - turn) for group in chosen]
            turn += 1
            groups = [group for group in groups if group.awake > turn]
        return drawn

    def _first(self, count: int) -> list[_Group[T]]:
        """Return a group with somebody awake for each of `count`, or all there are.

        A shuffle that stops when it has enough; `random.sample` would be twice as dear, and copies what it draws from.
        """
        groups, random_ = self._turns, self._rng.random
        left = len(groups)
        for _ in range(min(count, left)):
            at = int(random_() * left)
            left -= 1
            groups[at], groups[left] = groups[left], groups[at]
            groups[at].turn, groups[left].turn = at, left
        return groups[left:]

    def _draw_one(self, group: _Group[T], left: int) -> T:
        """Draw among the first `left` of a block, and put the one drawn behind those that are left."""
        if left > 1:
            group.swap(int(self._rng.random() * left), left - 1)
        return group.entries[left - 1].value

    def _rank(self, group: _Group[T]) -> None:
        size = len(group.entries)
        while size > len(self._sizes):
            self._sizes.append([])
        groups = self._sizes[size - 1]
        group.rank = len(groups)
        groups.append(group)

    def _unrank(self, group: _Group[T]) -> None:
        groups = self._sizes[len(group.entries) - 1]
        last = groups.pop()
        if last is not group:
            groups[group.rank] = last
            last.rank = group.rank
        if not self._sizes[-1]:
            self._sizes.pop()
