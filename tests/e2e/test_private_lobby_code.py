"""`--lobby -`: how the code comes in, on a terminal and from a pipe, and what is said when it does not."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from passerby.crypto.words import TABLE
from passerby.discovery.lobbycodes import CODE_WORDS
from support.screens import Screen

PASSERBY = str(Path(sys.executable).with_name("passerby"))
PATIENCE = 30.0
NINE = "suitcase parrot crown tent hedgehog diamond squid puzzle wolf"
QUESTION = "Code of the private lobby"
LOOKING = "Getting ready…"


def run(*arguments: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PASSERBY, "chat", "--lobby", "-", *arguments], input=stdin, capture_output=True, timeout=PATIENCE, check=False
    )


@pytest.fixture
def begin(consented: None) -> Iterator[Callable[..., Screen]]:
    screens: list[Screen] = []

    def start(*arguments: str, columns: int = 80) -> Screen:
        screens.append(Screen([PASSERBY, "chat", "--lobby", "-", "--timeout", "0.1", *arguments], columns=columns))
        return screens[-1]

    yield start
    for screen in screens:
        screen.close()


def test_on_a_terminal_it_is_asked_for_without_echo(begin: Callable[..., Screen]) -> None:
    screen = begin()
    screen.until(QUESTION)
    screen.type("a secret of nobody else\r")
    screen.until(LOOKING)
    assert b"secret of nobody" not in screen.raw
    assert "easy to guess" not in screen.text


def test_an_empty_answer_makes_a_code_and_shows_it(begin: Callable[..., Screen]) -> None:
    screen = begin("--plain")
    screen.until(QUESTION)
    screen.type("\r")
    screen.until(LOOKING)
    words = "|".join(word for word, _ in TABLE)
    assert re.search(rf"those whom you want to meet:\s+(({words}) ?){{{CODE_WORDS}}}\s", screen.text)


def test_a_code_is_shown_in_whole_words_on_a_narrow_screen_too(begin: Callable[..., Screen]) -> None:
    screen = begin("--plain", columns=40)
    screen.until("makes a")
    screen.type("\r")
    screen.until(LOOKING)
    words = "|".join(word for word, _ in TABLE)
    assert re.search(rf"want to\nmeet:\n((    (({words}) ?)+\n)+)", screen.text)
    shown = re.findall(rf"^    ((?:(?:{words}) ?)+)$", screen.text, re.MULTILINE)
    assert len(" ".join(shown).split()) == CODE_WORDS


@pytest.mark.parametrize("answer", ["\r", f"{NINE}\r"], ids=["used as it is", "typed again"])
def test_a_mistyped_code_is_asked_for_again(begin: Callable[..., Screen], answer: str) -> None:
    screen = begin("--plain")
    screen.until(QUESTION)
    screen.type(NINE.replace("diamond", "diamont") + "\r")
    screen.until('passerby: "diamont" is no word of a code that is made here')
    screen.until("diamond?")
    screen.until("Type the code again, or Enter to use it as it is:")
    screen.type(answer)
    screen.until(LOOKING)


def test_a_code_that_lacks_a_word_is_told_of_in_a_pipe_and_used(consented: None) -> None:
    done = run("--json", "--timeout", "0.1", stdin=NINE.removesuffix(" wolf").encode())
    assert done.returncode == 4
    assert done.stderr == b"passerby: This code has 8 words; one that is made here has 9.\n"


def test_a_weak_answer_is_used_with_a_warning(begin: Callable[..., Screen]) -> None:
    screen = begin()
    screen.until(QUESTION)
    screen.type("1234\r")
    screen.until("This code is easy to guess")
    screen.until(LOOKING)


def test_ctrl_c_at_the_question_is_130_and_the_end_of_input_2(begin: Callable[..., Screen]) -> None:
    screen = begin()
    screen.until(QUESTION)
    screen.type("\x03")
    assert screen.exit_code() == 130
    assert "Traceback" not in screen.text
    screen = begin()
    screen.until(QUESTION)
    settings = screen.settings
    screen.type("\x04")
    screen.until("--lobby: no code was given")
    assert any(row.startswith("Usage") for row in screen.rows), "the question's row was ended"
    assert screen.exit_code() == 2
    assert screen.terminal() == settings, "it echoes again"


@pytest.mark.parametrize("flag", ["--no-input", "--json"])
def test_who_forbids_questions_must_pipe_it(begin: Callable[..., Screen], flag: str) -> None:
    screen = begin(flag)
    screen.until("the code has to be asked for, and that is forbidden")
    assert screen.exit_code() == 2


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "--lobby: the code is missing: it is the first line of input"),
        (b"\n", "--lobby: the code cannot be used: it is empty"),
        (b" \r\nhello\n", "--lobby: the code cannot be used: it is empty"),
        (b"\xff\n", "--lobby: the code is not UTF-8"),
        (b"x" * 129 + b"\n", "--lobby: the code cannot be used: it has 129 bytes where 128 are allowed"),
        (b"x" * 5000, "--lobby: the code is too long"),
    ],
)
def test_input_that_is_no_code_is_2_with_a_sentence(consented: None, stdin: bytes, said: str) -> None:
    done = run("--json", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_closed_input_is_2_too(consented: None) -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{PASSERBY}' chat --json --lobby - <&-"], capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert b"the code is missing" in done.stderr


def test_input_that_does_not_wait_is_waited_for(consented: None) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    process = subprocess.Popen(
        [PASSERBY, "chat", "--lobby", "-", "--json", "--timeout", "0.1"],
        stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.write(writer, b"a code without its end ")
    assert process.poll() is None
    os.write(writer, b"yet\nhello\n")
    os.close(writer)
    os.close(reader)
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (4, b"")
    assert output.decode().splitlines()[0].count("starting")


def test_one_line_is_taken_and_no_more(consented: None) -> None:
    done = run("--plain", "--timeout", "0.1", stdin=b"a code that is long enough\nhello\n")
    assert done.returncode == 4
    assert done.stdout.decode().count("Kept, and sent as soon as a stranger is there: hello") == 1


def test_the_code_is_nowhere_in_what_is_set(consented: None) -> None:
    done = subprocess.run(
        [PASSERBY, "config", "show"], env={**os.environ, "PASSERBY_LOBBY": "secret"}, capture_output=True, check=False
    )
    assert b"PASSERBY_LOBBY: there is no such variable" in done.stderr
    assert b"secret" not in done.stdout + done.stderr
