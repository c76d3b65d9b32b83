"""When the program ends and with which exit code: one machine for all front ends (product.md 5 and 6). Pure.

The peer serves Search, Stop, Say, NoMoreInput and Quit and knows nothing of `--once`, `--timeout`, the end of stdin or
signals. This machine sees every event before it is shown and everything that is typed; it answers with *effects*:
commands for the peer, events of our own for the screen, and `Abandon` when a goodbye takes too long.

==========  ===========================================================  ==========================================
phase       meaning                                                      leaves by
==========  ===========================================================  ==========================================
SEARCHING   Search was sent                                              Matched; Stop typed; deadline; stdin ended
CHATTING    Matched came                                                 Ended; Stop or Search typed; Quit
STOPPED     a chat is over, or Stop was sent                             Search typed; stdin ended
LEAVING     Quit was sent, or the peer will end by itself                Finished; deadline -> Abandon
==========  ===========================================================  ==========================================

The two sides cross on the bridge: what is typed moves the phase at once, and what the peer tells corrects it.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from passerby.node.events import (
    Command,
    Ended,
    EndReason,
    Event,
    Failed,
    Finished,
    Matched,
    MessageSent,
    NoMoreInput,
    Quit,
    Say,
    Search,
    State,
    StateChanged,
    Stop,
    Warned,
    Wishes,
)
from passerby.node.exits import Exit
from passerby.node.limits import CLOSE_TIMEOUT, EOF_GRACE, EOF_SEARCH, HOST_CLOSE, OUTGOING_LINES

GOODBYE: Final = 3.0  # after a signal: whoever sent it will not wait long
LEAVING: Final = CLOSE_TIMEOUT + HOST_CLOSE + 1.0  # after Quit: the peer's own two deadlines, and one second

_ONCE: Final = {
    EndReason.LEFT: Exit.OK,
    EndReason.YOU: Exit.OK,
    EndReason.LOST: Exit.LOST,
    EndReason.FLOOD: Exit.REFUSED,
    EndReason.REFUSED: Exit.REFUSED,
    EndReason.TIMEOUT: Exit.NOBODY,
}
_SEARCHING: Final = frozenset(State) - {State.STOPPED, State.MATCHED}
_NO_SEED: Final = (State.NO_SEED, State.NO_NETWORK)


@dataclass(frozen=True, slots=True)
class Abandon:
    """The goodbye took too long: end without it."""


Effect = Command | Event | Abandon


class Moment(Enum):
    """When the wishes of the next search begin to count."""

    NOW = auto()  # nothing else is under way, or they are those of this search
    NEXT = auto()  # with the next stranger
    RESTART = auto()  # a search with others is on: it must be stopped


class Phase(Enum):
    """Where the conversation stands (table at the head of this file)."""

    SEARCHING = auto()
    CHATTING = auto()
    STOPPED = auto()
    LEAVING = auto()


class Lifecycle:
    """Events, typed commands and the end of stdin in; effects, the next deadline and the exit code out.

    `timeout` (seconds without a match; counted from when the search really began, and on through chats that count as
    none) and `once` are the flags. `keep`: text given while stopped is kept for the next stranger, as a program
    expects; a person would be surprised. `wishes` are those of the next search, to be set at any time.
    Times are a monotonic clock's seconds.
    """

    def __init__(self, *, once: bool, timeout: float | None, keep: bool) -> None:
        self.phase = Phase.SEARCHING
        self.wishes = Wishes()
        self._wished = self.wishes  # of the last search
        self.deadline: float | None = None
        self.exit_code: int | None = None
        self.finished = False
        self._once = once
        self._timeout = timeout
        self._search_ends: float | None = None  # outlives a match, for a chat that is lost at once counts as none
        self._keep = keep
        self._kept: list[Say] = []
        self._unsent = 0  # messages given to the peer and not yet sent
        self._input_ended = False
        self._quitting = False
        self._state = State.STARTING

    @property
    def has_room(self) -> bool:
        """Whether another line of text may be read: no more than 100 wait to be sent (product.md 5)."""
        return self._unsent + len(self._kept) < OUTGOING_LINES

    @property
    def when_wishes_count(self) -> Moment:
        """From when on `wishes` hold."""
        if self.wishes == self._wished or self.phase is Phase.STOPPED:
            return Moment.NOW
        return Moment.RESTART if self.phase is Phase.SEARCHING else Moment.NEXT

    # ---- what the person does -------------------------------------------------------------------------------------

    def searched(self, now: float) -> list[Effect]:
        """Somebody is wanted: the program began, or `/next`, `/start`."""
        self.phase = Phase.SEARCHING
        self.deadline = self._search_ends = None
        self._run_clock(now)
        kept, self._kept = self._kept, []
        self._unsent += len(kept)
        self._wished = self.wishes
        return [Search(self.wishes), *kept]

    def stopped(self) -> list[Effect]:
        """`/stop`."""
        self.phase = Phase.STOPPED
        self.deadline = self._search_ends = None
        self._unsent = 0  # the peer drops what was held
        return [Stop()]

    def said(self, text: str) -> list[Effect] | None:
        """An admitted message; None if it is not accepted, since there is nobody to send it to."""
        if self.phase is Phase.LEAVING or (self.phase is Phase.STOPPED and not self._keep):
            return None
        if self.phase is Phase.STOPPED:
            self._kept.append(Say(text))
            return []
        self._unsent += 1
        return [Say(text)]

    def quit(self, now: float) -> list[Effect]:
        """`/quit` or Ctrl-D."""
        return self._leave(now + LEAVING)

    def signalled(self, exit_code: int, now: float) -> list[Effect]:
        """A signal, or our own output gone: goodbye within `GOODBYE`. While we are leaving already: no more waiting."""
        if self._quitting:
            self._decide(exit_code)
            return [Abandon()]
        self.exit_code = exit_code
        return self._leave(now + GOODBYE)

    def input_ended(self, now: float) -> list[Effect]:
        """Stdin ended: with something to send, or `--timeout`, the search goes on for a while (product.md 5)."""
        self._input_ended = True
        match self.phase:
            case Phase.CHATTING:
                return self._finish_chat(now)
            case Phase.SEARCHING if self._timeout is not None:
                return []
            case Phase.SEARCHING if self._unsent:
                self._count_down(now, EOF_SEARCH)
                return []
            case Phase.SEARCHING:
                done = "was looked for" if self._state is State.STARTING else "is looked for any more"
                return [Warned("input-ended", f"Input ended; nobody {done}."), *self._leave(now + LEAVING)]
            case Phase.LEAVING:
                return []
            case _:  # STOPPED
                return self._leave(now + LEAVING)

    # ---- what happens ---------------------------------------------------------------------------------------------

    def happened(self, event: Event, now: float) -> list[Effect]:
        """An event of the peer, before it is shown."""
        match event:
            case StateChanged(state=state):
                self._state = state
                self._state_changed(now)
            case Matched():
                return self._matched(now)
            case MessageSent() | Warned(code="not-sent"):
                self._unsent = max(0, self._unsent - 1)
            case Ended():
                return self._ended(event, now)
            case Failed(exit_code=exit_code):
                self._decide(exit_code)
            case Finished(exit_code=exit_code):
                self._decide(exit_code)
                self.finished = True
            case _:
                pass
        return []

    def expired(self, now: float) -> list[Effect]:
        """`deadline` passed."""
        self.deadline = None
        if self.phase is Phase.LEAVING:
            return [Abandon()]
        if self._state in _NO_SEED:
            self._decide(Exit.NO_SEED)
            told: Event = Failed(
                self._state.value,
                "No seed answered in the time you gave.",
                "Check the addresses and your network, then try again.",
                Exit.NO_SEED,
            )
        else:
            self._decide(Exit.NOBODY)
            told = Ended(EndReason.TIMEOUT)
        return [told, *self._leave(now + LEAVING)]

    # ---- steps ----------------------------------------------------------------------------------------------------

    def _state_changed(self, now: float) -> None:
        if self.phase is Phase.LEAVING:
            return
        if self._state is State.STOPPED:
            self.phase = Phase.STOPPED
            self.deadline = self._search_ends = None
        elif self._state in _SEARCHING:
            self.phase = Phase.SEARCHING
            self._run_clock(now)

    def _run_clock(self, now: float) -> None:
        """Count down to `--timeout`, unless the program still loads."""
        self._count_down(now, None if self._state is State.STARTING else self._timeout)

    def _count_down(self, now: float, seconds: float | None) -> None:
        """Give the search `seconds` (None: no end), unless it has its end already: nobody puts that off."""
        if self._search_ends is None and seconds is not None:
            self._search_ends = now + seconds
        self.deadline = self._search_ends

    def _matched(self, now: float) -> list[Effect]:
        if self._quitting:
            return []
        self.phase = Phase.CHATTING
        self.deadline = None
        return self._finish_chat(now) if self._input_ended else []

    def _ended(self, ended: Ended, now: float) -> list[Effect]:
        if self._quitting:
            return []
        if ended.before_any_text and ended.reason is EndReason.LOST:
            return self._lost_early(now)  # counts as none: the peer is searching again already
        self._unsent = 0  # what was meant for this stranger is for no other
        if self._once:
            self._decide(_ONCE[ended.reason])
        if self._once or self._input_ended:
            return self._leave(now + LEAVING)
        if self.phase is Phase.CHATTING:
            self.phase = Phase.STOPPED
        return []

    def _lost_early(self, now: float) -> list[Effect]:
        self.phase = Phase.SEARCHING
        self._run_clock(now)
        return self.input_ended(now) if self._input_ended else []

    def _finish_chat(self, now: float) -> list[Effect]:
        self.deadline = now + EOF_GRACE + LEAVING
        self.phase = Phase.LEAVING
        return [NoMoreInput()]

    def _leave(self, deadline: float) -> list[Effect]:
        if self._quitting:
            return []
        self.phase = Phase.LEAVING
        self.deadline = deadline
        self._quitting = True
        self._kept.clear()
        return [Quit()]

    def _decide(self, exit_code: int) -> None:
        if self.exit_code is None:
            self.exit_code = exit_code
