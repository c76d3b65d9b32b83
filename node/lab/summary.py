"""What came of a lab, in words and as one JSON object. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from statistics import median
from typing import Final

VERSION: Final = 1
LATE_SHARE: Final = 0.95

Words = tuple[str, ...]
"""Verification words: those of both ends of a chat, and of nobody else's."""


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
        return cls(round(median(known)), known[ceil(LATE_SHARE * len(known)) - 1]) if known else cls()


@dataclass(frozen=True, slots=True)
class Part:
    """What one person had of a round: the words of each match, and of the one in which a stranger was heard, if any.

    `is_double`: a match came while another was not over.
    """

    matched: tuple[Words, ...] = ()
    heard: Words | None = None
    is_double: bool = False

    def matched_with(self, words: Words, *, at_once: bool) -> "Part":
        """Return the part with one match more; `at_once` with another that is not over."""
        return replace(self, matched=(*self.matched, words), is_double=self.is_double or at_once)


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who could have been matched, and was not, in that round (from 1)."""

    round: int
    person: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The result; `mismatched` and `apart` count people, as the functions of these names do."""

    seeds: int
    people: int
    rounds: int
    matches: int
    mismatched: int
    apart: int
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
            f"matches      {self.matches} of {self.people // 2 * self.rounds}, in {counted(self.rounds, 'round')}",
            f"match time   median {_milliseconds(time.median)}, 95 of 100 within {_milliseconds(time.p95)}",
        ]
        if self.chaos:
            told.append(
                f"chaos        {counted(self.killed, 'seed')} killed, {self.cut_off} cut off, {self.started} started, "
                f"{counted(self.liars, 'liar')}, {counted(self.wrong_clocks, 'wrong clock')}; "
                f"again with --random-seed {self.random_seed}"
            )
        if self.mismatched:
            told.append(
                f"mismatched   {_persons(self.mismatched)}, in two chats at once or with words that not two had"
            )
        if self.apart:
            told.append(
                f"apart        {_persons(self.apart)} heard a stranger whom the line was lost to before they did"
            )
        told.append(f"left         {_people(self.left)}")
        return told


def mismatched(parts: Iterable[Part]) -> int:
    """Return how many people of a round were matched as nobody may be.

    In two chats at once; with words that three had; or having heard somebody although nobody else had those words.
    """
    round_ = list(parts)
    holders = _holders(round_)
    return sum(
        part.is_double
        or any(holders[words] > 2 for words in part.matched)
        or (part.heard is not None and holders[part.heard] != 2)
        for part in round_
    )


def apart(parts: Iterable[Part]) -> int:
    """Return how many people heard the one other who had their words, and were not heard by them.

    The line was lost in between: neither end can know of the last that it sent whether it arrived (protocol.md 4.2).
    """
    round_ = list(parts)
    holders, heard = _holders(round_), Counter(part.heard for part in round_)
    return sum(part.heard is not None and holders[part.heard] == 2 and heard[part.heard] == 1 for part in round_)


def _holders(parts: Iterable[Part]) -> Counter[Words]:
    return Counter(words for part in parts for words in set(part.matched))


def counted(count: int, one: str) -> str:
    """Return the number with its noun, as in "1 seed" and "2 seeds"."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def _persons(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _milliseconds(time: int | None) -> str:
    return "unknown" if time is None else f"{time} ms"


def _people(left: Sequence[Left]) -> str:
    return ", ".join(f"number {one.person} in round {one.round}" for one in left) or "nobody"
