"""Ctrl-C twice within two seconds; "is typing" begins, pauses, ceases."""

from passerby.node.console.interrupts import TWICE_WITHIN, Interrupts
from passerby.node.console.keystrokes import IDLE, Keystrokes


def test_the_first_press_never_quits_not_even_at_the_clock_s_beginning() -> None:
    assert not Interrupts().press(0.0)


def test_the_second_press_quits_only_soon() -> None:
    presses = Interrupts()
    assert not presses.press(10)
    assert not presses.press(10 + TWICE_WITHIN)
    assert presses.press(10 + 2 * TWICE_WITHIN - 0.01)


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
