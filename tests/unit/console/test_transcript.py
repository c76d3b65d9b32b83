"""What people read of each event; a stranger's text never starts a row of ours."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from passerby.node.console.commands import Help, parse
from passerby.node.console.transcript import OURS, STRANGER, WIDE_ENOUGH_FOR_TWO, YOU, Transcript, rows
from passerby.node.events import (
    Delivered,
    Ended,
    EndReason,
    Failed,
    Finished,
    Matched,
    MessageReceived,
    MessageSent,
    Scope,
    State,
    StateChanged,
    StrangerTyping,
    Warned,
)

NO_SEED = StateChanged(State.NO_SEED, Scope.PUBLIC, named=2, retry=8)


def test_each_event_says_who_speaks() -> None:
    transcript = Transcript()
    assert transcript.lines(MessageReceived(1, "hi"), 0) == [(STRANGER, "hi")]
    assert transcript.lines(MessageSent(1, "ho"), 0) == [(YOU, "ho")]
    assert transcript.lines(Warned("help", "a\nb"), 0) == [(OURS, "a"), (OURS, "b")]
    assert transcript.lines(Failed("x", "Broke.", "Mend.", 7), 0) == [(OURS, "Broke. Mend.")]
    assert transcript.lines(Ended(EndReason.LEFT), 1) == [(OURS, "Stranger left. Your last message was not confirmed.")]
    [(prefix, text)] = transcript.lines(Matched("machine", None, ("w",) * 7, 1), 0)
    assert (prefix, text.partition(".")[0]) == (OURS, "You are talking to a stranger")


def test_what_has_a_place_elsewhere_is_no_line() -> None:
    transcript = Transcript()
    silent = StateChanged(State.MATCHED, Scope.MACHINE), Delivered(1), StrangerTyping(on=True), Finished(0)
    assert [transcript.lines(event, 0) for event in silent] == [[], [], [], []]


def test_a_state_is_said_once_whatever_its_clock_says() -> None:
    transcript = Transcript()
    assert transcript.lines(NO_SEED, 0) == [(OURS, "None of 2 seeds answers. Trying again in 8 s.")]
    assert transcript.lines(StateChanged(State.NO_SEED, Scope.PUBLIC, named=2, retry=3), 0) == []
    assert transcript.lines(StateChanged(State.NO_SEED, Scope.PUBLIC, named=3, retry=3), 0) != []
    transcript.lines(StateChanged(State.EMPTY, Scope.PUBLIC), 0)
    assert transcript.lines(NO_SEED, 0) != []


def test_where_we_look_is_said_once_a_search() -> None:
    transcript = Transcript()
    looking = StateChanged(State.SEARCHING, Scope.MACHINE)
    empty = StateChanged(State.EMPTY, Scope.MACHINE, seeds=1)
    on_this_machine = [(OURS, "Looking for somebody on this machine…")]
    alone = [(OURS, "Nobody is free to talk right now. You will be matched as soon as somebody comes")]
    assert transcript.lines(looking, 0) == on_this_machine
    assert transcript.lines(empty, 0) == alone
    assert transcript.lines(looking, 0) == []
    assert transcript.lines(empty, 0) == []
    transcript.lines(Matched("machine", None, ("w",) * 7, 1), 0)
    transcript.lines(StateChanged(State.STOPPED, Scope.MACHINE), 0)
    assert transcript.lines(looking, 0) == on_this_machine


def test_that_anybody_will_do_by_now_is_said_once_whatever_comes_next() -> None:
    transcript = Transcript()
    choosy = StateChanged(State.EMPTY, Scope.PUBLIC, seeds=1, interests=("chess",), fallback=9.6)
    [(_, first)] = transcript.lines(choosy, 0)
    assert first.endswith("in 10 s anybody will do")
    assert transcript.lines(replace(choosy, fallback=3), 0) == []
    fallen = (OURS, "Nobody who likes chess came in time; from now on anybody will do.")
    assert transcript.lines(StateChanged(State.SEARCHING, Scope.PUBLIC, seeds=1), 0) == [fallen]
    assert transcript.lines(StateChanged(State.SEARCHING, Scope.PUBLIC, seeds=2), 0) == []

    transcript.lines(replace(choosy, state=State.BUSY), 0)
    alone = (OURS, "Nobody is free to talk right now. You will be matched as soon as somebody comes")
    assert transcript.lines(StateChanged(State.EMPTY, Scope.PUBLIC, seeds=1), 0) == [fallen, alone]


def test_a_new_search_for_anybody_is_no_fallback() -> None:
    transcript = Transcript()
    transcript.lines(StateChanged(State.SEARCHING, Scope.PUBLIC, interests=("chess",), fallback=9), 0)
    transcript.lines(StateChanged(State.STOPPED, Scope.PUBLIC), 0)
    [(_, said)] = transcript.lines(StateChanged(State.SEARCHING, Scope.PUBLIC), 0)
    assert said == "Looking for somebody…"


def test_a_pipe_gets_one_line_a_message() -> None:
    assert rows((STRANGER, "a" * 500), None) == ["Stranger: " + "a" * 500]
    assert rows((STRANGER, "a\nYou: b\x1b[2J"), None) == ["Stranger: a You: b[2J"]


@given(st.text(max_size=300), st.integers(0, 200))
def test_on_a_screen_every_row_of_a_stranger_is_behind_the_prefix_or_indented(text: str, columns: int) -> None:
    first, *others = rows((STRANGER, text), columns)
    assert first.startswith(STRANGER.rstrip())
    assert all(row.startswith(" ") for row in others)


def test_the_list_of_commands_stands_in_two_columns_only_where_they_have_room() -> None:
    listed = parse("/help")
    assert isinstance(listed, Help)
    lines = Transcript().lines(Warned("help", listed.text), 0)
    assert all(len(rows(line, 80)) == 1 for line in lines)
    narrow = [row for line in lines for row in rows(line, WIDE_ENOUGH_FOR_TWO - 1)]
    assert "* /start" in narrow
    assert narrow[narrow.index("* /start") + 1] == "    look for a stranger"
    assert "* /interests [TAG…]" in narrow


def test_a_stranger_s_two_spaces_are_no_columns() -> None:
    assert rows((STRANGER, "a  b"), 40) == ["Stranger: a  b"]
