"""Where a search stands, in the states of node/events.py, and whether that is news. Pure; monotonic seconds."""

from dataclasses import dataclass, replace
from math import inf
from typing import Final

from passerby.discovery.addresses import Scope
from passerby.discovery.searching.searchevents import View, state_of
from passerby.node.events import State, StateChanged, Wishes
from passerby.node.wishes import sought

FIRST_CONTACT: Final = 2.0  # seconds without any seed before that is said: the local seed may just change hands
_ANYTHING: Final = Wishes()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at a moment: `named` seeds, whether all of them are silent, and when the next try at one is due.

    `wishes` are those of the present search, `scope` how far it reaches.
    """

    view: View
    idle: bool
    named: int
    named_are_silent: bool
    retry_at: float | None
    wishes: Wishes = _ANYTHING
    scope: Scope = Scope.MACHINE


class Situation:
    """The state that was told last, and since when a search is on."""

    def __init__(self) -> None:
        self._searching_since = inf
        self._last_seed = -inf
        self._told: tuple[StateChanged, float | None] | None = None

    def search_began(self, now: float) -> None:
        """Count from here."""
        self._searching_since = now

    def searched_for(self, now: float) -> float:
        """Return for how many seconds the present search goes on."""
        return now - self._searching_since

    def news(self, facts: Facts, now: float) -> StateChanged | None:
        """Return the state if it, a figure of it, or the time of the next try changed; None before the first search."""
        if self._searching_since == inf:
            return None
        view = facts.view
        state = StateChanged(self._state(facts, now), facts.scope, seeds=view.seeds, named=facts.named)
        if state.state is not State.STOPPED:
            state = replace(state, waiting=view.waiting, seen=view.people.seen, met=view.people.met)
        retry_at = facts.retry_at if state.state is State.NO_SEED else None
        state = sought(state, facts.wishes, self.searched_for(now))
        timeless = replace(state, fallback=None)  # that its seconds pass is no news
        if (timeless, retry_at) == self._told:
            return None
        self._told = timeless, retry_at
        return state if retry_at is None else replace(state, retry=max(0.0, retry_at - now))

    def _state(self, facts: Facts, now: float) -> State:
        if facts.idle:
            return State.STOPPED
        if facts.named_are_silent:
            return State.NO_SEED
        if facts.view.up:
            self._last_seed = now
        state = State(state_of(facts.view))
        waited = now - max(self._searching_since, self._last_seed)
        return State.SEARCHING if state is State.NO_SEED and waited < FIRST_CONTACT else state
