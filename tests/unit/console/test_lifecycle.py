"""When the program ends and with which exit code: --once, --timeout, the end of stdin, signals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.console.lifecycle import GOODBYE, LEAVING, Abandon, Effect, Lifecycle, Moment, Phase
from passerby.node.events import (
    Delivered,
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
    Scope,
    Search,
    State,
    StateChanged,
    Stop,
    Warned,
    Wishes,
)
from passerby.node.limits import EOF_GRACE, EOF_SEARCH, OUTGOING_LINES

MATCHED = Matched("machine", None, ("w",) * 7, 1)
STOPPED = StateChanged(State.STOPPED, Scope.MACHINE)
LOST_AT_ONCE = Ended(EndReason.LOST, before_any_text=True)


def state(name: State) -> StateChanged:
    return StateChanged(name, Scope.MACHINE)


def searching(*, once: bool = False, timeout: float | None = None, keep: bool = True) -> Lifecycle:
    life = Lifecycle(once=once, timeout=timeout, keep=keep)
    assert life.searched(0) == [Search()]
    return life


def chatting(*, once: bool = False, timeout: float | None = None, keep: bool = True) -> Lifecycle:
    life = searching(once=once, timeout=timeout, keep=keep)
    assert life.happened(MATCHED, 0) == []
    assert life.phase is Phase.CHATTING
    return life


def phase(life: Lifecycle) -> Phase:
    """Its phase now: type checkers believe that it stays as it was."""
    return life.phase


# ---- wishes -------------------------------------------------------------------------------------------------------

CHESS = Wishes((b"tag:chess",), ("chess",), "", 30.0)


def moment(life: Lifecycle) -> Moment:
    """As `phase`."""
    return life.when_wishes_count


def test_a_search_is_for_what_is_wished_at_its_begin() -> None:
    life = Lifecycle(once=False, timeout=None, keep=True)
    life.wishes = CHESS
    assert life.searched(0) == [Search(CHESS)]
    assert moment(life) is Moment.NOW
    life.wishes = Wishes()
    assert moment(life) is Moment.RESTART
    life.happened(MATCHED, 0)
    assert moment(life) is Moment.NEXT
    life.stopped()
    assert moment(life) is Moment.NOW
    assert life.searched(0) == [Search()]


# ---- --once -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "exit_code"),
    [(EndReason.LEFT, 0), (EndReason.YOU, 0), (EndReason.LOST, 5), (EndReason.FLOOD, 7), (EndReason.REFUSED, 7)],
)
def test_once_the_end_of_the_chat_is_the_end_of_the_program(reason: EndReason, exit_code: int) -> None:
    life = chatting(once=True)
    assert life.happened(Ended(reason), 5) == [Quit()]
    assert life.deadline == 5 + LEAVING
    assert life.happened(Finished(0), 6) == []
    assert (life.finished, life.exit_code) == (True, exit_code)


def test_otherwise_the_end_of_a_chat_is_a_stop() -> None:
    life = chatting()
    assert life.happened(Ended(EndReason.LOST), 5) == []
    assert life.phase is Phase.STOPPED
    assert life.searched(0) == [Search()]
    assert phase(life) is Phase.SEARCHING


def test_a_chat_lost_at_once_counts_as_none() -> None:
    life = chatting(once=True)
    assert life.happened(LOST_AT_ONCE, 5) == []
    assert (life.phase, life.deadline, life.exit_code) == (Phase.SEARCHING, None, None)


# ---- --timeout ----------------------------------------------------------------------------------------------------


def test_the_time_runs_from_when_the_search_really_began() -> None:
    life = searching(timeout=4)
    life.happened(state(State.STARTING), 1)
    assert life.deadline is None
    life.happened(state(State.SEARCHING), 3)
    assert life.deadline == 7
    life.happened(state(State.EMPTY), 5)
    assert life.deadline == 7


@pytest.mark.parametrize("last", [State.EMPTY, State.BUSY, State.UNREACHABLE, State.SEARCHING])
def test_nobody_in_time_is_exit_4(last: State) -> None:
    life = searching(timeout=4)
    life.happened(state(last), 0)
    assert life.expired(4) == [Ended(EndReason.TIMEOUT), Quit()]
    life.happened(Finished(0), 5)
    assert life.exit_code == 4


@pytest.mark.parametrize("last", [State.NO_SEED, State.NO_NETWORK])
def test_no_seed_in_time_is_exit_3_with_a_next_step(last: State) -> None:
    life = searching(timeout=4)
    life.happened(state(last), 0)
    told, quit_ = life.expired(4)
    assert isinstance(told, Failed)
    assert (told.code, told.exit_code) == (last.value, 3)
    assert told.hint
    assert quit_ == Quit()
    assert life.exit_code == 3


def test_a_match_stops_the_clock_and_a_new_search_starts_it_again() -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    life.happened(MATCHED, 3)
    assert life.deadline is None
    life.happened(Ended(EndReason.LEFT), 100)
    assert life.deadline is None
    life.searched(200)
    assert life.deadline == 204  # the peer need not tell a state that is as it was
    life.happened(state(State.EMPTY), 201)
    assert life.deadline == 204


def test_a_stranger_who_resets_again_and_again_does_not_put_the_end_off() -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    for now in (1, 2, 3):
        life.happened(MATCHED, now)
        assert life.deadline is None  # whoever talks is not hurried
        assert life.happened(LOST_AT_ONCE, now) == []
        life.happened(state(State.SEARCHING), now)
        assert life.deadline == 4
    assert life.expired(4) == [Ended(EndReason.TIMEOUT), Quit()]
    assert life.exit_code == 4


def test_a_chat_lost_at_once_after_the_end_of_the_time_is_the_end() -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    life.happened(MATCHED, 3)
    life.happened(LOST_AT_ONCE, 12)
    assert life.deadline == 4  # it has passed: nobody was found in time


def test_next_typed_while_a_chat_is_lost_at_once_has_its_own_time() -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    life.happened(MATCHED, 3)
    life.searched(8)
    life.happened(LOST_AT_ONCE, 8)
    assert life.deadline == 12


@pytest.mark.parametrize("news", [[], [STOPPED]])
def test_what_a_chat_left_of_the_time_is_not_the_next_search_s(news: list[Event]) -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    life.happened(MATCHED, 3)
    for event in (Ended(EndReason.LEFT), *news):
        life.happened(event, 100)
    life.searched(200)
    assert life.deadline == 204


def test_stopping_stops_the_clock_even_if_old_news_comes_after() -> None:
    life = searching(timeout=4)
    life.happened(state(State.EMPTY), 0)
    assert life.stopped() == [Stop()]
    assert life.deadline is None
    life.happened(state(State.BUSY), 1)
    life.happened(STOPPED, 1)
    assert (life.phase, life.deadline) == (Phase.STOPPED, None)


# ---- messages that wait -------------------------------------------------------------------------------------------


def test_a_hundred_messages_may_wait_and_each_that_is_sent_makes_room() -> None:
    life = searching()
    for number in range(OUTGOING_LINES):
        assert life.has_room
        assert life.said(str(number)) == [Say(str(number))]
    assert not life.has_room
    life.happened(MATCHED, 0)
    assert not life.has_room
    life.happened(MessageSent(1, "0"), 0)
    assert life.has_room
    life.said("again")
    assert not life.has_room
    life.happened(Warned("not-sent", "…"), 0)
    assert life.has_room


def test_other_warnings_make_no_room_and_room_never_exceeds_what_there_is() -> None:
    life = searching()
    life.happened(MessageSent(1, "x"), 0)
    for number in range(OUTGOING_LINES):
        life.said(str(number))
    life.happened(Warned("cleaned", "…"), 0)
    life.happened(Delivered(1), 0)
    assert not life.has_room


def test_what_a_gone_stranger_was_not_sent_waits_no_more() -> None:
    life = chatting()
    for number in range(OUTGOING_LINES):
        life.said(str(number))
    life.happened(Ended(EndReason.LEFT), 0)
    assert life.has_room


def test_what_a_stopped_search_held_waits_no_more() -> None:
    life = searching()
    for number in range(OUTGOING_LINES):
        life.said(str(number))
    life.stopped()
    assert life.has_room


def test_programs_may_give_text_while_stopped_and_it_goes_to_the_next() -> None:
    life = chatting()
    life.happened(Ended(EndReason.LEFT), 0)
    for number in range(OUTGOING_LINES):
        assert life.said(str(number)) == []
    assert not life.has_room
    assert life.searched(0) == [Search(), *(Say(str(number)) for number in range(OUTGOING_LINES))]
    assert not life.has_room


def test_what_people_say_to_nobody_is_not_kept() -> None:
    life = chatting(keep=False)
    life.happened(Ended(EndReason.LEFT), 0)
    assert life.said("my address is") is None
    assert life.searched(0) == [Search()]
    assert life.said("hello") == [Say("hello")]


def test_nothing_is_said_while_leaving() -> None:
    life = chatting()
    life.quit(0)
    assert life.said("x") is None


# ---- the end of stdin ---------------------------------------------------------------------------------------------


def test_in_a_chat_what_was_read_is_sent_first() -> None:
    life = chatting()
    life.said("x")
    assert life.input_ended(10) == [NoMoreInput()]
    assert life.deadline == 10 + EOF_GRACE + LEAVING
    assert life.happened(Ended(EndReason.YOU), 11) == [Quit()]
    life.happened(Finished(0), 11)
    assert life.exit_code == 0


def test_with_once_a_stranger_lost_then_is_exit_5() -> None:
    life = chatting(once=True)
    life.input_ended(10)
    life.happened(Ended(EndReason.LOST), 11)
    assert life.exit_code == 5


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (State.STARTING, "Input ended; nobody was looked for."),
        (State.EMPTY, "Input ended; nobody is looked for any more."),
    ],
)
def test_without_anything_to_send_the_end_of_stdin_ends_a_search_and_says_so(last: State, said: str) -> None:
    life = searching()
    life.happened(state(last), 0)
    assert life.input_ended(0) == [Warned("input-ended", said), Quit()]
    life.happened(Finished(0), 0)
    assert life.exit_code == 0


def test_while_stopped_the_end_of_stdin_is_the_end() -> None:
    life = searching()
    life.stopped()
    life.said("kept for nobody")
    assert life.input_ended(0) == [Quit()]
    life.happened(Finished(0), 0)
    assert life.exit_code == 0


def test_with_messages_held_the_search_goes_on_for_a_minute() -> None:
    life = searching()
    life.said("x")
    assert life.input_ended(10) == []
    assert life.deadline == 10 + EOF_SEARCH
    life.happened(state(State.EMPTY), 11)
    assert life.deadline == 10 + EOF_SEARCH
    assert life.expired(70) == [Ended(EndReason.TIMEOUT), Quit()]
    assert life.exit_code == 4


def test_with_a_timeout_the_search_goes_on_until_then() -> None:
    life = searching(timeout=200)
    assert life.input_ended(1) == []
    life.happened(state(State.EMPTY), 2)
    assert life.deadline == 202


def test_a_match_after_the_end_of_stdin_is_used_for_what_is_held() -> None:
    life = searching()
    life.said("x")
    life.input_ended(0)
    assert life.happened(MATCHED, 3) == [NoMoreInput()]
    assert life.deadline == 3 + EOF_GRACE + LEAVING


def test_a_chat_lost_at_once_then_is_tried_again_if_anything_waits() -> None:
    life = searching()
    life.said("x")
    life.input_ended(0)
    life.happened(MATCHED, 3)
    for now in (4, 5):  # a minute for all of them
        assert life.happened(LOST_AT_ONCE, now) == []
        assert (life.phase, life.deadline) == (Phase.SEARCHING, EOF_SEARCH)
        life.happened(MATCHED, now)


def test_the_minute_begins_when_a_chat_lost_at_once_left_something_unsent() -> None:
    life = chatting()
    life.said("x")
    life.input_ended(3)
    assert life.happened(LOST_AT_ONCE, 4) == []
    assert life.deadline == 4 + EOF_SEARCH


def test_and_is_the_end_if_nothing_does() -> None:
    life = chatting()
    life.input_ended(0)
    assert life.happened(LOST_AT_ONCE, 4)[-1] == Quit()


def test_the_end_of_stdin_while_leaving_changes_nothing() -> None:
    life = searching()
    life.quit(0)
    assert life.input_ended(1) == []
    assert life.deadline == LEAVING


# ---- leaving ------------------------------------------------------------------------------------------------------


def test_quit_says_goodbye_and_does_not_wait_for_ever() -> None:
    life = chatting()
    assert life.quit(10) == [Quit()]
    assert life.deadline == 10 + LEAVING
    assert life.expired(10 + LEAVING) == [Abandon()]
    assert life.deadline is None


def test_quitting_twice_does_not_put_the_end_off() -> None:
    life = chatting()
    life.quit(10)
    assert life.quit(12) == []
    assert life.deadline == 10 + LEAVING


def test_late_news_does_not_bring_a_leaving_program_back() -> None:
    life = chatting(once=True)
    life.quit(0)
    late: tuple[Event, ...] = (state(State.EMPTY), STOPPED, MATCHED, Ended(EndReason.LOST))
    for event in late:
        assert life.happened(event, 1) == []
    assert (life.phase, life.deadline, life.exit_code) == (Phase.LEAVING, LEAVING, None)


@pytest.mark.parametrize("exit_code", [129, 130, 143])
def test_a_signal_says_goodbye_within_three_seconds(exit_code: int) -> None:
    life = chatting()
    assert life.signalled(exit_code, 10) == [Quit()]
    assert life.deadline == 10 + GOODBYE
    life.happened(Ended(EndReason.YOU), 11)
    life.happened(Finished(0), 11)
    assert life.exit_code == exit_code


def test_the_second_signal_does_not_wait_and_the_first_decides() -> None:
    life = chatting()
    life.signalled(143, 0)
    assert life.signalled(130, 1) == [Abandon()]
    assert life.exit_code == 143


def test_ctrl_c_after_quit_does_not_wait_either() -> None:
    life = chatting()
    life.quit(0)
    assert life.signalled(130, 1) == [Abandon()]
    assert life.exit_code == 130


def test_a_signal_while_the_last_lines_are_sent_says_goodbye_first() -> None:
    life = chatting()
    life.input_ended(0)
    assert life.signalled(143, 1) == [Quit()]


def test_what_failed_decides_the_exit_code() -> None:
    life = searching()
    life.happened(Failed("needs-relay", "…", "…", 7), 0)
    life.happened(Finished(0), 0)
    assert (life.exit_code, life.finished) == (7, True)


# ---- crossing on the bridge ---------------------------------------------------------------------------------------


def test_next_typed_while_the_stranger_leaves_goes_on_searching() -> None:
    life = chatting()
    assert life.searched(0) == [Search()]
    assert life.happened(Ended(EndReason.LEFT), 0) == []
    assert life.phase is Phase.SEARCHING


def test_stop_typed_while_a_match_comes_ends_stopped() -> None:
    life = searching()
    life.stopped()
    life.happened(MATCHED, 0)
    assert life.phase is Phase.CHATTING
    life.happened(Ended(EndReason.YOU), 0)
    assert phase(life) is Phase.STOPPED


def test_that_the_chat_is_on_is_no_news() -> None:
    life = chatting()
    assert life.happened(state(State.MATCHED), 0) == []
    assert life.phase is Phase.CHATTING


EVENTS = st.sampled_from(
    [
        *(state(name) for name in State),
        MATCHED,
        *(Ended(reason) for reason in EndReason),
        LOST_AT_ONCE,
        MessageSent(1, "x"),
        Warned("not-sent", "…"),
        Failed("x", "…", "…", 7),
    ]
)
STEPS = st.lists(EVENTS | st.sampled_from(["search", "stop", "say", "eof", "quit", "signal", "wait"]), max_size=30)


@given(steps=STEPS, once=st.booleans(), timeout=st.none() | st.just(5.0), keep=st.booleans())
def test_whatever_happens_leaving_has_a_deadline_and_is_final(
    steps: list[Event | str], once: bool, timeout: float | None, keep: bool
) -> None:
    life = searching(once=once, timeout=timeout, keep=keep)
    now, quits = 0.0, 0
    for step in steps:
        now += 1
        effects = do(life, step, now) or []
        quits += effects.count(Quit())
        if quits:
            assert life.phase is Phase.LEAVING
            if Abandon() in effects:
                return
            assert life.deadline is not None
    assert quits <= 1


def do(life: Lifecycle, step: Event | str, now: float) -> list[Effect] | None:
    match step:
        case "search" | "stop" | "say" if life.phase is Phase.LEAVING:
            return []  # session.py obeys no command then
        case "search":
            return life.searched(now)
        case "stop":
            return life.stopped()
        case "say":
            return life.said("x")
        case "eof":
            return life.input_ended(now)
        case "quit":
            return life.quit(now)
        case "signal":
            return life.signalled(143, now)
        case "wait":
            return life.expired(now) if life.deadline is not None else []
        case str():
            raise AssertionError(step)
        case _:
            return life.happened(step, now)
