"""Fuzzing finds what it is there to find, and every seed of every harness passes."""

import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from fuzz.mutate import mutants
from fuzz.run import HARNESSES
from fuzz.worker import load

RUN = Path(__file__).parents[1] / "fuzz" / "run.py"


@pytest.mark.parametrize("name", HARNESSES)
def test_every_seed_passes_and_is_as_long_as_it_may_be(name: str) -> None:
    harness = load(name)
    seeds = harness.seeds()
    assert len(seeds) > 5
    for seed in seeds:
        assert len(seed) <= harness.max_bytes
        harness.execute(seed)


@pytest.mark.parametrize("name", HARNESSES)
def test_a_few_hundred_mutants_pass(name: str) -> None:
    harness = load(name)
    for data in islice(mutants(Random(7), harness.seeds(), harness.max_bytes), 300):
        harness.execute(data)


def test_mutants_differ_stay_short_and_come_again_from_the_same_seed() -> None:
    drawn = list(islice(mutants(Random(1), [b"Passerby", b"stranger"], 50), 5_000))
    assert drawn == list(islice(mutants(Random(1), [b"Passerby", b"stranger"], 50), 5_000))
    assert max(map(len, drawn)) == 50
    assert len(set(drawn)) > 4_000
    assert list(islice(mutants(Random(1), [], 50), 10))


def test_a_planted_crash_hang_and_leak_are_found() -> None:
    command = [sys.executable, str(RUN), "--gates", "--random", "--seconds", "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("random mutations only", ": CRASH, input in ", ": HANG, input in ", ": GROWTH, input in "):
        assert word in done.stdout
