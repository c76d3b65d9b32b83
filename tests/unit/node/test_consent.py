"""Consent: recorded with its version, asked for only by chat, given only by typing yes."""

import json
import os
from datetime import UTC, datetime

import pytest

from passerby.node import consent, home
from passerby.node.config import Folders
from passerby.node.wrapping import paragraphs


@pytest.fixture
def folders(surroundings: None) -> Folders:
    return home.locate(os.environ)


def record(folders: Folders, content: bytes) -> None:
    home.update(folders.state / "consent.json", folders, lambda _: content)


def test_acceptance_is_recorded_with_version_and_date(folders: Folders) -> None:
    assert not consent.is_accepted(folders)
    consent.accept(folders)
    assert consent.is_accepted(folders)
    content = json.loads((folders.state / "consent.json").read_bytes())
    assert content == {"version": consent.VERSION, "date": datetime.now(UTC).date().isoformat()}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"version": consent.VERSION - 1}).encode(),
        json.dumps({"version": consent.VERSION + 1}).encode(),
    ],
)
def test_another_version_and_anything_else_count_as_none(folders: Folders, content: bytes) -> None:
    record(folders, content)
    assert not consent.is_accepted(folders)


def test_without_a_terminal_the_exact_command_is_told(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert not consent.ask(folders, may_ask=True)  # pytest's stdin is no terminal
    assert not consent.ask(folders, may_ask=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("Run: passerby consent --accept-18\n") == 2


def test_the_text_and_the_question_fit_a_screen_and_say_the_first_line_of_the_threat_model() -> None:
    rows = paragraphs(f"{consent.TEXT}\n\n{consent.QUESTION}", 80).split("\n")
    assert len(rows) <= 24
    assert "Your words are encrypted. Do not use this where being identified would endanger you." in consent.TEXT
    assert "18" in consent.TEXT
    assert "Nobody moderates." in consent.TEXT


def test_it_says_what_the_local_network_shows_of_you() -> None:
    assert "this machine" not in consent.TEXT, "--lan goes further"
    assert "--lan; there strangers see your address in it" in consent.TEXT
