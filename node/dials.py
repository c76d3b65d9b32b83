"""The dials of a searching slot, as a value: SEEK/connecting of docs/protocol.md 4.2.

Who left without a word may still be named, and a dial to them is silent until it is given up. So beside dials that
have been silent for a moment another stranger is dialled; whoever is connected first is asked, the others are dropped.
"""

from dataclasses import dataclass

from passerby.node.limits import DIAL_TIMEOUT, DIALS_AT_ONCE, HEDGE_AFTER, HEDGE_GAP


@dataclass(frozen=True, slots=True)
class Dialled:
    """A dial to `peer`, begun at `began`, without M1 sent; a new stream to somebody whose stamp is made is one, too.

    `stream` is the number of the stream to open (node/slot.py).
    """

    stream: int
    peer: bytes
    began: float

    @property
    def until(self) -> float:
        """When it is given up."""
        return self.began + DIAL_TIMEOUT


@dataclass(frozen=True, slots=True)
class Connecting:
    """SEEK/connecting: `dials` is never empty, each goes to somebody else, the newest stands last.

    Before `patient_until` nobody is dialled beside them. It stays when one of them ends: so what may be done may be
    done a moment later, too.
    """

    dials: tuple[Dialled, ...]
    patient_until: float

    @classmethod
    def first(cls, stream: int, peer: bytes, now: float) -> "Connecting":
        """Begin a dial."""
        return cls((Dialled(stream, peer, now),), now + HEDGE_AFTER)

    def add(self, stream: int, peer: bytes, now: float) -> "Connecting":
        """Begin another beside these."""
        return Connecting((*self.dials, Dialled(stream, peer, now)), now + HEDGE_GAP)

    def may_add(self, now: float) -> bool:
        """Tell whether another may be dialled beside these."""
        return now >= self.patient_until and len(self.dials) < DIALS_AT_ONCE

    def goes_to(self, peer: bytes) -> bool:
        """Tell whether `peer` is being dialled."""
        return any(dial.peer == peer for dial in self.dials)

    def deadline(self, now: float) -> float:
        """Return when the oldest is given up or, if it is yet to come and earlier, when another may be dialled.

        `now` is when `may_add` was last asked: a later one would pass over what came in between.
        """
        oldest = self.dials[0].until
        is_patient = now < self.patient_until and len(self.dials) < DIALS_AT_ONCE
        return min(oldest, self.patient_until) if is_patient else oldest

    def find(self, stream: int) -> Dialled | None:
        """Return the dial on the way to that stream, if it is one of these."""
        return next((dial for dial in self.dials if dial.stream == stream), None)

    def late(self, now: float) -> tuple[Dialled, ...]:
        """Return what is to be given up."""
        return tuple(dial for dial in self.dials if now >= dial.until)

    def others(self, dials: tuple[Dialled, ...]) -> tuple[Dialled, ...]:
        """Return all but those."""
        return tuple(dial for dial in self.dials if dial not in dials)
