"""What `make` runs before anything else: two at once, broken off, what changed, what is missing; `make chat` itself.

tools/environment.py and the Makefile run as they are, in a folder of their own. Only venv and pip are stand-ins: they
write down how they were called, and may be told to wait in the middle.
"""

import ast
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
PATIENCE = 20.0
FILES = ("requirements.lock", "requirements-dev.lock", "pyproject.toml")
ALL = [".venv", "requirements.lock", "a project", "requirements-dev.lock"]
RUN = ALL[:3]
OUTER = ("PASSERBY_DIRECTORY", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # what `make test` hands down
WAITS = "it waits"

# `python -m venv`; found before the real one by PYTHONPATH
VENV = """
import os, sys
from pathlib import Path
folder = Path(sys.argv[1])
with open(os.environ["CALLS"], "a") as calls:
    calls.write("venv " + str(folder) + chr(10))
if os.environ.get("BROKEN") == ".venv":
    sys.exit(1)
(folder / "bin").mkdir(parents=True)
(folder / "bin" / "python").write_text(Path(os.environ["PIP"]).read_text())
(folder / "bin" / "python").chmod(0o755)
if os.environ.get("WAIT_AT") == ".venv":
    print("it waits", flush=True)
    sys.stdin.readline()
"""

# `.venv/bin/python -m pip …`
PIP = """#!/bin/sh
echo "$*" >> "$CALLS"
for last; do :; done
bin=${0%/*}
name=${last##*/}
: > "$bin/../unfinished $name"
if [ "$name" = "$WAIT_AT" ]; then echo 'it waits'; read _; fi
if [ "$name" = "$BROKEN" ]; then exit 1; fi
if [ "$name" = requirements-dev.lock ]; then mkdir -p "$bin/../lib/python3.11/site-packages/trio-stubs"; fi
printf '#!/bin/sh\\necho "$# $* ${PASSERBY_DIRECTORY-unset}"\\nexit 4\\n' > "$bin/passerby"
chmod +x "$bin/passerby"
rm "$bin/../unfinished $name"
"""


class Project:
    """A fresh clone, as far as `make` is concerned."""

    def __init__(self, root: Path, stubs: Path) -> None:
        self.root = root
        self._calls = stubs / "calls"
        self._calls.touch()
        (stubs / "venv.py").write_text(VENV)
        (stubs / "pip").write_text(PIP)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OUTER},
            "PYTHONPATH": str(stubs),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CALLS": str(self._calls),
            "PIP": str(stubs / "pip"),
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.call([*self.command, *(arguments or ("dev",))], **environment)

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.call(["make", "-C", str(self.root), f"PYTHON={sys.executable}", *arguments], **environment)

    def call(self, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)  # fmt: skip

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(self.root / "tools" / "environment.py")]

    @contextmanager
    def start(self, **environment: str) -> Generator[subprocess.Popen[str]]:
        """An installation whose stand-ins wait for the end of stdin where they are told to."""
        process = subprocess.Popen([*self.command, "dev"], env={**self.environment, **environment}, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        with process:
            yield process
        watchdog.cancel()

    def called(self) -> list[str]:
        """What was made or installed since the last time: the last word of each call, without its folder."""
        lines = self.calls()
        self._calls.write_text("")
        return [line.rpartition("/")[2] for line in lines]

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root, stubs = tmp_path / "a project", tmp_path / "stubs"
    (root / "tools").mkdir(parents=True)
    stubs.mkdir()
    shutil.copy(HERE / "tools" / "environment.py", root / "tools")
    shutil.copy(HERE / "Makefile", root)
    for name in FILES:
        (root / name).write_text(f"# {name}\n")
    return Project(root, stubs)


def waits(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{WAITS}\n"


# ---- what is installed, and when ----------------------------------------------------------------------------------


def test_all_is_installed_once(project: Project) -> None:
    first = project.run("dev")
    assert (first.returncode, project.called()) == (0, ALL)
    assert "Installing" in first.stderr
    again = project.run("dev")
    assert (again.returncode, again.stdout, again.stderr, project.called()) == (0, "", "", [])


def test_who_only_chats_waits_for_no_tools(project: Project) -> None:
    assert (project.run("run").returncode, project.called()) == (0, RUN)
    assert (project.run("dev").returncode, project.called()) == (0, ["requirements-dev.lock"])
    assert (project.run("run").returncode, project.called()) == (0, [])


def test_only_what_the_locks_list_is_installed(project: Project) -> None:
    project.run("dev")
    ends = (
        f" --no-deps --require-hashes --requirement {project.root}/requirements.lock",
        f" --no-deps --editable {project.root}",
        f" --no-deps --require-hashes --requirement {project.root}/requirements-dev.lock",
    )
    for call, end in zip(project.calls()[1:], ends, strict=True):
        assert call.startswith("-m pip install ")
        assert call.endswith(end)


def test_type_stubs_of_an_old_trio_are_removed(project: Project) -> None:
    project.run("dev")
    assert not list((project.root / ".venv").rglob("trio-stubs"))
    assert list((project.root / ".venv").rglob("site-packages"))


@pytest.mark.parametrize(
    ("changed", "anew"),
    [("requirements.lock", ALL), ("pyproject.toml", ["a project"]), ("requirements-dev.lock", ALL[3:])],
)
def test_what_changed_is_installed_anew(project: Project, changed: str, anew: list[str]) -> None:
    project.run("dev")
    project.called()
    (project.root / changed).write_text("# another\n")
    assert (project.run("dev").returncode, project.called()) == (0, anew)
    assert (project.run("dev").returncode, project.called()) == (0, [])


def test_a_folder_that_was_moved_is_installed_anew(project: Project) -> None:
    project.run("dev")
    project.called()
    (project.root / "sub").mkdir()
    for name in ("tools", ".venv", *FILES):
        (project.root / name).rename(project.root / "sub" / name)
    project.root /= "sub"
    assert (project.run("run").returncode, project.called()) == (0, [".venv", "requirements.lock", "sub"])


# ---- two at once, and broken off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ALL)
def test_the_second_of_two_waits_and_installs_nothing(project: Project, step: str) -> None:
    with project.start(WAIT_AT=step) as first:
        waits(first)
        with project.start() as second:
            assert second.stderr is not None
            assert second.stderr.readline() == "Another installation is under way here; waiting for it…\n"
            assert second.poll() is None
            assert project.called() == ALL[: ALL.index(step) + 1]
            first.communicate(timeout=PATIENCE)
            assert first.returncode == 0
            assert second.communicate(timeout=PATIENCE) == ("", "")
            assert second.returncode == 0
    assert project.called() == ALL[ALL.index(step) + 1 :]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(("step", "anew"), [(ALL[0], ALL), (ALL[1], ALL), (ALL[2], ALL[2:]), (ALL[3], ALL[3:])])
def test_what_was_broken_off_is_done_again(
    project: Project, step: str, anew: list[str], number: signal.Signals
) -> None:
    with project.start(WAIT_AT=step) as process:
        waits(process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)  # and so the stand-in ends too
        assert process.returncode != 0
        assert "Traceback" not in errors
    project.called()
    assert (project.run("dev").returncode, project.called()) == (0, anew)
    assert not list((project.root / ".venv").glob("unfinished*"))
    assert (project.run("dev").returncode, project.called()) == (0, [])


# ---- what is missing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ALL)
def test_what_fails_is_told_and_tried_again(project: Project, step: str) -> None:
    failed = project.run("dev", BROKEN=step)
    assert failed.returncode == 2
    assert "Next step: " in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr
    assert project.called()[-1] == step
    assert project.run("dev").returncode == 0
    assert step in project.called()


def test_a_python_too_old_is_told_which_one_is_needed(project: Project) -> None:
    script = str(project.root / "tools" / "environment.py")
    pretend = f"import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); sys.argv = [{script!r}, 'run']; "
    done = project.call([sys.executable, "-c", f"{pretend}runpy.run_path({script!r}, run_name='__main__')"])
    assert (done.returncode, done.stdout, project.called()) == (2, "", [])
    assert done.stderr == (
        "Passerby needs Python 3.11 or newer; this is 3.10. Next step: install a newer one and say which, for "
        "example: make chat PYTHON=python3.12\n"
    )


def test_a_python_too_old_can_read_that_sentence_s_file() -> None:
    ast.parse((HERE / "tools" / "environment.py").read_bytes(), feature_version=(3, 7))


@pytest.mark.parametrize("arguments", [["all"], ["run", "dev"]])
def test_wrong_use_is_told(project: Project, arguments: list[str]) -> None:
    done = project.run(*arguments)
    assert (done.returncode, done.stderr, project.called()) == (2, "usage: environment.py run|dev\n", [])


# ---- make ---------------------------------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@needs_make
def test_make_chat_installs_hands_on_its_words_and_is_silent_about_how_it_ended(project: Project) -> None:
    first = project.make("chat", "ARGS=--once --network 'two words'")
    assert (first.returncode, project.called()) == (0, RUN)
    assert "chat --once --network two words unset\n" in first.stdout
    assert "Error" not in first.stderr
    again = project.make("-s", "chat", "ARGS=--once --network 'two words'")
    assert (again.stdout, again.stderr, project.called()) == ("4 chat --once --network two words unset\n", "", [])


@needs_make
def test_make_seed_looks_for_no_public_seeds_and_tells_how_it_ended(project: Project) -> None:
    done = project.make("-s", "seed", "ARGS=--listen /ip4/0.0.0.0/tcp/0")
    assert (done.returncode, done.stdout) == (2, "4 seed run --listen /ip4/0.0.0.0/tcp/0 off\n")
    assert "Error 4" in done.stderr


@needs_make
def test_make_chat_without_its_installation_is_no_chat(project: Project) -> None:
    done = project.make("-s", "chat", BROKEN="a project")
    assert (done.returncode, done.stdout) == (2, "")
    assert "The installation failed" in done.stderr
