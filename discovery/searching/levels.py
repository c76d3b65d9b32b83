"""Which levels of a tag to wait at: where the crowd is, and above it, where stragglers meet (protocol.md 2, Levels).

    base    where the search began: own memory, else the hints of seeds, else 0; its shard is one of 2^base
    down    lower: told so, or halfway to 0 with every re-sample that ends unmatched
    up      higher: told so, and given nobody to dial

At most these three. `down` only ever falls, so whatever seeds say, who waits comes to level 0, where all meet; and what
the seeds tell is taken by its median, so one that lies about it does not even cost that.
"""

from passerby.discovery.hints import Hint, Hints
from passerby.discovery.limits import LEVEL_MEMORY, LEVEL_STEP, LEVEL_TAGS, LOBBY_SEEDS
from passerby.discovery.rooms import ANYBODY


class LevelMemory:
    """What a person remembers of levels, over searches, epochs and identities. In memory only."""

    __slots__ = ("_hints", "_levels")

    def __init__(self) -> None:
        """Remember nothing."""
        self._levels: dict[bytes, tuple[int, float]] = {}
        self._hints = Hints(LEVEL_MEMORY)

    def hear(self, block: str, hint: Hint, now: float) -> None:
        """Take a hint of the empty tag's level, told by a seed of a block."""
        self._hints.hear(block, hint, now)

    def note(self, tag: bytes, level: int, now: float) -> None:
        """Remember the level that seeds told of a tag."""
        self._levels.pop(tag, None)
        self._levels[tag] = level, now
        if len(self._levels) > LEVEL_TAGS:
            del self._levels[next(iter(self._levels))]

    def start(self, tag: bytes, now: float) -> int:
        """Return the level at which to begin a search. Hints count for the empty tag alone: they are of no other."""
        level, noted = self._levels.get(tag, (0, now - 2 * LEVEL_MEMORY))
        if now - noted <= LEVEL_MEMORY:
            return level
        hint = self._hints.median(now) if tag == ANYBODY else None
        return 0 if hint is None else hint.level


class TagLevels:
    """The levels of one tag in one search."""

    __slots__ = ("_base", "_down", "_found", "_told", "_up")

    def __init__(self, base: int) -> None:
        """Begin at `base`."""
        self._base = base
        self._down = base
        self._up = base
        self._found = False
        self._told: dict[bytes, int] = {}

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels to be at, one to three, the first of them the base."""
        return tuple(dict.fromkeys((self._base, self._down, self._up)))

    @property
    def told(self) -> int | None:
        """What the seeds say that the level is: the median of their words, of two the lower."""
        return sorted(self._told.values())[(len(self._told) - 1) // 2] if self._told else None

    def hear(self, seed: bytes, level: int | None, *, found: bool) -> bool:
        """Take what a seed told, and whether anybody was found at it; return whether that changes `levels`."""
        before = self.levels
        self._found = self._found or found
        if level is not None:
            self._told.pop(seed, None)
            self._told[seed] = level
            if len(self._told) > LOBBY_SEEDS:
                del self._told[next(iter(self._told))]
        told = self.told
        if told is not None:
            if told <= self._base - LEVEL_STEP:
                self._down = min(self._down, told)
            higher = told >= self._base + LEVEL_STEP and not self._found
            self._up = told if higher else self._up
        return self.levels != before

    def unmatched(self) -> bool:
        """Note that a re-sample found nobody free; return whether that changes `levels`."""
        before = self.levels
        self._down //= 2
        return self.levels != before
