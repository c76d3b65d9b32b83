"""When a seed asks its first contacts: at the start, while it is lonely, and now and then one (protocol.md 3.10)."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from passerby.discovery.addresses import Address
from passerby.discovery.limits import FIRST_RETRY, LONGEST_RETRY


@dataclass(slots=True)
class _First:
    addresses: tuple[Address, ...]
    due: float
    pause: float = FIRST_RETRY


class FirstContacts:
    """Seeds that a person, a name server or a shipped list named, by peer id."""

    def __init__(self) -> None:
        self._all: dict[bytes, _First] = {}

    def add(self, pid: bytes, addresses: tuple[Address, ...], now: float) -> None:
        """Take a first contact, to be asked at once; one known already gets these addresses instead."""
        self._all[pid] = _First(addresses, now)

    def due(self, is_known: Callable[[bytes], bool]) -> float:
        """Return when the next is due of those that are not known; infinity if there is none."""
        return min((first.due for pid, first in self._all.items() if not is_known(pid)), default=math.inf)

    def next(self, is_known: Callable[[bytes], bool], now: float) -> tuple[bytes, tuple[Address, ...]]:
        """Return whom to ask, the one that is due first, and take note that it is asked; there must be one.

        The pause until it is asked again doubles each time, until it is `found`.
        """
        pid = min((pid for pid in self._all if not is_known(pid)), key=lambda pid: self._all[pid].due)
        first = self._all[pid]
        first.due = now + first.pause
        first.pause = min(LONGEST_RETRY, 2 * first.pause)
        return pid, first.addresses

    def found(self, pid: bytes) -> None:
        """Take note that a seed, perhaps a first contact, answered as a seed should."""
        if pid in self._all:
            self._all[pid].pause = FIRST_RETRY

    def draw(self, is_known: Callable[[bytes], bool], rng: random.Random) -> tuple[bytes, tuple[Address, ...]] | None:
        """Return any one that is not known, due or not: so that two halves of a network find each other again."""
        others = [pid for pid in self._all if not is_known(pid)]
        if not others:
            return None
        pid = rng.choice(others)
        return pid, self._all[pid].addresses
