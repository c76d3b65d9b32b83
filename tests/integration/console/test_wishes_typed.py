"""Whom to look for, from settings, slash commands and a private lobby's code to what the peer is asked for."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

from support import scripted

SCRIPT = [sys.executable, scripted.__file__]
PATIENCE = 20.0
CODE = "a code that is long enough"


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SCRIPT, *arguments], input=stdin, capture_output=True, timeout=PATIENCE, check=False)


def objects(output: bytes) -> list[dict[str, object]]:
    return [cast("dict[str, object]", json.loads(line)) for line in output.removesuffix(b"\n").split(b"\n")]


def texts(output: bytes) -> list[object]:
    return [o["text"] for o in objects(output) if o["event"] == "message" and o["from"] == "you"]


def wished(output: bytes) -> list[object]:
    return [line["text"] for line in objects(output) if line.get("code") == "wished"]


def test_interests_of_the_configuration_are_searched_for(surroundings: None) -> None:
    config = Path(os.environ["PASSERBY_HOME"], "config")
    config.mkdir(mode=0o700)
    (config / "config.toml").write_text('[chat]\ninterests = ["Board  Games"]\nlang = "de-AT"\nfallback = 4')
    done = run("--json", "telling wishes", stdin=b"hi\n")
    assert wished(done.stdout) == ["tags tag:board games, lang:de; fallback 4.0; False"]


def test_slash_commands_change_the_next_search_and_tell_how_it_will_be() -> None:
    done = run(
        "--json", "telling wishes", stdin=b"/interests Chess, board games\n/lang de\n/stop\n/start\n/interests\nhi\n"
    )
    assert wished(done.stdout) == [
        "tags ; fallback None; False",
        "tags tag:chess, tag:board games, lang:de; fallback 30.0; False",
    ]
    told = {code: [o["text"] for o in objects(done.stdout) if o.get("code") == code] for code in ("interests", "lang")}
    choosy = "look for somebody who likes chess or board games"
    assert str(told["interests"][0]).startswith(f"From the next search on you {choosy} · after 30 s anybody will do")
    assert str(told["lang"][0]).startswith(f"From the next search on you {choosy}, or speaks de ·")
    assert told["interests"][1] == f"You {choosy}, or speaks de · after 30 s anybody will do"


def test_too_many_wishes_change_nothing() -> None:
    done = run("--json", "alone", "--timeout", "1", stdin=b"/interests a b c d e\n/lang de\n/interests -\n/interests\n")
    assert [o["code"] for o in objects(done.stdout) if o["event"] == "warning"] == [
        "interests",
        "not-changed",
        "interests",
        "interests",
    ]
    assert [line["text"] for line in objects(done.stdout) if line.get("code") == "interests"][
        -1
    ] == "You look for anybody"


def test_the_first_line_is_the_code_and_the_rest_is_the_chat() -> None:
    done = run("--json", "--lobby", "telling wishes", stdin=f"{CODE}\r\none\ntwo\n/interests tea\n".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert texts(done.stdout) == ["one", "two"]
    [told] = map(str, wished(done.stdout))
    assert told.startswith("tags code:")
    assert told.endswith("; fallback None; True")
    assert "You look for somebody who knows your code" in done.stdout.decode()
    assert CODE not in done.stdout.decode()


def test_a_code_from_a_file_leaves_the_rest_of_the_file(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text(f"{CODE}\n" + "".join(f"line {number}\n" for number in range(50)))
    with source.open("rb") as stdin:
        done = subprocess.run(
            [*SCRIPT, "--json", "--lobby"], stdin=stdin, capture_output=True, timeout=PATIENCE, check=False
        )
    assert texts(done.stdout) == [f"line {number}" for number in range(50)]


def test_a_weak_code_is_used_with_a_warning() -> None:
    done = run("--json", "--lobby", "telling wishes", stdin=b"1234\nhi\n")
    assert done.stderr.startswith(b"passerby: This code is easy to guess")
    assert len(wished(done.stdout)) == 1


def test_a_signal_while_the_code_is_worked_on_ends_the_program() -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([*SCRIPT, "--json", "--lobby", "unloadable"], stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{CODE}\n".encode())
    process.stdin.flush()
    assert b"starting" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert b"wished" not in output
