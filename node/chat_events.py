"""The vocabulary of the chat machine (chat.py): facts go in, imperatives come out; plain values, no behaviour.

What the person is told are the values of node/events.py themselves, so that the shell passes them on unchanged.
"""

from dataclasses import dataclass

from passerby.node.events import Delivered, Ended, MessageSent, StrangerTyping
from passerby.node.messages import Message

# ---- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """The person's text, cleaned and within the limits; not between `QueueFull` and `QueueHasRoom`."""

    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """The person began (`on`) or ceased to type."""

    on: bool


@dataclass(frozen=True, slots=True)
class NoMoreInput:
    """Nothing more will be said: leave when all is acknowledged, or after EOF_GRACE without an acknowledgement.

    The grace begins anew with every acknowledgement: at our own pace a full queue of long texts takes 84 s.
    """


@dataclass(frozen=True, slots=True)
class Leave:
    """The person leaves."""


@dataclass(frozen=True, slots=True)
class RecordReceived:
    """A record was opened: its message, its `size` on the wire in bytes, and whether its tag was FINAL."""

    message: Message
    size: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record of illegal length, one that did not open, or one that is no message."""


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """EOF or a reset; without a goodbye there is no difference."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The shell ceased to read (`on` false: the person's side takes no more for now), or reads again."""

    on: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline came."""


Event = Said | Typed | NoMoreInput | Leave | RecordReceived | Malformed | StreamEnded | Reading | Tick

# ---- effects ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Seal and write a record; `final` with the last one."""

    message: Message
    final: bool = False


@dataclass(frozen=True, slots=True)
class CloseWrite:
    """Half-close, after what was written."""


@dataclass(frozen=True, slots=True)
class ResetStream:
    """Drop the stream; a no-op if it is gone."""


@dataclass(frozen=True, slots=True)
class PauseReading:
    """Read nothing until `ResumeReading`, which comes at `until`."""

    until: float


@dataclass(frozen=True, slots=True)
class ResumeReading:
    """Read again."""


@dataclass(frozen=True, slots=True)
class Show:
    """The stranger's text, as it came: to be sanitized."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class QueueFull:
    """Take no more `Said`: read stdin no further."""


@dataclass(frozen=True, slots=True)
class QueueHasRoom:
    """`Said` may come again."""


Effect = (
    Send
    | CloseWrite
    | ResetStream
    | PauseReading
    | ResumeReading
    | Show
    | QueueFull
    | QueueHasRoom
    | MessageSent
    | Delivered
    | StrangerTyping
    | Ended
)
