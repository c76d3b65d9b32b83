"""What crosses the border of the searcher: events in, effects out; what the status line may know is in searchview.py.

The shell moves bytes and decides nothing. What it owes the searcher, effect by effect:

| effect                | the shell                                                    | and reports            |
|-----------------------|--------------------------------------------------------------|------------------------|
| ConnectSeed           | tries the addresses in turn, opens a lobby stream            | SeedUp or SeedFailed   |
|                       | ... and when that stream ends, unless by DisconnectSeed      | SeedDown               |
| DisconnectSeed        | gives up dialling, or closes the stream                      | nothing of it any more |
| EnterRoom, SampleRoom | posts the request on the seed's lobby stream                 | Answered               |
| LeaveRoom             | does so too                                                  | nothing                |
| AskSeed               | asks over DHT, on the seed's connection or one made for it   | Told                   |
| CheckWork             | verifies off the event loop (seedrecord.check_work)          | WorkChecked            |
| SolveStamp            | solves off the event loop while `Searcher.wants_stamp`, 5 s  | StampSolved            |
| Warn                  | tells the person, once per code                              | nothing                |

A seed is named by its binary peer id throughout. One seed has one scope at a time, that of its addresses.
"""

from dataclasses import dataclass

from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.rooms import ANYBODY, RoomId
from passerby.discovery.searching.candidates import Outcome
from passerby.discovery.searching.knownseed import Origin as Origin
from passerby.discovery.searching.searchview import View as View
from passerby.discovery.searching.searchview import state_of as state_of
from passerby.discovery.seedrecord import SeedRecord

# ---- events: the person and the slot --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interests:
    """What the person searches under, from now on: tags in normal form, the first with the most seeds.

    ANYBODY is one of them if it is wanted from the beginning; with `fallback` it is added that many seconds after the
    start of each search. At most TAGS tags, that one included: LocalProtocolError.
    """

    tags: tuple[bytes, ...] = (ANYBODY,)
    fallback: float | None = None


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
class AttemptEnded:
    """The attempt at a peer whom `choose` named ended without a chat."""

    pid: bytes
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Met:
    """A chat with the peer was confirmed."""

    pid: bytes


# ---- events: seeds --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Introduced:
    """A first contact: reached at `addresses` of `scope`; `record` is the signed one, where it was remembered.

    Once more: further addresses. That a seed is known costs nothing yet.
    """

    seed: bytes
    scope: Scope
    addresses: tuple[Address, ...]
    origin: Origin
    record: bytes | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """That seed is no contact any more: the local seed changed hands. The searcher disconnects it."""

    seed: bytes


@dataclass(frozen=True, slots=True)
class SeedUp:
    """A lobby stream to the seed is open, through an address of `scope` and `block`; empty: a block of its own."""

    seed: bytes
    scope: Scope
    block: str = ""


@dataclass(frozen=True, slots=True)
class SeedDown:
    """The seed's stream ended, or it did not answer in time."""

    seed: bytes


@dataclass(frozen=True, slots=True)
class SeedFailed:
    """None of the seed's addresses answered, or it does not speak our protocol."""

    seed: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The seed answered what we sent it about `room`."""

    seed: bytes
    room: RoomId
    answer: wire.Answer


@dataclass(frozen=True, slots=True)
class Told:
    """What came of AskSeed: the answer to `request` (with whatever request id), or None if there was none in time.

    `block` is the one in which the seed was reached; empty: not known.
    """

    seed: bytes
    request: dhtwire.Request
    answer: dhtwire.Answer | None
    block: str = ""


@dataclass(frozen=True, slots=True)
class WorkChecked:
    """Whether the work of the `record` that CheckWork named is what it claims."""

    seed: bytes
    record: SeedRecord
    good: bool


@dataclass(frozen=True, slots=True)
class StampSolved:
    """The stamp for the seed that SolveStamp asked for; None: given up."""

    seed: bytes
    stamp: bytes | None


# ---- events: the world ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reachable:
    """How strangers reach us in `scope` from now on: a relay's peer id, or addresses; neither: not at all."""

    scope: Scope
    relay: bytes | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What to add to `now` to have seconds since 1970, by this machine's clock; only epochs depend on it."""

    unix_minus_now: float


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """Another network, or the machine slept: what failed before says nothing any more, try all again at once."""


@dataclass(frozen=True, slots=True)
class Retired:
    """The identity is over: be a guest of nobody. What is told after it is late and changes nothing."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline passed."""


Event = (
    Interests
    | Started
    | Stopped
    | Locked
    | Freed
    | AttemptEnded
    | Met
    | Introduced
    | Withdrawn
    | SeedUp
    | SeedDown
    | SeedFailed
    | Answered
    | Told
    | WorkChecked
    | StampSolved
    | Reachable
    | ClockSet
    | NetworkChanged
    | Retired
    | Tick
)

# ---- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectSeed:
    """Become the seed's guest: by the first of the addresses at which it answers."""

    seed: bytes
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class DisconnectSeed:
    """Be its guest no longer, or stop trying."""

    seed: bytes


@dataclass(frozen=True, slots=True)
class AskSeed:
    """Ask the seed over the DHT protocol; the request id is the shell's to give."""

    seed: bytes
    addresses: tuple[Address, ...]
    request: dhtwire.Find | dhtwire.Ping


@dataclass(frozen=True, slots=True)
class CheckWork:
    """Find out whether a record's work is what it claims; in the public scope only."""

    seed: bytes
    record: SeedRecord


@dataclass(frozen=True, slots=True)
class EnterRoom:
    """Send Enter to the seed, with our ticket if strangers can reach us yet, and a stamp if it asked for one."""

    seed: bytes
    room: RoomId
    ticket: bytes | None
    stamp: bytes | None = None


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


@dataclass(frozen=True, slots=True)
class SolveStamp:
    """Solve a stamp of `difficulty` bits for the seed's Enter; `count` is the challenge's (protocol.md 7)."""

    seed: bytes
    difficulty: int
    count: int


@dataclass(frozen=True, slots=True)
class Warn:
    """Something the person should know: `clock`, ours is `seconds` ahead of the seeds' (behind if negative)."""

    code: str
    seconds: float


Effect = ConnectSeed | DisconnectSeed | AskSeed | CheckWork | EnterRoom | SampleRoom | LeaveRoom | SolveStamp | Warn
