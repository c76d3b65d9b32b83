"""Fuzz every parser that a stranger's bytes reach, and the sanitizer: `tests/fuzz/run.py --seconds N [--only NAME]`.

Each harness runs in a process of its own, and one line tells what came of it; the exit code is 1 if anything crashed,
took more than a second or grew by more than 64 MiB (security.md 4). Guided by coverage with atheris, which is installed
into fuzz-work/ and nowhere else; where there is no wheel of it, all inputs are random mutations and the first line says
so. What was found lies in fuzz-work/findings and is played again by

    PYTHONPATH=tests python -m fuzz.worker NAME --replay FILE

`--gates` tests the tests: it fuzzes a planted crash, hang and leak, and fails unless all three are found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / "fuzz-work"
TOOL: Final = WORK / f"atheris-{sys.version_info.major}.{sys.version_info.minor}"
HARNESSES: Final = (
    *("lobby_frames", "tickets", "dht_frames", "seed_records", "addresses"),
    *("handshake", "records", "chat_messages", "sanitizer"),
)
PLANTED: Final = ("planted_crash", "planted_hang", "planted_growth")
JOBS: Final = min(2, os.cpu_count() or 1)
GRACE: Final = 60.0  # for imports and the last input; a process that lives longer hangs where no timer reaches
INSTALL_TIMEOUT: Final = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One harness's line, what there is to say about a finding, and the kind of the finding (None: none)."""

    line: str
    detail: str = ""
    kind: str | None = None


def install_atheris() -> bool:
    """Whether atheris is in fuzz-work/, after trying to bring it there."""
    if (TOOL / "atheris").is_dir():
        return True
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as fresh:
        target = Path(fresh) / "tool"
        wanted = ["--require-hashes", "--requirement", str(ROOT / "tests/fuzz/requirements.txt")]
        quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "install", *quiet, "--target", str(target), *wanted]
        try:
            done = subprocess.run(pip, capture_output=True, timeout=INSTALL_TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return False
        if done.returncode != 0:
            return False
        target.rename(TOOL)
    return True


def environment(*, guided: bool) -> dict[str, str]:
    """For the workers: our own, with the tests on the path, and atheris only if it is meant."""
    path = [str(ROOT / "tests"), *([str(TOOL)] if guided else [])]
    return os.environ | {"PASSERBY_DIRECTORY": "off", "PYTHONPATH": os.pathsep.join(path)}


def fuzz(name: str, *, seconds: float, seed: int, guided: bool) -> Outcome:
    findings = WORK / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.worker", name]
    command += ["--seconds", str(seconds), "--seed", str(seed), "--folder", str(findings)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(guided=guided), capture_output=True, timeout=seconds + GRACE, check=False
        )
    except subprocess.TimeoutExpired as error:
        return Outcome(f"{name:15} HANG beyond every timer (seed {seed})", _tail(error.stderr), "hang")
    try:
        report = json.loads(done.stdout.decode().splitlines()[-1])
    except (IndexError, ValueError):
        return Outcome(f"{name:15} DIED with exit code {done.returncode} (seed {seed})", _tail(done.stderr), "death")
    return outcome(name, report)


def outcome(name: str, report: dict[str, str]) -> Outcome:
    line = f"{name:15} {report['figures']}"
    if "finding" not in report:
        return Outcome(f"{line}: nothing found")
    return Outcome(
        f"{line}: {report['finding'].upper()}, input in {report['input']}", report["detail"], report["finding"]
    )


def _tail(output: bytes | None) -> str:
    return "\n".join((output or b"").decode("utf-8", "replace").splitlines()[-30:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each harness (default: 60)")
    parser.add_argument("--only", choices=HARNESSES, help="one harness instead of all")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    parser.add_argument("--jobs", type=int, default=JOBS, help="harnesses at once")
    parser.add_argument("--random", action="store_true", help="do without atheris")
    parser.add_argument("--gates", action="store_true", help="fuzz what is planted; fail unless it is found")
    options = parser.parse_args()
    guided = not options.random and install_atheris()
    print("guided by coverage (atheris)" if guided else "random mutations only: no coverage guides them", flush=True)
    names: tuple[str, ...] = PLANTED if options.gates else (options.only,) if options.only else HARNESSES
    one = partial(fuzz, seconds=options.seconds, seed=options.seed, guided=guided)
    kinds: list[str | None] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(one, names):
            print("\n".join(filter(None, (result.line, result.detail))), flush=True)
            kinds.append(result.kind)
    expected = [name.removeprefix("planted_") if options.gates else None for name in names]
    return int(kinds != expected)


if __name__ == "__main__":
    sys.exit(main())
