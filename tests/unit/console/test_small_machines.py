"""Ctrl-C twice within five seconds; "is typing" begins, pauses, ceases; a paste is answered and nothing else."""

import pytest

from passerby.node.console.interrupts import TWICE_WITHIN, Interrupts
from passerby.node.console.keystrokes import AFTERWARDS, IDLE, Keystrokes, Pasting
from passerby.node.limits import OUTGOING_LINES


def test_the_first_press_never_quits_not_even_at_the_clock_s_beginning() -> None:
    assert not Interrupts().press(0.0)


def test_the_second_press_quits_only_soon() -> None:
    presses = Interrupts()
    assert not presses.press(10)
    assert not presses.press(10 + TWICE_WITHIN)
    assert presses.press(10 + 2 * TWICE_WITHIN - 0.01)
    assert TWICE_WITHIN >= 5, "who reads what the first one is answered is not too late"


def test_typing_is_told_once_and_its_end_once() -> None:
    keys = Keystrokes()
    assert keys.changed("h", 0) is True
    assert keys.changed("he", 1) is None
    assert keys.changed("", 2) is False
    assert keys.changed("", 3) is None


def test_a_pause_is_told_and_the_next_key_again() -> None:
    keys = Keystrokes()
    keys.changed("h", 0)
    assert keys.paused(IDLE - 0.1) is None
    assert keys.paused(IDLE) is False
    assert keys.paused(IDLE + 1) is None
    assert keys.changed("he", 20) is True


def test_commands_and_blanks_are_nobody_s_business() -> None:
    keys = Keystrokes()
    assert keys.changed("/", 0) is None
    assert keys.changed("/next", 1) is None
    assert keys.changed("  ", 2) is None
    assert keys.paused(100) is None


def test_pasted_lines_wait_for_one_answer() -> None:
    pasting = Pasting()
    pasting.ask(["one", "two"])
    assert pasting.bottom() == "2 lines pasted · y send · n drop"
    pasting.insist()
    assert pasting.bottom() == "Press y or n. 2 lines wait."
    assert pasting.answer("yes", "", 0, 1) == ["one", "two"]
    assert pasting.lines == []
    pasting.ask(["three", "four"])
    assert "pasted" in pasting.bottom()


def test_the_question_fits_forty_columns() -> None:
    pasting = Pasting()
    pasting.ask(["x"] * OUTGOING_LINES)
    assert len(pasting.bottom()) < 39
    pasting.insist()
    assert len(pasting.bottom()) < 39


@pytest.mark.parametrize(
    ("word", "typed", "is_end"),
    [
        ("yes", "half", True),
        ("yes", "haeslf", True),
        ("yes", "haESlf", True),
        ("no", "haolf", True),
        ("yes", "haolf", False),
        ("no", "haeslf", False),
        ("yes", "haelf", False),
    ],
)
def test_an_answer_typed_out_is_taken_away_again(word: str, typed: str, is_end: bool) -> None:
    pasting = Pasting()
    pasting.ask(["one", "two"])
    pasting.answer(word, "half", 2, 10)
    assert pasting.ends_answer(typed, 10.5) == is_end


def test_only_the_first_enter_soon_after_an_answer_is_part_of_it() -> None:
    pasting = Pasting()
    assert not pasting.ends_answer("", 0)
    pasting.answer("yes", "half", 2, 10)
    assert not pasting.ends_answer("half", 10 + AFTERWARDS)
    assert pasting.ends_answer("half", 10 + AFTERWARDS - 0.1)
    assert pasting.restored() == ("half", 2)
    assert not pasting.ends_answer("half", 10.1)
