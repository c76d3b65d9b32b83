"""Fuzz one harness in a process of its own: `python -m fuzz.worker NAME --seconds N --folder DIR`.

Prints one JSON object of strings: figures, and of a finding its kind, its detail and the file of its input. `--replay
FILE` executes one input instead, with its traceback.
"""

import argparse
import hashlib
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NoReturn

from fuzz.mutate import mutants
from fuzz.trial import Trial

# Few branches, soon all seen, and each character passes many of them: unmeasured, ten times as many inputs are tried.
UNGUIDED: Final = frozenset({"sanitizer"})


@dataclass(frozen=True, slots=True)
class Harness:
    """What a module tests/fuzz/harness_NAME.py defines.

    `max_bytes`: no input is longer; a little more than the longest that reaches what is fuzzed. `seeds`: inputs that
    go deep. `execute`: gives an input to what is fuzzed; any exception that comes out is a finding.
    """

    max_bytes: int
    seeds: Callable[[], Sequence[bytes]]
    execute: Callable[[bytes], None]


def is_guided(name: str) -> bool:
    """Whether coverage guides this harness: where atheris is there, and worth what measuring costs."""
    return name not in UNGUIDED and importlib.util.find_spec("atheris") is not None


def load(name: str) -> Harness:
    """The harness; where it is guided, it and what it imports of ours are instrumented for coverage."""
    if is_guided(name):
        instrumented = importlib.import_module("atheris").instrument_imports(include=["passerby", "fuzz"])
    else:
        instrumented = nullcontext()
    with instrumented:
        module = importlib.import_module(f"fuzz.harness_{name}")
    return Harness(module.MAX_BYTES, module.seeds, module.execute)


class Run:
    """A trial with an end."""

    def __init__(self, name: str, trial: Trial, seconds: float, folder: Path) -> None:
        self._name = name
        self._trial = trial
        self._ends = time.monotonic() + seconds
        self._folder = folder

    def take(self, data: bytes) -> None:
        """One input. Ends the process after the last: the fuzzer's loop never returns."""
        if not self._trial.run(data) or time.monotonic() >= self._ends:
            self.finish()

    def finish(self) -> NoReturn:
        trial = self._trial
        engine = "guided" if is_guided(self._name) else "random"
        figures = (
            f"{trial.executions:>9} {engine} executions, slowest {trial.slowest * 1_000:.1f} ms, "
            f"growth {trial.growth / 2**20:.1f} MiB"
        )
        report = {"figures": figures}
        if trial.finding is not None:
            name = f"{self._name}-{trial.finding.kind}-{hashlib.sha256(trial.finding.data).hexdigest()[:12]}"
            file = self._folder / name
            file.write_bytes(trial.finding.data)
            report |= {"finding": trial.finding.kind, "detail": trial.finding.detail, "input": str(file)}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        os._exit(0)  # past libFuzzer's own report at exit


def fuzz(name: str, seconds: float, folder: Path, seed: int) -> NoReturn:
    harness = load(name)
    known = harness.seeds()
    run = Run(name, Trial(harness.execute), seconds, folder)
    for data in known:
        run.take(data)
    if is_guided(name):
        _guided(run, known, folder / f"corpus-{name}", [f"-max_len={harness.max_bytes}", f"-seed={seed}"])
    for data in mutants(Random(seed), known, harness.max_bytes):
        run.take(data)
    raise AssertionError("mutants are endless")


def _guided(run: Run, known: Sequence[bytes], corpus: Path, options: list[str]) -> NoReturn:
    corpus.mkdir(exist_ok=True)
    for data in known:
        (corpus / hashlib.sha256(data).hexdigest()).write_bytes(data)
    atheris = importlib.import_module("atheris")
    # our own gates are tighter; a death in C code leaves its input beside the findings
    options += [f"-artifact_prefix={corpus.parent}/", "-timeout=60", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], run.take)
    atheris.Fuzz()
    run.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path)
    options = parser.parse_args()
    if options.replay is not None:
        load(options.name).execute(options.replay.read_bytes())
    else:
        fuzz(options.name, options.seconds, options.folder, options.seed)


if __name__ == "__main__":
    main()
