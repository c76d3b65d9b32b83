"""The bottom line, /who and /verify follow the events."""

from dataclasses import replace

from passerby.node.console import sentences
from passerby.node.console.status import OVERDUE, Status
from passerby.node.events import (
    Delivered,
    Ended,
    EndReason,
    Matched,
    MessageReceived,
    MessageSent,
    Scope,
    State,
    StateChanged,
    StrangerTyping,
    Warned,
)

MATCHED = Matched("machine", None, ("a", "b", "c", "d", "e", "f", "g"), 5)
EMPTY = StateChanged(State.EMPTY, Scope.MACHINE, seeds=2)


def test_before_anything_is_known() -> None:
    status = Status(0)
    assert status.bottom(1) == "getting ready…"
    assert status.who(1) == status.verify() == sentences.NOBODY_YET


def test_a_search_shows_how_long_it_lasts_though_its_state_changes() -> None:
    status = Status(0)
    status.happened(StateChanged(State.STARTING, Scope.MACHINE), 0)
    assert status.bottom(5) == "getting ready…"
    status.happened(EMPTY, 10)
    status.happened(StateChanged(State.BUSY, Scope.MACHINE, seeds=2), 40)
    assert status.bottom(52) == "all busy · seeds: 2 · scope: machine · 00:52"


def test_the_time_until_anybody_will_do_ticks() -> None:
    status = Status(0)
    status.happened(replace(EMPTY, interests=("chess",), fallback=24.4), 10)
    assert status.bottom(10).endswith(" · 00:00 · anybody in 24 s")
    assert status.bottom(30).endswith(" · 00:20 · anybody in 4 s")
    assert status.bottom(40).endswith(" · anybody in 0 s")
    status.happened(EMPTY, 41)
    assert status.bottom(41).endswith(" · 00:31")


def test_silent_named_seeds_are_no_state_while_others_answer() -> None:
    status = Status(0)
    silent = StateChanged(State.NO_SEED, Scope.MACHINE, seeds=1, named=1)
    status.happened(silent, 0)
    assert status.bottom(1) == "nobody else here yet · seeds: 1 · scope: machine · 00:01"
    status.happened(replace(silent, waiting=1), 1)
    assert status.bottom(1).startswith("looking… · seeds: 1")
    status.happened(replace(silent, seeds=0), 1)
    assert status.bottom(1).startswith("no seed answers · seeds: 0")


def test_only_a_different_state_is_news() -> None:
    status = Status(0)
    assert status.is_news(EMPTY)
    status.happened(EMPTY, 0)
    assert not status.is_news(EMPTY)


def test_a_chat_shows_exposure_time_and_who_types() -> None:
    status = Status(0)
    status.happened(EMPTY, 0)
    status.happened(MATCHED, 100)
    status.happened(StateChanged(State.MATCHED, Scope.MACHINE), 100)
    assert status.bottom(142) == "talking · they see: machine · 00:42"
    status.happened(StrangerTyping(on=True), 142)
    assert status.bottom(142).endswith("00:42 · stranger is typing…")
    status.happened(MessageReceived(1, "z"), 143)
    assert status.bottom(143) == "talking · they see: machine · 00:43"
    assert "43\N{NO-BREAK SPACE}s" in status.who(143)
    assert status.verify().startswith("a b c d e f g ·")


def test_only_what_is_overdue_is_said_not_to_be_delivered() -> None:
    status = Status(0)
    status.happened(MATCHED, 0)
    status.happened(MessageSent(1, "x"), 10)
    status.happened(MessageSent(2, "y"), 11)
    assert status.undelivered == 2
    assert status.bottom(10 + OVERDUE - 0.1).endswith("00:11")
    assert status.bottom(10 + OVERDUE).endswith("00:12 · 1 not delivered yet")
    assert status.bottom(11 + OVERDUE).endswith("00:13 · 2 not delivered yet")
    status.happened(Delivered(1), 14)
    assert status.undelivered == 1
    status.happened(Delivered(2), 14)
    status.happened(Delivered(1), 14)
    assert status.undelivered == 0
    assert status.bottom(20).endswith("00:20")


def test_without_a_chat_the_answers_say_whether_somebody_is_looked_for() -> None:
    status = Status(0)
    status.happened(EMPTY, 1)
    assert status.who(2) == status.verify() == sentences.NOBODY_YET
    status.happened(StateChanged(State.STOPPED, Scope.MACHINE), 3)
    assert status.who(4) == status.verify() == sentences.NO_CHAT


def test_after_a_chat_its_count_stands_until_the_next() -> None:
    status = Status(0)
    status.happened(MATCHED, 0)
    status.happened(MessageSent(1, "x"), 0)
    status.happened(StrangerTyping(on=True), 0)
    status.happened(Ended(EndReason.LEFT), 9)
    status.happened(StateChanged(State.STOPPED, Scope.MACHINE), 9)
    assert status.bottom(10) == "stopped · /next"
    assert (status.undelivered, status.stranger_types) == (1, False)
    status.happened(EMPTY, 20)
    assert status.bottom(21).endswith("00:01")
    status.happened(MATCHED, 22)
    assert status.undelivered == 0


def test_a_warning_changes_nothing() -> None:
    status = Status(0)
    status.happened(EMPTY, 0)
    before = status.bottom(3)
    status.happened(Warned("x", "y"), 2)
    assert status.bottom(3) == before
