"""The command line without a network: help, versions, settings, consent, wrong use, and how long it takes."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from passerby import __version__
from passerby.node import consent
from support.screens import Screen

PASSERBY = str(Path(sys.executable).with_name("passerby"))
PATIENCE = 30.0
ROUNDS = 20
HEAVY = ("libp2p", "trio", "prompt_toolkit", "msgspec", "nacl", "aioconsole", "asyncio")
LATER = ("--tor", "--expose", "--auto-next", "doctor", "block", "report", "completion", "drain",
         "status", "save", "panic")  # fmt: skip


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PASSERBY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip


# ---- help and versions --------------------------------------------------------------------------------------------

COMMANDS: tuple[list[str], ...] = (
    [],
    ["chat"],
    ["seed"],
    ["seed", "run"],
    ["lab"],
    ["consent"],
    ["config"],
    ["config", "show"],
    ["version"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_only_what_there_is_and_begins_with_examples(command: list[str], flag: str) -> None:
    done = run(*command, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [word for word in LATER if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", done.stdout)]
    if command != ["config", "show"]:
        assert done.stdout.split("\n\n")[1].startswith("  Examples:\n    ")
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


def test_exit_codes_end_the_help_of_chat() -> None:
    shown = " ".join(run("chat", "--help").stdout.split())
    assert re.search(r"Exit codes: 0 ended normally, 1 bug, [^.]+ 143 TERM, 129 HUP\.$", shown)


def test_versions() -> None:
    assert run("--version").stdout == f"passerby {__version__}\n"
    told = json.loads(run("version", "--json").stdout)
    assert (told["passerby"], told["libp2p"]) == (__version__, "0.8.1")
    assert run("version").stdout.splitlines()[0] == f"passerby {__version__}"
    module = subprocess.run([sys.executable, "-m", "passerby", "--version"], capture_output=True, text=True, check=True)
    assert module.stdout == f"passerby {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "show"]], ids=" ".join)
def test_what_needs_no_network_answers_at_once(arguments: list[str]) -> None:
    def seconds(*command: str) -> float:
        begin = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
        return time.perf_counter() - begin

    ours = bare = float("inf")
    for _ in range(ROUNDS):  # other work on the machine slows some rounds, never speeds one up
        ours = min(ours, seconds(PASSERBY, *arguments))
        bare = min(bare, seconds(sys.executable, "-c", "pass"))
        if ours < 0.3 and ours < 10 * bare:
            return
    raise AssertionError(f"{ours:.3f} s, a bare interpreter {bare:.3f} s")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "show"]], ids=" ".join)
def test_nothing_heavy_is_imported_for_it(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom passerby.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


# ---- settings -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(surroundings: None) -> Path:
    return Path(os.environ["PASSERBY_HOME"])


def test_settings_are_shown_with_their_origin(home: Path) -> None:
    assert run("config", "path").stdout == f"{home}/config/config.toml\n"
    (home / "config").mkdir(mode=0o700)
    (home / "config" / "config.toml").write_text("[chat]\ntyping_send = false\n")
    shown = run("config", "show", environment={"PASSERBY_NETWORK": "mine"}).stdout
    assert 'name = "mine"  # PASSERBY_NETWORK\n' in shown
    assert f"typing_send = false  # {home}/config/config.toml, line 2\n" in shown
    assert "local = true  # default\n" in shown
    assert "fallback = 30.0  # default\n" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[network]\nname = 3\n", "line 2: network.name: a text in quotes"),
        ("[network\n", "line 1: "),
        ('[network]\nseeds = ["nonsense"]\n', "line 2: network.seeds: an address looks like"),
        ('[chat]\ninterests = [""]\n', "line 2: chat.interests: an interest of characters"),
        ('[chat]\nlang = "?"\n', "line 2: chat.lang: a language looks like de"),
        ('[chat]\nfallback = "soon"\n', "line 2: chat.fallback: a number of seconds from 0"),
    ],
)
@pytest.mark.parametrize("command", [["config", "show"], ["chat", "--json"], ["seed", "run"]], ids=" ".join)
def test_a_bad_configuration_is_78_with_its_line(tmp_path: Path, text: str, said: str, command: list[str]) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    done = run(*command, "--config", str(file))
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"passerby: {file}, {said}")


def test_a_missing_configuration_is_78(tmp_path: Path) -> None:
    done = run("config", "show", "--config", str(tmp_path / "none"))
    assert (done.returncode, done.stderr) == (78, f"passerby: {tmp_path}/none: No such file or directory\n")


def test_a_home_that_others_can_write_is_78(home: Path) -> None:
    home.chmod(0o777)
    done = run("consent", "--accept-18")
    assert done.returncode == 78
    assert f"chmod go-w '{home}'" in done.stderr


@pytest.mark.parametrize("command", [["consent", "--accept-18"], ["seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0"]])
def test_a_home_that_cannot_be_written_is_78_with_a_way_out(command: list[str]) -> None:
    done = run(*command, environment={"PASSERBY_HOME": "/proc/passerby"})
    assert done.returncode == 78
    assert done.stderr.startswith("passerby: Cannot write in /proc/passerby")
    assert done.stderr.endswith("Set PASSERBY_HOME to a folder that can be written.\n")


def test_the_variables_that_there_are_stand_in_the_help() -> None:
    said = " ".join(run("config", "show", "--help").stdout.split())
    assert "PASSERBY_HOME, PASSERBY_NETWORK, PASSERBY_SEEDS, PASSERBY_LOCAL, PASSERBY_DIRECTORY." in said


def test_unknown_keys_and_variables_are_warnings(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[chat]\ntimout = 3\n")
    done = run("config", "show", "--config", str(file), environment={"PASSERBY_SEED": "x"})
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "passerby: PASSERBY_SEED: there is no such variable; did you mean PASSERBY_SEEDS?",
        f"passerby: {file}, line 2: there is no such key: chat.timout; did you mean chat.timeout?",
    ]


# ---- wrong use ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chta"], "Did you mean 'chat'?"),
        (["chat", "--sed", "x"], "Did you mean '--seed'?"),
        (["--seed", "nonsense"], "--seed: an address looks like"),
        (["chat", "--seed", "/ip4/127.0.0.1/tcp/1"], "--seed: its peer id is missing"),
        (["chat", "--timeout", "soon"], "'--timeout': a number of seconds is needed\n"),
        (["chat", "--timeout", "never"], "'--timeout': a number of seconds is needed\n"),
        (["chat", "--timeout", "-1"], "--timeout: a number of seconds above 0"),
        (["chat", "--network", " "], "--network: a name of printable"),
        (["seed", "run", "--listen", "nonsense"], "--listen: an address to listen on looks like /ip4/0.0.0.0/tcp/7171"),
        (["seed", "run", "--listen", "/ip4/0.0.0.0/tcp/99999"], "--listen: not a TCP port: 99999"),
        (["chat", "-i", ""], "--interest: an interest of characters that can be seen"),
        (["chat", "-i", "x" * 49], "cannot be an interest: it has 49 bytes where 48 are allowed"),
        (
            ["chat", *("-i", "a"), *("-i", "b"), *("-i", "c"), *("-i", "d"), *("-i", "e"), *("-i", "f")],
            "--interest: 6 interests are too many: 5 are allowed, a language counted as one",
        ),
        (
            ["chat", *("-i", "a"), *("-i", "b"), *("-i", "c"), *("-i", "d"), *("-i", "e"), *("--lang", "de")],
            "--interest and --lang: 5 interests and a language are too many",
        ),
        (["chat", "--lang", "d"], "--lang: a language looks like de"),
        (["chat", "--fallback", "soon"], "a number of seconds is needed, or never"),
        (["chat", "--fallback", "-1"], "--fallback: a number of seconds from 0"),
        (["chat", "--lobby", "my secret"], "the code is never written here"),
        (["chat", "--lobby"], "write --lobby - and you are asked for the code"),
        (["chat", "--lobby", "--plain"], "write --lobby - and you are asked for the code"),
        (["chat", "--lobby", "-", "-i", "chess"], "interests and a language do not count"),
        (["chat", "--lang", "pt", "--lobby", "-"], "interests and a language do not count"),
        (["chat", "--lang", "german"], "--lang: a language looks like de or pt-BR"),
        (["chat", "extra"], "unexpected extra argument"),
    ],
)
def test_wrong_use_is_2_with_a_next_step(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_seed_in_the_environment_is_78() -> None:
    done = run("chat", environment={"PASSERBY_SEEDS": "nonsense"})
    assert done.returncode == 78
    assert done.stderr.startswith("passerby: PASSERBY_SEEDS: an address looks like")


SPEAKING = ("--help", "--version", "config show", "version --json", "lab -n 2 --pairs 1", "lab -n 2 --pairs 1 --json")
BEGIN = f"{sys.executable} -m passerby"  # not the script: what is tried here begins before it is installed anew


@pytest.mark.parametrize("arguments", SPEAKING)
def test_nobody_reads_what_is_said(arguments: str) -> None:
    line = f"{{ {BEGIN} {arguments}; echo $? >&3; }} 3>&2 2>/dev/null | true"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stderr == "0\n"
    line = f"{BEGIN} {arguments} | true"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
@pytest.mark.parametrize("arguments", SPEAKING)
def test_a_full_disk_is_told(arguments: str) -> None:
    line = f"{BEGIN} {arguments} > /dev/full"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "passerby: Cannot write the output: No space left on device."
    assert "bug" not in done.stderr


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("arguments", "code"), [("config show", 0), ("chat --nonsense", 2)])
def test_what_cannot_be_said_changes_neither_the_output_nor_the_exit_code(
    arguments: str, code: int, stderr: str
) -> None:
    line = f"{BEGIN} {arguments} {stderr}"
    whole = run(*arguments.split())
    done = subprocess.run(
        ["sh", "-c", line], stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, "PASSERBY_FOO": "a variable that is none is a warning"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, whole.stdout)


def test_a_seed_whose_log_cannot_be_written_serves_on() -> None:
    line = f"exec {BEGIN} seed run --listen /ip4/127.0.0.1/tcp/0 2>/dev/full"
    with subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True) as seed:
        assert seed.stdout is not None
        assert seed.stdout.readline().startswith("/ip4/127.0.0.1/tcp/")
        with pytest.raises(subprocess.TimeoutExpired):
            seed.wait(2.0)
        seed.terminate()
        assert seed.wait(PATIENCE) == 0


@pytest.mark.parametrize("columns", ["1", "2"])
def test_help_has_no_terminal_too_narrow(columns: str) -> None:
    done = run("--help", environment={"COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")


def _entry_points() -> list[str]:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, function = project["project"]["scripts"]["passerby"].partition(":")
    return ["-m passerby", f"-c 'from {module} import {function}; {function}()'"]


@pytest.mark.parametrize("begin", _entry_points())
def test_ctrl_c_while_it_still_loads_is_130_without_a_traceback(begin: str, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {begin}"], capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


# ---- consent ------------------------------------------------------------------------------------------------------


def test_without_consent_chat_tells_the_exact_command() -> None:
    for arguments in ([], ["chat"], ["--json"], ["chat", "--no-input"], ["chat", "--plain"]):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Before the first chat, read what it means and accept it. Run: ")
        assert done.stderr.endswith("passerby consent --accept-18\n")


def test_consent_is_shown_given_and_remembered(home: Path) -> None:
    done = run("consent")
    assert done.returncode == 2
    assert done.stdout.startswith(consent.TEXT)
    assert run("consent", "--accept-18").returncode == 0
    assert run("consent").stdout.endswith("\n\nAccepted.\n")
    assert (home / "state" / "consent.json").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def ask() -> Iterator[Callable[[], Screen]]:
    screens: list[Screen] = []

    def begin() -> Screen:
        screens.append(Screen([PASSERBY, "chat", "--timeout", "0.1"]))
        screens[-1].until("Type yes if you are 18 or older and accept this:")
        return screens[-1]

    yield begin
    for screen in screens:
        screen.close()


def test_the_first_chat_asks_and_yes_is_remembered(ask: Callable[[], Screen]) -> None:
    screen = ask()
    assert "Passerby connects you with a stranger" in screen.text
    screen.type("yes\r")
    screen.until("Getting ready…")
    assert run("consent").returncode == 0


@pytest.mark.parametrize("answer", ["\r", "no\r", "\x04", "y\ry\r", "y\r\r", "y\r\x04"])
def test_anything_else_is_2(ask: Callable[[], Screen], answer: str) -> None:
    screen = ask()
    screen.type(answer)
    screen.until("Not accepted; nothing was started.")
    assert screen.exit_code() == 2
    assert run("consent").returncode == 2


def test_what_is_no_answer_is_asked_for_once_more(ask: Callable[[], Screen]) -> None:
    screen = ask()
    screen.type("y\r")
    screen.until("Please type the three letters yes, or press Ctrl-C.")
    screen.type("yes\r")
    screen.until("Getting ready…")
    assert run("consent").returncode == 0


def test_ctrl_c_at_the_question_is_130(ask: Callable[[], Screen]) -> None:
    screen = ask()
    screen.type("\x03")
    assert screen.exit_code() == 130
    assert "Traceback" not in screen.text
