"""What came of a lab, in words and as one JSON object. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Final

VERSION: Final = 1
LATE_SHARE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of some whole numbers; all 0 of none."""

    min: int = 0
    median: int = 0
    max: int = 0

    @classmethod
    def of(cls, figures: Iterable[int]) -> "Spread":
        """Return the spread of `figures`."""
        known = sorted(figures)
        return cls(known[0], round(median(known)), known[-1]) if known else cls()

    def __str__(self) -> str:
        """Return the middle, and the ends in brackets."""
        return f"{self.median} ({self.min} to {self.max})"


@dataclass(frozen=True, slots=True)
class MatchTime:
    """How long matches took, in milliseconds from the search to both sides' confirmation; None without any."""

    median: int | None = None
    p95: int | None = None

    @classmethod
    def of(cls, times: Sequence[int]) -> "MatchTime":
        """Return the median and the time within which 95 of 100 were matched."""
        known = sorted(times)
        return cls(round(median(known)), known[int(LATE_SHARE * (len(known) - 1))]) if known else cls()


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who could have been matched, and was not, in that round (from 1)."""

    round: int
    person: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The result. `mismatched` counts people whose verification words not exactly one other has."""

    seeds: int
    people: int
    rounds: int
    matches: int
    mismatched: int
    match_ms: MatchTime
    rooms: int
    neighbours: Spread
    connections: Spread
    killed: int
    cut_off: int
    started: int
    liars: int
    wrong_clocks: int
    left: tuple[Left, ...]
    seconds: float
    random_seed: int
    chaos: bool

    @property
    def is_good(self) -> bool:
        """Whether everybody who could be matched was, each with one other."""
        return not self.left and not self.mismatched

    def as_json(self) -> str:
        """Return the one object of `--json`, on one line."""
        return json.dumps({"v": VERSION, "ok": self.is_good, **asdict(self)})

    def lines(self) -> list[str]:
        """Return it for people to read."""
        time = self.match_ms
        told = [
            f"seeds        {self.seeds}; neighbours {self.neighbours}, connections at most {self.connections}",
            f"rooms        {self.rooms}",
            f"matches      {self.matches} of {self.people // 2 * self.rounds}, in {_rounds(self.rounds)}",
            f"match time   median {_milliseconds(time.median)}, 95 of 100 within {_milliseconds(time.p95)}",
        ]
        if self.chaos:
            told.append(
                f"chaos        {self.killed} seeds killed, {self.cut_off} cut off, {self.started} started, "
                f"{self.liars} liars, {self.wrong_clocks} wrong clocks; again with --random-seed {self.random_seed}"
            )
        if self.mismatched:
            told.append(f"mismatched   {self.mismatched} people: nobody, or not one alone, had the words that they had")
        told.append(f"left         {_people(self.left)}")
        return told


def mismatched(words: Iterable[tuple[str, ...]]) -> int:
    """Return how many of these verification words, one entry for each person of a round, do not come twice."""
    return sum(count for count in Counter(words).values() if count != 2)


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


def _milliseconds(time: int | None) -> str:
    return "unknown" if time is None else f"{time} ms"


def _people(left: Sequence[Left]) -> str:
    return ", ".join(f"number {one.person} in round {one.round}" for one in left) or "nobody"
