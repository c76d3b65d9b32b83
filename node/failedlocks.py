"""Inbound locks that failed at M3: who makes us yield and lets us wait, again and again (docs/protocol.md 4.2).

Two in a row are a pattern. For a while outbound attempts then yield to nobody, and who failed is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passerby.node.limits import YIELD_PAUSE

REFUSED_PEERS: Final = 256  # fresh peer ids cost an attacker nothing, so the list of who failed must end somewhere


@dataclass(frozen=True, slots=True)
class _Failed:
    peer: bytes
    at: float


class FailedLocks:
    """Who failed lately. Times are seconds of one monotonic clock."""

    __slots__ = ("_firm_until", "_last", "_refused")

    def __init__(self) -> None:
        self._last: _Failed | None = None
        self._firm_until = float("-inf")
        self._refused: Mapping[bytes, float] = {}  # who failed, until when

    def note(self, peer: bytes, now: float) -> None:
        """Take that a lock of `peer` failed."""
        before, self._last = self._last, _Failed(peer, now)
        if before is None or now - before.at > YIELD_PAUSE:
            return
        self._firm_until = now + YIELD_PAUSE
        still = [(p, until) for p, until in self._refused.items() if until > now and p not in (before.peer, peer)]
        newest = still[-(REFUSED_PEERS - 2) :]
        self._refused = {**dict(newest), before.peer: self._firm_until, peer: self._firm_until}

    def are_pattern(self, now: float) -> bool:
        """Tell whether to yield to nobody now."""
        return now < self._firm_until

    def bar(self, peer: bytes, now: float) -> bool:
        """Tell whether `peer` is to be refused now."""
        return now < self._refused.get(peer, now)
