"""What crosses between the person's side (console) and the network's side (peer): plain values, no behaviour.

*Commands* are what the person does, *events* are what happened. Both are frozen and cross a bounded queue
(limits.BRIDGE_QUEUE), so neither side holds a reference into the other.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from passerby.discovery.addresses import Scope as Scope
from passerby.discovery.rooms import ANYBODY


class State(StrEnum):
    """Where the person stands; each has a sentence and a next step (console/sentences.py)."""

    STARTING = "starting"
    NO_NETWORK = "no-network"
    NO_SEED = "no-seed"
    EMPTY = "empty"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    SEARCHING = "searching"
    STOPPED = "stopped"
    MATCHED = "matched"


class EndReason(StrEnum):
    """How a chat ended; `LEFT` and `FLOOD` are authenticated by the stranger's last record."""

    LEFT = "left"
    LOST = "lost"
    YOU = "you"
    FLOOD = "flood"
    REFUSED = "refused"
    TIMEOUT = "timeout"


# ---- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wishes:
    """Whom to look for; made by node/wishes.py.

    `tags`, in normal form, name the rooms to be in from the start, those that matter most first. After `fallback`
    seconds of search anybody will do, and ANYBODY joins them; None: not in this search. `interests` and `lang`, in
    normal form too, are what HELLO tells and what the person is reminded of; in a `private` lobby there are none.
    """

    tags: tuple[bytes, ...] = field(default=(ANYBODY,), repr=False)  # a private lobby's is a secret of its guests
    interests: tuple[str, ...] = ()
    lang: str = ""
    fallback: float | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Look for a stranger; in a chat: leave it first (`/next`, `/start`).

    `wishes` hold for this search and for those that follow by themselves, when a chat that is lost at once counts as
    none.
    """

    wishes: Wishes = Wishes()


@dataclass(frozen=True, slots=True)
class Stop:
    """Leave the chat, or stop searching; then wait for `Search`."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send one message: cleaned and checked already (text.py). Before a match it is held and sent after it."""

    text: str


@dataclass(frozen=True, slots=True)
class Typing:
    """The person began (`on`) or ceased to type."""

    on: bool


@dataclass(frozen=True, slots=True)
class NoMoreInput:
    """Stdin ended: send and have acknowledged what was said, say goodbye, end (product: EOF)."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Say goodbye to the stranger, if any, and end."""


Command = Search | Stop | Say | Typing | NoMoreInput | Quit

# ---- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The state or one of its figures changed.

    `seeds` answered in the last 60 s; `waiting` counts others in our rooms, never ourselves; `seen`, of them, were
    tried; `met` is how many of those waiting are people met in the last 30 minutes; `named` tells whether seeds were
    named (flag, environment, config, remembered) rather than only the local seed looked for; `retry` is seconds to the
    next try where there is no seed. `interests`, `lang` and `private` are those of the wishes while not just anybody
    will do, `fallback` the seconds until anybody will; None: never, or by now (node/wishes.py, `sought`).
    """

    state: State
    scope: Scope
    seeds: int = 0
    waiting: int = 0
    seen: int = 0
    met: int = 0
    named: int = 0
    retry: float | None = None
    interests: tuple[str, ...] = ()
    lang: str = ""
    private: bool = False
    fallback: float | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """Both sides confirmed. `verify` is seven words; `milliseconds` count from the start of the search.

    `interests` and `lang` are what both wished for, in our own words: nothing that only the stranger said.
    """

    exposure: str
    address: str | None
    verify: tuple[str, ...]
    milliseconds: int
    interests: tuple[str, ...] = ()
    lang: str | None = None
    bot: bool = False


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """The stranger's text, sanitized on receipt."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Our own text, at the moment it is sent."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The stranger's program decrypted and showed our message `id`."""

    id: int


@dataclass(frozen=True, slots=True)
class StrangerTyping:
    """The stranger began (`on`) or ceased to type."""

    on: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The chat is over."""

    reason: EndReason
    before_any_text: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the person should know; nothing else happened."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The program cannot go on: `code` is a word, `hint` the next step, `exit_code` as product.md 6 lists them."""

    code: str
    text: str
    hint: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more will come."""

    exit_code: int


Event = (
    StateChanged
    | Matched
    | MessageReceived
    | MessageSent
    | Delivered
    | StrangerTyping
    | Ended
    | Warned
    | Failed
    | Finished
)
