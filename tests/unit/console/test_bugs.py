"""A bug is a sentence; a traceback is shown only when asked for, and cleaned."""

import logging
import re
from collections.abc import Callable

from passerby.node.console.bridge import PeerError
from passerby.node.console.bugs import report
from passerby.node.hardening import LOGGER


def crash() -> None:
    raise RuntimeError("a stranger said \x1b[31m")


def caught(act: Callable[[], None]) -> Exception:
    try:
        act()
    except Exception as error:  # noqa: BLE001 (any of them)
        return error
    raise AssertionError


def wrapped() -> BaseException:
    def bridge() -> None:
        raise PeerError from ExceptionGroup("tasks", [caught(crash)])

    return ExceptionGroup("console", [caught(bridge)])


def test_the_first_cause_is_named_without_its_text() -> None:
    said = report(wrapped())
    assert re.match(r"This is a bug in Passerby: RuntimeError in test_bugs\.py, line \d+\. What was open", said)
    assert "a stranger said" not in said
    assert "Traceback" not in said
    assert said.endswith("With -vv it shows where it happened.")


def test_on_request_it_shows_where_it_happened_without_control_characters() -> None:
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        said = report(wrapped())
    finally:
        logger.setLevel(before)
    assert "Traceback" in said
    assert "in crash" in said
    assert "\x1b" not in said
    assert "This is a bug in Passerby" in said.rpartition("Traceback")[2]


def test_an_error_without_a_place_is_told_too() -> None:
    assert report(ValueError("x")).startswith("This is a bug in Passerby: ValueError. ")


def test_an_error_of_the_bridge_alone_is_its_own_cause() -> None:
    assert "PeerError" in report(PeerError())
