"""The full terminal, seen through a pty, with a scripted peer: the half-typed line, keys, ends, terminal settings."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from support import scripted
from support.screens import Screen

Start = Callable[..., Screen]
SCRIPT = (sys.executable, scripted.__file__)
READY = "You are talking to a stranger"
ESC = "\x1b"
CTRL_C, CTRL_D, CTRL_L, CTRL_N, CTRL_Z = "\x03", "\x04", "\x0c", "\x0e", "\x1a"


@pytest.fixture
def start() -> Iterator[Start]:
    screens: list[Screen] = []

    def begin(*arguments: str, until: str = READY, program: Sequence[str] = SCRIPT, **options: object) -> Screen:
        screen = Screen([*program, *arguments], **options)  # type: ignore[arg-type]  # passed on
        screens.append(screen)
        screen.until(until)
        return screen

    yield begin
    for screen in screens:
        with closing(screen):
            pass


def said(screen: Screen, text: str) -> None:
    screen.type(f"{text}\r")
    screen.until(f"You: {text}")


# ---- talking ------------------------------------------------------------------------------------------------------


def test_a_talk_looks_like_one(start: Start) -> None:
    screen = start()
    said(screen, "hello")
    screen.until("You: hello\nStranger: echo hello\nYou:\n talking · they see: machine · 00:0")


def test_the_half_typed_line_survives_what_comes(start: Start) -> None:
    screen = start()
    screen.type("burst\rhalf a thou")
    screen.until(f"Stranger: burst {scripted.BURST - 1}")
    screen.until("You: half a thou")
    screen.type("ght\r")
    screen.until("Stranger: echo half a thought")


def test_long_messages_are_indented_behind_their_prefix(start: Start) -> None:
    screen = start(columns=40)
    screen.type("You: I am not you " * 3 + "\r")
    screen.until("Stranger: echo You: I am not you You: I\n          am not you You: I am not you\n")


def test_wide_characters_and_emoji_pass(start: Start) -> None:
    screen = start()
    screen.type("日本語 שלום 🙂\r")
    screen.until(lambda seen: "echo" in seen.text and "שלום" in seen.raw.decode(errors="ignore"))


def test_commands_are_answered_and_unknown_ones_are_not_sent(start: Start) -> None:
    screen = start()
    screen.type("/who\r/verify\r/nxt\r")
    screen.until("* They see: that you are on this machine, nothing else")
    screen.until("* one two three four five six seven · Compare over another channel")
    screen.until("Did you mean /next?")
    assert "echo /nxt" not in screen.text


@pytest.mark.parametrize("refused", ["/nxt", "/quit now"])
def test_a_refused_command_is_cleared_and_an_arrow_key_away(start: Start, refused: str) -> None:
    screen = start()
    screen.type(f"{refused}\r")
    screen.until("* Not ")
    screen.until("\nYou:\n talking")
    screen.type(f"{ESC}[A")
    screen.until(f"You: {refused}\n talking")
    screen.type("\x15/who\r")
    screen.until("* They see: that you are on this machine")


def test_a_text_that_is_too_long_stays_to_be_shortened(start: Start) -> None:
    screen = start(lines=40)
    screen.type("long " * 401 + "\r")
    screen.until("* Not ")
    screen.until("long long long")
    screen.type("\x15/who\r")  # Ctrl-U: all of it was there
    screen.until("* They see: that you are on this machine")
    screen.until("\nYou:\n talking")


def test_tab_completes_a_command(start: Start) -> None:
    screen = start()
    screen.type("/ver\t")
    screen.until("You: /verify")
    screen.type("\r")
    screen.until("* one two three")


def test_tab_never_begins_a_command(start: Start) -> None:
    screen = start()
    screen.type("\t\tone\ttwo\r")  # as a paste is read whose ends the terminal does not mark
    screen.until("Stranger: echo one two\nYou:\n talking")


def test_typing_is_told_and_seen_unless_switched_off(start: Start) -> None:
    screen = start()
    screen.type("type")
    screen.until("* typing True")
    screen.type("\r")
    screen.until("stranger is typing…")
    screen.type("/typing off\r")
    screen.until("* They do not see when you type; you do not see when they do.")
    screen.until(lambda seen: "stranger is typing…" not in seen.text)


def test_the_bottom_line_says_what_is_waited_for(start: Start) -> None:
    screen = start("alone", until="Nobody is free to talk right now")
    screen.until("nobody else here yet · seeds: 1 · scope: machine · 00:0")
    screen.type("early\r")
    screen.until("* Kept, and sent as soon as a stranger is there: early")


def test_log_lines_stand_above_the_half_typed_line(start: Start) -> None:
    screen = start("-v", "-v", columns=120)
    screen.type("type\rhalf a thou")
    screen.until("DEBUG StrangerTyping")
    screen.until("You: half a thou")
    screen.type("ght\r")
    screen.until("Stranger: echo half a thought")
    screen.until("DEBUG MessageReceived")
    screen.until(lambda seen: [row for row in seen.rows if row][-2] == "You:")
    logged = [row for row in screen.rows if " DEBUG " in row or " INFO " in row]
    assert all(row.startswith("20") for row in logged), screen.text  # each begins a row, with its date


def test_log_lines_go_to_a_file_if_that_is_where_stderr_goes(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    screen = start("-v", program=["sh", "-c", f'exec "$@" 2>"{log}"', "sh", *SCRIPT])
    screen.type(CTRL_D)
    assert screen.exit_code() == 0
    assert "INFO chat ended: you" in log.read_text()
    assert "INFO" not in screen.text


# ---- keys ---------------------------------------------------------------------------------------------------------


def test_escape_twice_stops_and_again_looks_for_another(start: Start) -> None:
    screen = start()
    screen.type(ESC + ESC)
    screen.until("* You left.")
    screen.until("stopped · /next")
    screen.type(ESC + ESC)
    screen.until(lambda seen: seen.text.count(READY) == 2)


def test_ctrl_n_is_the_next_stranger(start: Start) -> None:
    screen = start()
    screen.type(CTRL_N)
    screen.until(lambda seen: seen.text.count(READY) == 2)
    assert "* You left." in screen.text


def test_text_for_nobody_is_refused(start: Start) -> None:
    screen = start()
    screen.type("leave\r")
    screen.until("* Stranger left.")
    screen.type("my secret\r")
    screen.until("* Not sent: you are talking to nobody.")
    screen.type("/next\r")
    screen.until(lambda seen: seen.text.count(READY) == 2)
    assert "echo my secret" not in screen.text


def test_a_paste_of_several_lines_asks_first(start: Start) -> None:
    screen = start()
    screen.type("half")
    screen.type(f"{ESC}[200~one\n/quit\nthree\n{ESC}[201~")
    screen.until("3 lines pasted, nothing sent yet. y sends them as 3 messages, n drops them.")
    screen.until("You: half\n 3 lines pasted · y send · n drop")
    screen.type("x\r")
    screen.until("You: half\n Press y or n. 3 lines wait.")
    screen.type("n")
    screen.until("You: half\n talking")
    screen.type(f"{ESC}[200~one\n/quit\nthree\n{ESC}[201~y")
    screen.until("Stranger: echo three")
    assert "Stranger: echo /quit" in screen.text
    assert screen.text.count("echo one") == 1
    screen.until("You: half")


@pytest.mark.parametrize("answer", ["yes\r", "Y\r", "y\r"])
def test_an_answer_typed_out_leaves_nothing_behind(start: Start, answer: str) -> None:
    screen = start()
    screen.type(f"half{ESC}[200~one\ntwo{ESC}[201~")
    screen.until("2 lines pasted · y")
    screen.type(answer)
    screen.until("Stranger: echo two\nYou: half\n talking")
    screen.type(" done\r")
    screen.until("Stranger: echo half done\nYou:\n talking")


@pytest.mark.parametrize("answer", ["no\r", "n\r", "N", ESC, CTRL_C])
def test_pasted_lines_are_dropped(start: Start, answer: str) -> None:
    screen = start()
    screen.type(f"half{ESC}[200~one\ntwo{ESC}[201~")
    screen.until("2 lines pasted · y")
    screen.type(answer)
    screen.until("You: half\n talking")
    screen.type(" done\r")
    screen.until("Stranger: echo half done\nYou:\n talking")
    assert "echo one" not in screen.text


def test_another_paste_is_no_answer(start: Start) -> None:
    screen = start()
    screen.type(f"{ESC}[200~one\ntwo{ESC}[201~")
    screen.until("2 lines pasted · y")
    screen.type(f"{ESC}[200~yes\n{ESC}[201~")
    screen.until("You:\n Press y or n. 2 lines wait.")


def test_a_paste_of_one_line_is_typed(start: Start) -> None:
    screen = start()
    screen.type(f"{ESC}[200~pasted\n{ESC}[201~ text")
    screen.until("You: pasted text")


def test_a_paste_of_too_many_lines_is_refused(start: Start) -> None:
    screen = start()
    screen.type(f"{ESC}[200~" + "line\n" * 101 + f"{ESC}[201~")
    screen.until("* Not sent: a paste of more than 100 lines.")


def test_ctrl_c_clears_the_line_first_and_asks_then(start: Start) -> None:
    screen = start()
    screen.type("secret")
    screen.until("You: secret")
    screen.type(CTRL_C)
    screen.until(lambda seen: "secret" not in seen.text)
    assert "again to quit" not in screen.text


def test_ctrl_z_and_ctrl_l_leave_the_line_alone(start: Start) -> None:
    screen = start()
    screen.type(f"half{CTRL_Z}{CTRL_L}")
    screen.until(lambda seen: READY not in seen.text and "You: half" in seen.text)
    screen.type("\r")
    screen.until("Stranger: echo half")


def test_history_is_in_memory(start: Start) -> None:
    screen = start()
    said(screen, "first")
    screen.type(f"{ESC}[A")
    screen.until(lambda seen: [row for row in seen.rows if row][-2] == "You: first")


def test_a_resized_terminal_goes_on(start: Start) -> None:
    screen = start()
    screen.resize(50, 20)
    said(screen, "smaller")
    screen.until("Stranger: echo smaller")
    screen.resize(2, 5)
    screen.resize(100, 30)
    said(screen, "larger")
    screen.until("Stranger: echo larger")


# ---- ends: every one gives the terminal back ----------------------------------------------------------------------

Leave = Callable[[Screen], None]


def ctrl_c_twice(screen: Screen) -> None:
    screen.type(CTRL_C)
    screen.until("* Ctrl-C again to quit.")
    screen.type(CTRL_C)


def kill(number: signal.Signals) -> Leave:
    return lambda screen: screen.kill(number)


def keys(text: str) -> Leave:
    return lambda screen: screen.type(text)


@pytest.mark.parametrize(
    ("behaviour", "leave", "code"),
    [
        pytest.param("talking", ctrl_c_twice, 130, id="ctrl-c twice"),
        pytest.param("talking", keys(CTRL_D), 0, id="ctrl-d"),
        pytest.param("talking", keys("/quit\r"), 0, id="quit"),
        pytest.param("talking", keys("half" + CTRL_C + CTRL_C), 130, id="a line cleared, then quit"),
        pytest.param("talking", kill(signal.SIGTERM), 143, id="SIGTERM"),
        pytest.param("talking", kill(signal.SIGHUP), 129, id="SIGHUP"),
        pytest.param("talking", kill(signal.SIGINT), 130, id="SIGINT"),
        pytest.param("talking", keys("crash\r"), 1, id="a bug"),
        pytest.param("frozen", kill(signal.SIGTERM), 143, id="SIGTERM and no goodbye"),
        pytest.param("frozen", ctrl_c_twice, 130, id="ctrl-c and no goodbye"),
    ],
)
def test_every_way_out_restores_the_terminal(start: Start, behaviour: str, leave: Leave, code: int) -> None:
    screen = start(behaviour)
    assert screen.terminal() != screen.settings
    leave(screen)
    assert screen.exit_code() == code
    assert screen.terminal() == screen.settings
    assert "talking ·" not in screen.text  # the bottom line is taken away
    assert screen.cursor[1] == 0
    assert b"\x1b[?2004l" in screen.raw.rpartition(b"\x1b[?2004h")[2]  # bracketed paste is off again
    assert "Traceback" not in screen.text


def test_once_gives_the_terminal_back_when_the_stranger_leaves(start: Start) -> None:
    screen = start("--once")
    screen.type("leave\r")
    assert screen.exit_code() == 0
    assert screen.terminal() == screen.settings
    assert "* Stranger left." in screen.text


def test_leaving_while_the_program_still_loads(start: Start) -> None:
    screen = start("unloadable", until="getting ready…")
    screen.type(CTRL_D)
    assert screen.exit_code() == 0
    assert screen.terminal() == screen.settings


# ---- other terminals ----------------------------------------------------------------------------------------------


def test_nothing_asks_the_terminal_and_no_colour_is_used_if_not_wished(start: Start) -> None:
    for arguments, environment in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        screen = start(*arguments, environment=environment)
        said(screen, "hello")
        screen.until("Stranger: echo hello")
        assert b"\x1b[6n" not in screen.raw
        assert b";32" not in screen.raw
        assert b"\x1b[36m" not in screen.raw


@pytest.mark.parametrize(("arguments", "environment"), [(["--plain"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""})])
def test_plain_on_a_terminal(start: Start, arguments: list[str], environment: dict[str, str]) -> None:
    screen = start(*arguments, environment=environment)
    assert screen.terminal() == screen.settings
    screen.type("hello\r")
    screen.until("Stranger: echo hello")
    assert "You: hello" not in screen.text  # it stands there as typed
    assert ESC.encode() not in screen.raw
    screen.type(CTRL_C)
    screen.until("* Ctrl-C again to quit.")
    screen.type(CTRL_C)
    assert screen.exit_code() == 130
    assert screen.terminal() == screen.settings
