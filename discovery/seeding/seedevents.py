"""What a seed's waiting room is told and what it asks to be done; the machine itself is in waitingroom.py."""

from collections.abc import Callable
from dataclasses import dataclass

from passerby.crypto.stamp import Parties
from passerby.discovery import toll, wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    BLOCK_STREAMS,
    PLACES_AT_EASE,
    ROOM_TICKETS,
    ROOMS_PER_STREAM,
    SEED_ROOMS,
    SEED_STREAMS,
)


@dataclass(frozen=True, slots=True)
class Connected:
    """A lobby stream was opened by the peer `pid`; `stream` is any number that no open stream has.

    `parties` are this seed and the peer on their connection, for stamps; without them none is ever asked for.
    """

    stream: int
    pid: bytes
    scope: Scope
    block: str
    parties: Parties | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request was read from a stream."""

    stream: int
    request: wire.Request


@dataclass(frozen=True, slots=True)
class StampChecked:
    """What became of a `CheckStamp`: due exactly once for each, and on a stream before anything else of it."""

    stream: int
    enter: wire.Enter
    good: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A stream showed life otherwise, by a request of an unknown type."""

    stream: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A stream ended, whoever ended it: its tickets end with it."""

    stream: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection is gone that carried an Enter refused for want of a stamp: how often it did counts no more."""

    parties: Parties


@dataclass(frozen=True, slots=True)
class Measured:
    """How many connections the seed has, and how many seconds late its answers are; due every second."""

    connections: int
    lag: float


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What to add to `now` to have seconds since 1970; only epochs depend on it.

    Due every `limits.SWEEP` seconds, set or not: rooms that have grown too old are dropped then.
    """

    unix_minus_now: float


Event = Connected | Asked | StampChecked | Heard | Closed | Disconnected | Measured | ClockSet


@dataclass(frozen=True, slots=True)
class CheckStamp:
    """To be done before the answer: `good = check.is_good()` in a worker thread, then the event StampChecked."""

    enter: wire.Enter
    check: toll.Check


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a seed keeps; the defaults are those of limits.py."""

    streams: int = SEED_STREAMS
    block_streams: int = BLOCK_STREAMS
    rooms: int = SEED_ROOMS
    rooms_per_stream: int = ROOMS_PER_STREAM
    places_at_ease: int = PLACES_AT_EASE
    room_tickets: int = ROOM_TICKETS


Nearer = Callable[[Scope, bytes], tuple[bytes, ...]]
"""From a scope and a room key to the records of the seeds nearest to it, nearest first, the seed itself among them."""


def knows_none(_scope: Scope, _key: bytes) -> tuple[bytes, ...]:
    """Be the Nearer of a seed that knows no seeds."""
    return ()
