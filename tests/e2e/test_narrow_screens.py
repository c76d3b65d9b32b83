"""Outside the chat's screen too, no row that we print ends inside a word: seen on terminals of 80 and 40 columns."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.screens import Screen

PASSERBY = str(Path(sys.executable).with_name("passerby"))
CONSENT = "Type yes if you are 18 or older and accept this:"

Start = Callable[..., Screen]


@pytest.fixture(params=[80, 40])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    screens: list[Screen] = []

    def begin(*arguments: str) -> Screen:
        screens.append(Screen([PASSERBY, *arguments], columns=request.param, lines=60))
        return screens[-1]

    yield begin
    for screen in screens:
        screen.close()


def words(text: str) -> str:
    return " ".join(text.split())


def is_whole(screen: Screen) -> bool:
    """Whether the last column of each row is free: a row that the terminal itself broke fills it."""
    return all(len(row) < screen.columns for row in screen.rows)


def test_the_consent_text(start: Start) -> None:
    screen = start("chat")
    screen.until(lambda seen: CONSENT in words(seen.text))
    assert is_whole(screen)
    screen = start("consent")
    assert screen.exit_code() == 2
    assert is_whole(screen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chat", "--fallback", "-1"], "a number of seconds from 0 up to a year is needed, or never"),
        (["chat", "--lobby", "my secret"], "a program gives it as the first line of input"),
        (["chat", "--config", "none"], "passerby: none: No such file or directory"),
    ],
)
def test_errors(start: Start, arguments: list[str], said: str) -> None:
    screen = start(*arguments)
    assert screen.exit_code() in (2, 78)
    assert said in words(screen.text)
    assert is_whole(screen)


def test_warnings(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSERBY_SEED", "x")
    screen = start("chat", "--no-input")
    assert screen.exit_code() == 2
    assert "passerby: PASSERBY_SEED: there is no such variable; did you mean PASSERBY_SEEDS?" in words(screen.text)
    assert is_whole(screen)


def test_what_a_seed_says(start: Start) -> None:
    screen = start("seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0")
    screen.until(lambda seen: "(one of those above)" in words(seen.text))
    told = screen.rows[next(number for number, row in enumerate(screen.rows) if row.startswith("Serving.")) :]
    assert all(len(row) < screen.columns for row in told), "an address above may be wider than the terminal"
