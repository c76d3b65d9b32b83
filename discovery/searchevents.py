"""What crosses the border of the searcher: events in, effects out, and what the status line may know."""

from dataclasses import dataclass

from passerby.discovery import wire
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.candidates import Outcome, Seen
from passerby.discovery.rooms import RoomId

# ---- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The person wants a stranger."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The search is over: matched, or given up."""


@dataclass(frozen=True, slots=True)
class Locked:
    """The slot is promised (protocol.md 4.2, LOCK): be in no room, so that nobody dials in vain."""


@dataclass(frozen=True, slots=True)
class Freed:
    """The slot fell back to free: search on."""


@dataclass(frozen=True, slots=True)
class SeedUp:
    """A lobby stream to the seed (a binary peer id) is open, through an address of `scope`."""

    seed: bytes
    scope: Scope


@dataclass(frozen=True, slots=True)
class SeedDown:
    """The seed's stream ended, or it did not answer in time."""

    seed: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The seed answered what we sent it about `room`."""

    seed: bytes
    room: RoomId
    answer: wire.Answer


@dataclass(frozen=True, slots=True)
class Reachable:
    """How strangers reach us in `scope` from now on: a relay's peer id, or addresses; neither: not at all."""

    scope: Scope
    relay: bytes | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The attempt at a peer whom `choose` named ended without a chat."""

    pid: bytes
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Met:
    """A chat with the peer was confirmed."""

    pid: bytes


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What to add to `now` to have seconds since 1970; only epochs depend on it."""

    unix_minus_now: float


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline passed."""


Event = (
    Started | Stopped | Locked | Freed | SeedUp | SeedDown | Answered | Reachable | AttemptEnded | Met | ClockSet | Tick
)

# ---- effects ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnterRoom:
    """Send Enter to the seed, with our ticket if strangers can reach us yet."""

    seed: bytes
    room: RoomId
    ticket: bytes | None


@dataclass(frozen=True, slots=True)
class SampleRoom:
    """Send Sample to the seed."""

    seed: bytes
    room: RoomId
    maximum: int
    interval: int


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Send Leave to the seed: of one room, or of all (None)."""

    seed: bytes
    room: RoomId | None


Effect = EnterRoom | SampleRoom | LeaveRoom

# ---- facts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """What is known, for the status line: all from round trips of the last 60 s (product.md 4).

    `up` seeds have an open stream, `seeds` of them answered lately, `informed` of those told of a room we are in now;
    `waiting` is how many others they say are there; `people` are those whose tickets came.
    """

    up: int
    seeds: int
    informed: int
    waiting: int
    people: Seen


def state_of(view: View) -> str:
    """Return the state of a search in the words of product.md 4; somebody new, or nothing known yet, is `searching`."""
    people = view.people
    if not view.up:
        return "no-seed"
    if people.new or not view.informed:
        return "searching"
    if people.busy:
        return "busy"
    if people.unreachable:
        return "unreachable"
    return "empty" if people.met or not view.waiting else "searching"
