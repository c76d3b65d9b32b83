"""What the slot machine is in, hears and says: plain values, no behaviour (node/matchmaking.py, docs/protocol.md 4.2).

The shell numbers every chat stream, those it is about to open too, and never uses a number twice. Peers are the bytes
of their peer ids, times are seconds of one monotonic clock, transcripts are th3 of protocol.md 5.
"""

from dataclasses import dataclass
from enum import StrEnum

from passerby.node.dials import Connecting


@dataclass(frozen=True, slots=True)
class OnStream:
    """What concerns one stream, by the shell's number."""

    stream: int


class Outcome(StrEnum):
    """How an attempt of ours ended without a match (UNREACHABLE: before M1); what to try next is the searcher's."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    TIMEOUT = "timeout"
    YIELDED = "yielded"
    STOPPED = "stopped"


# ---- states ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idle:
    """No search: every stranger is refused."""


@dataclass(frozen=True, slots=True)
class Free:
    """SEEK/free: in the rooms, nothing under way."""


@dataclass(frozen=True, slots=True)
class Waiting(OnStream):
    """The slot holds `stream`, ours to or from `peer`, `until` what comes next."""

    peer: bytes
    until: float


@dataclass(frozen=True, slots=True)
class Asked(Waiting):
    """SEEK/asked: M1 was sent, M2 is awaited; `order` is ours and may have to yield."""

    order: int


@dataclass(frozen=True, slots=True)
class LockR(Waiting):
    """M2 was sent, M3 is awaited."""


@dataclass(frozen=True, slots=True)
class LockI(Waiting):
    """M3 was sent, M4 is awaited."""


@dataclass(frozen=True, slots=True)
class Paired(Waiting):
    """Both proofs are good, HELLO is awaited; `ours` tells whether we opened the stream."""

    transcript: bytes
    ours: bool


@dataclass(frozen=True, slots=True)
class Confirmed(OnStream):
    """A chat, matched at `since`."""

    peer: bytes
    transcript: bytes
    since: float


State = Idle | Free | Connecting | Asked | LockR | LockI | Paired | Confirmed


# ---- events: past facts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The person wants a stranger; only in IDLE."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The person wants nobody. In a chat this is no goodbye: say that first, then `ChatEnded`."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; due at `deadline`."""


@dataclass(frozen=True, slots=True)
class Choose(OnStream):
    """`peer` was chosen and `stream` is the number of the stream to open; only where `may_choose` says so."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Opened(OnStream):
    """`peer` opened `stream` to us and has said nothing yet."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class Answered(OnStream):
    """The M1 on `stream` got a refusal from the shell: no common version, a stamp is wanted, or many are checked."""


@dataclass(frozen=True, slots=True)
class FirstMessage(OnStream):
    """A valid M1 on an opened stream. `order` as a 256-bit number; `blocked`: the person wants none of this peer."""

    order: int
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Connected(OnStream):
    """Our dial is through: M1 can be sent. `rtt` is our own estimate of the round trip."""

    order: int
    rtt: float


@dataclass(frozen=True, slots=True)
class DialFailed(OnStream):
    """Our dial came to nothing."""


@dataclass(frozen=True, slots=True)
class GoodReply(OnStream):
    """M2 verified."""


@dataclass(frozen=True, slots=True)
class Refused(OnStream):
    """A refusal came instead of M2; `code` as in protocol.md 5."""

    code: int


@dataclass(frozen=True, slots=True)
class GoodProof(OnStream):
    """M3 verified; `transcript` is th3."""

    transcript: bytes


@dataclass(frozen=True, slots=True)
class GoodConfirmation(OnStream):
    """M4 verified; `transcript` is th3."""

    transcript: bytes


@dataclass(frozen=True, slots=True)
class GoodHello(OnStream):
    """The first record opened and is a valid HELLO."""


@dataclass(frozen=True, slots=True)
class Broken(OnStream):
    """A bad message, EOF or a reset."""


@dataclass(frozen=True, slots=True)
class ChatEnded(OnStream):
    """The chat ended and its stream is the shell's to close; `lost`: no goodbye; `any_text`: either side said one."""

    lost: bool
    any_text: bool


StreamEvent = (
    Connected | DialFailed | GoodReply | Refused | GoodProof | GoodConfirmation | GoodHello | Broken | ChatEnded
)
StreamFact = Answered | FirstMessage | StreamEvent
Event = Start | Stop | Tick | Choose | Opened | StreamFact


# ---- effects: what the shell does, in this order --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dial(OnStream):
    """Connect to `peer` and open `stream`."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class DropDial(OnStream):
    """Give the dial up; a connection that carries other streams stays."""


@dataclass(frozen=True, slots=True)
class SendFirst(OnStream):
    """Send M1."""


@dataclass(frozen=True, slots=True)
class SendReply(OnStream):
    """Send M2."""


@dataclass(frozen=True, slots=True)
class SendProof(OnStream):
    """Send M3."""


@dataclass(frozen=True, slots=True)
class SendConfirmationAndHello(OnStream):
    """Send M4 and, with it, HELLO."""


@dataclass(frozen=True, slots=True)
class SendHello(OnStream):
    """Send HELLO."""


@dataclass(frozen=True, slots=True)
class Refuse(OnStream):
    """Send the refusal `busy`, which does not tell why, and close."""


@dataclass(frozen=True, slots=True)
class Reset(OnStream):
    """Reset the stream and forget its secrets."""


@dataclass(frozen=True, slots=True)
class EnterRooms:
    """Enter every room. As the answer to `ChatEnded` it also says that the chat counts as none."""


@dataclass(frozen=True, slots=True)
class LeaveRooms:
    """Leave every room."""


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """What a `Choose` came to; every one comes to this or to `Matched`. `code` is the refusal's, otherwise 0."""

    peer: bytes
    outcome: Outcome
    code: int = 0


@dataclass(frozen=True, slots=True)
class Matched(OnStream):
    """CONFIRMED: from here on the stream is the chat's."""

    peer: bytes
    transcript: bytes


Effect = (
    Dial
    | DropDial
    | SendFirst
    | SendReply
    | SendProof
    | SendConfirmationAndHello
    | SendHello
    | Refuse
    | Reset
    | EnterRooms
    | LeaveRooms
    | AttemptEnded
    | Matched
)
