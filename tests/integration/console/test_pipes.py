"""NDJSON and plain over real pipes and files, with a scripted peer: product.md 5, line by line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, cast

import pytest

from passerby.node.console.lifecycle import GOODBYE, LEAVING
from passerby.node.limits import OUTGOING_LINES
from support import scripted

SCRIPT = [sys.executable, scripted.__file__]
PATIENCE = 20.0


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SCRIPT, *arguments], input=stdin, capture_output=True, timeout=PATIENCE, check=False)


def objects(output: bytes) -> list[dict[str, object]]:
    assert output.endswith(b"\n")
    return [cast("dict[str, object]", json.loads(line)) for line in output.removesuffix(b"\n").split(b"\n")]


def texts(output: bytes, sender: str) -> list[object]:
    return [line["text"] for line in objects(output) if line["event"] == "message" and line["from"] == sender]


def codes(output: bytes) -> list[object]:
    return [line["code"] for line in objects(output) if line["event"] in ("warning", "error")]


def start(*arguments: str, stdout: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*SCRIPT, *arguments], stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)


def until(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


def end(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


# ---- what goes in -------------------------------------------------------------------------------------------------


def test_lines_given_before_a_match_are_sent_after_it_and_the_end_of_stdin_is_the_end() -> None:
    done = run("--json", stdin=b"one\ntwo\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert texts(done.stdout, "you") == ["one", "two"]
    assert texts(done.stdout, "stranger") == ["echo one", "echo two"]
    assert objects(done.stdout)[-1]["event"] == "ended"


def test_a_file_of_three_hundred_lines_arrives_whole_and_in_order(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_text("".join(f"line {number}\n" for number in range(300)))
    with source.open("rb") as stdin, target.open("wb") as stdout:
        done = subprocess.run([*SCRIPT, "--json"], stdin=stdin, stdout=stdout, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert texts(target.read_bytes(), "you") == [f"line {number}" for number in range(300)]


def test_only_lf_ends_a_line_and_what_has_no_place_in_a_terminal_is_cleaned() -> None:
    done = run("--json", stdin="a\u2028b\u0085c\rd\r\n\x1b[31mred\n".encode())
    assert texts(done.stdout, "you") == ["a b c d", "[31mred"]
    assert codes(done.stdout) == ["cleaned", "cleaned"]


def test_what_cannot_be_sent_is_told_and_nothing_else_happens() -> None:
    bad = [b"", b"\xff\xfe", b"x" * 4001, b"y" * 100_000, b"\x1b", b"/nonsense", b"/next now"]
    done = run("--json", stdin=b"\n".join([*bad, b"good", b""]))
    assert codes(done.stdout) == [
        "empty", "not-utf8", "too-long", "too-long", "empty", "unknown-command", "unknown-command",
    ]  # fmt: skip
    assert texts(done.stdout, "you") == ["good"]
    assert done.returncode == 0


def test_slash_commands_are_obeyed_at_once_also_while_messages_wait() -> None:
    done = run("--json", "alone", stdin=b"wait\n/who\n/help next\n/typing off\n//not a command\n/quit\nnever\n")
    assert codes(done.stdout) == ["who", "help", "typing"]
    assert (done.returncode, texts(done.stdout, "you")) == (0, [])


def test_no_more_than_a_hundred_lines_are_read_while_nobody_is_there() -> None:
    with start("--json", "alone") as process:
        assert process.stdin is not None
        process.stdin.write(b"x\n" * OUTGOING_LINES + b"/who\n")
        process.stdin.flush()
        until(process, b'"empty"')
        process.send_signal(signal.SIGTERM)
        code, output, _ = end(process)
        assert code == 143
        assert b'"who"' not in output


def test_text_given_while_stopped_goes_to_the_next_stranger() -> None:
    with start("--json") as process:
        assert process.stdin is not None
        process.stdin.write(b"leave\n")
        process.stdin.flush()
        until(process, b'"stopped"')
        process.stdin.write(b"hello\n/next\n")
        process.stdin.flush()
        until(process, b'"text":"hello"')
        assert end(process)[0] == 0


def test_answers_to_commands() -> None:
    with start("--json") as process:
        assert process.stdin is not None
        until(process, b'"matched"')
        process.stdin.write(b"/verify\n/next\n/start\n/stop\n/stop\n/typing show off\n/s\n")
        process.stdin.flush()
        process.stdin.write(b"/q\n")
        code, output, _ = end(process)
        assert code == 0
        told = [line["text"] for line in objects(output) if line["event"] == "warning"]
        assert str(told[0]).startswith("one two three four five six seven · Compare")
        assert any("Nothing to stop" in str(text) for text in told)


# ---- how it ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "code", "reason"), [("leave", 0, "left"), ("lose", 5, "lost"), ("flood", 7, "flood")])
def test_once(text: str, code: int, reason: str) -> None:
    with start("--json", "--once") as process:
        assert process.stdin is not None
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
        until(process, f'"reason":"{reason}"'.encode())
        assert end(process)[0] == code


def test_a_chat_lost_at_once_is_not_the_one() -> None:
    done = run("--json", "--once", stdin=b"lose early\n")
    assert [line["event"] for line in objects(done.stdout)].count("matched") == 2
    assert done.returncode == 0


def test_nobody_in_time() -> None:
    done = run("--json", "--once", "--timeout", "0.3", "alone")
    assert done.returncode == 4
    assert objects(done.stdout)[-1]["reason"] == "timeout"


def test_strangers_who_are_lost_at_once_are_nobody() -> None:
    deadline = time.monotonic() + PATIENCE
    with start("--json", "--timeout", "0.3", "resetting") as process:
        for line in process.stdout or ():
            assert time.monotonic() < deadline
            if b'"reason":"timeout"' in line:
                break
            assert b'"reason":"lost"' in line or b'"ended"' not in line
        assert end(process)[0] == 4


def test_no_seed_in_time() -> None:
    done = run("--json", "--timeout", "0.3", "seedless")
    assert done.returncode == 3
    assert codes(done.stdout) == ["no-seed"]


def test_without_anything_to_send_the_end_of_stdin_ends_a_search() -> None:
    assert run("--json", "alone").returncode == 0


def test_a_search_that_never_began_is_said_not_to_have() -> None:
    done = run("--plain", "unloadable")
    assert (done.returncode, done.stdout) == (
        0,
        b"* Getting ready\xe2\x80\xa6\n* Input ended; nobody was looked for.\n",
    )


def test_a_program_that_still_loads_leaves_at_once() -> None:
    begin = time.monotonic()
    assert run("--json", "unloadable").returncode == 0
    assert time.monotonic() - begin < LEAVING


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
@pytest.mark.parametrize("front", ["--json", "--plain"])
def test_signals_say_goodbye(number: signal.Signals, code: int, front: str) -> None:
    with start(front) as process:
        until(process, b'"matched"' if front == "--json" else b"talking to a stranger")
        process.send_signal(number)
        left, output, errors = end(process)
        assert (left, errors) == (code, b"")
        assert (b'"reason":"you"' if front == "--json" else b"* You left.") in output


@pytest.mark.parametrize("behaviour", ["frozen", "deaf", "unloadable"])
def test_a_peer_that_does_not_answer_is_not_waited_for(behaviour: str) -> None:
    with start("--json", behaviour, "alone") as process:
        until(process, b'"starting"' if behaviour != "frozen" else b'"empty"')
        process.send_signal(signal.SIGTERM)
        assert end(process)[0] == 143


def test_a_second_signal_does_not_wait() -> None:
    with start("--json", "frozen") as process:
        until(process, b'"matched"')
        process.send_signal(signal.SIGTERM)
        until(process, b'"quit-heard"')
        again = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert end(process)[0] == 143
        assert time.monotonic() - again < GOODBYE


def test_nobody_reads_any_more_is_a_quiet_goodbye() -> None:
    with start("--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        until(process, b'"matched"')
        process.stdout.close()
        process.stdin.write(b"burst\n")
        process.stdin.flush()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_nobody_reads_any_more_while_a_file_is_sent(tmp_path: Path) -> None:
    source = tmp_path / "in"  # a file on stdin: output goes through a buffer and a thread
    source.write_text("burst\n" * 50)
    with source.open("rb") as stdin:
        process = subprocess.Popen([*SCRIPT, "--json"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            until(process, b'"matched"')
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(PATIENCE) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""


def test_a_reader_that_stalls_does_not_keep_us_from_leaving(tmp_path: Path) -> None:
    source = tmp_path / "in"  # a file on stdin: output goes through a thread then, which may hang
    source.write_text("burst\n" * 50)
    reader, writer = os.pipe()
    with source.open("rb") as stdin, os.fdopen(reader, "rb") as output:
        process = subprocess.Popen([*SCRIPT, "--json"], stdin=stdin, stdout=writer)
        os.close(writer)
        assert output.read(10_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143


def test_closed_streams_are_no_reason_to_crash() -> None:
    for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        command = f'"$@" {redirection}'
        done = subprocess.run(["sh", "-c", command, "sh", *SCRIPT, "--json", "alone"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE, check=False)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")


def test_pipes_are_left_as_they_were() -> None:
    reader, writer = os.pipe()
    source, sink = os.pipe()
    process = subprocess.Popen([*SCRIPT, "--json"], stdin=source, stdout=writer, stderr=writer)
    with os.fdopen(reader, "rb") as output:
        assert any(b"matched" in line for line in output)
        assert not os.get_blocking(writer)  # shared with the program, as a shell shares its terminal
        os.close(sink)
        assert process.wait(PATIENCE) == 0
        assert os.get_blocking(writer)
        assert os.get_blocking(source)
    os.close(writer)
    os.close(source)


def test_a_bug_of_ours_is_a_sentence() -> None:
    done = run("--json", stdin=b"crash\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"This is a bug in Passerby: RuntimeError in scripted.py, line ")
    assert b"Traceback" not in done.stderr
    assert b"boom" not in done.stderr


# ---- logs ---------------------------------------------------------------------------------------------------------


def logged(errors: bytes) -> list[str]:
    return [line.split(" ", 2)[2] for line in errors.decode().splitlines()]


def test_logs_tell_states_matches_and_ends_if_wished_and_never_a_text() -> None:
    quiet, states, everything = (run("--json", *flags, stdin=b"canary\n") for flags in ([], ["-v"], ["-v", "-v"]))
    assert quiet.stderr == b""
    figures = ", scope machine, seeds 0, named 0, waiting 0, seen 0, met 0"
    assert logged(states.stderr) == [
        f"INFO state starting{figures}",
        f"INFO state searching{figures}",
        "INFO matched after 12 ms, they see: machine",
        f"INFO state matched{figures}",
        "INFO chat ended: you",
        "INFO finished, exit code 0",
    ]
    assert {"DEBUG MessageSent", "DEBUG MessageReceived"} <= set(logged(everything.stderr))
    assert b"canary" not in states.stderr + everything.stderr
    assert texts(states.stdout, "stranger") == texts(quiet.stdout, "stranger")


def test_logs_that_nobody_takes_keep_nobody_from_chatting(tmp_path: Path) -> None:
    source = tmp_path / "in"  # a file on stdin: all streams are blocking then
    source.write_text("burst\n" * 20)
    for is_read in (True, False):
        reader, writer = os.pipe()
        if not is_read:
            os.close(reader)
        with source.open("rb") as stdin, os.fdopen(writer, "wb") as errors:
            done = subprocess.run([*SCRIPT, "--json", "-v", "-v"], stdin=stdin, stdout=subprocess.PIPE, stderr=errors,
                                  timeout=PATIENCE, check=False)  # fmt: skip
        assert done.returncode == 0
        assert len(texts(done.stdout, "stranger")) == 20 * scripted.BURST
        if is_read:
            assert len(os.read(reader, 2**20)) > 2**15  # the pipe was full
            os.close(reader)


def test_logs_have_no_place_on_stdout() -> None:
    done = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *SCRIPT, "--json", "-v"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=PATIENCE, check=False)  # fmt: skip
    assert "state" in {each["event"] for each in objects(done.stdout)}  # and every line of it is an object


# ---- plain --------------------------------------------------------------------------------------------------------


def test_plain_says_who_speaks_at_the_start_of_each_line() -> None:
    done = run("--plain", stdin=b"hello\n\n/who\n/foo\n")
    lines = done.stdout.decode().splitlines()
    assert "You: hello" in lines
    assert "Stranger: echo hello" in lines
    assert lines[-1].startswith("* ")
    assert all(line.startswith(("You: ", "Stranger: ", "* ")) for line in lines)
    assert done.returncode == 0


def test_plain_does_not_send_to_the_next_what_was_said_to_nobody() -> None:
    with start("--plain") as process:
        assert process.stdin is not None
        process.stdin.write(b"leave\n")
        process.stdin.flush()
        until(process, b"/next for another stranger")
        process.stdin.write(b"my secret\n/next\n")
        output = end(process)[1].decode()
        assert "* Not sent: you are talking to nobody." in output
        assert "You: my secret" not in output
