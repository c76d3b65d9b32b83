"""What -v and -vv log: words of ours and counts. Pure.

Never a text, an address, an id or anything else that a stranger or a seed made up: what is logged is written out
here, field by field, so that a new field of an event stays out of the log until somebody puts it in.
"""

import logging

from passerby.node.events import Ended, Event, Failed, Finished, Matched, State, StateChanged, Warned


class Journal:
    """Says what to log of each event; remembers the state, to tell a new one from new figures of the same."""

    def __init__(self) -> None:
        self._state: State | None = None

    def entry(self, event: Event) -> tuple[int, str]:
        """The level (-v shows INFO, -vv DEBUG too) and the words of the log line for `event`."""
        match event:
            case StateChanged():
                is_new = event.state is not self._state
                self._state = event.state
                return logging.INFO if is_new else logging.DEBUG, _state(event)
            case Matched(exposure=exposure, milliseconds=milliseconds):
                return logging.INFO, f"matched after {milliseconds} ms, they see: {exposure}"
            case Ended(reason, before_any_text):
                return logging.INFO, f"chat ended: {reason}{', before any text' if before_any_text else ''}"
            case Failed(code=code, exit_code=exit_code):
                return logging.INFO, f"failed: {code}, exit code {exit_code}"
            case Finished(exit_code):
                return logging.INFO, f"finished, exit code {exit_code}"
            case Warned(code=code):
                return logging.DEBUG, f"told: {code}"
            case _:
                return logging.DEBUG, type(event).__name__


def _state(change: StateChanged) -> str:
    retry = "" if change.retry is None else f", next try in {change.retry:.0f} s"
    return (
        f"state {change.state}, scope {change.scope}, seeds {change.seeds}, named {change.named}, "
        f"waiting {change.waiting}, seen {change.seen}, met {change.met}{retry}"
    )
