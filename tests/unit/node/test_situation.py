"""The state of a search: what is said of it, when, and how often."""

from dataclasses import replace

from passerby.discovery.searching.candidates import Seen
from passerby.discovery.searching.searchevents import View
from passerby.node.events import Scope, State, StateChanged
from passerby.node.situation import FIRST_CONTACT, Facts, Situation

ALONE = View(up=1, seeds=1, informed=1, waiting=0, people=Seen())
NO_SEED = View(up=0, seeds=0, informed=0, waiting=0, people=Seen())
CROWD = View(up=1, seeds=1, informed=1, waiting=3, people=Seen(seen=3, busy=3))


def facts(
    view: View, *, idle: bool = False, named: int = 0, silent: bool = False, retry_at: float | None = None
) -> Facts:
    return Facts(view, idle, named, silent, retry_at)


def searching(now: float = 0.0) -> Situation:
    situation = Situation()
    situation.search_began(now)
    return situation


def test_before_the_first_search_nothing_is_said() -> None:
    assert Situation().news(facts(ALONE), 0.0) is None


def test_a_state_is_news_once_and_its_figures_are_too() -> None:
    situation = searching()
    assert situation.news(facts(ALONE), 0.0) == StateChanged(State.EMPTY, Scope.MACHINE, seeds=1)
    assert situation.news(facts(ALONE), 1.0) is None
    assert situation.news(facts(CROWD), 2.0) == StateChanged(State.BUSY, Scope.MACHINE, seeds=1, waiting=3, seen=3)


def test_how_far_is_searched_is_told() -> None:
    assert searching().news(replace(facts(ALONE), scope=Scope.LAN), 0.0) == StateChanged(
        State.EMPTY, Scope.LAN, seeds=1
    )


def test_stopped_has_no_figures_of_others() -> None:
    assert searching().news(facts(CROWD, idle=True), 0.0) == StateChanged(State.STOPPED, Scope.MACHINE, seeds=1)


def test_no_seed_is_said_after_a_while_only() -> None:
    situation = searching()
    assert situation.news(facts(NO_SEED), 0.0) == StateChanged(State.SEARCHING, Scope.MACHINE)
    assert situation.news(facts(NO_SEED), FIRST_CONTACT) == StateChanged(State.NO_SEED, Scope.MACHINE)


def test_a_seed_that_changes_hands_is_not_missed() -> None:
    situation = searching()
    situation.news(facts(ALONE), 100.0)
    assert situation.news(facts(NO_SEED), 100.5) == StateChanged(State.SEARCHING, Scope.MACHINE)
    assert situation.news(facts(ALONE), 101.0) == StateChanged(State.EMPTY, Scope.MACHINE, seeds=1)


def test_named_seeds_that_are_silent_are_told_of_once_a_try() -> None:
    situation = searching()
    silent = StateChanged(State.NO_SEED, Scope.MACHINE, seeds=1, named=2)
    assert situation.news(facts(ALONE, named=2, silent=True), 0.0) == silent
    told = situation.news(facts(ALONE, named=2, silent=True, retry_at=6.0), 1.0)
    assert told is not None
    assert told.retry == 5.0
    assert situation.news(facts(ALONE, named=2, silent=True, retry_at=6.0), 2.0) is None
    late = situation.news(facts(ALONE, named=2, silent=True, retry_at=7.0), 8.0)
    assert late is not None
    assert late.retry == 0.0


def test_how_long_a_search_goes_on() -> None:
    assert searching(3.0).searched_for(5.0) == 2.0
