"""Leave out the cures of py-libp2p one by one: the test of each must fail without it, or it proves nothing.

Run as `python tests/cures_off.py`; exits 0 if, and only if, every test passes with all cures and fails without its own.
The program itself has no such switch: each run is a process of its own, in which one entry is taken out of `CURES`.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent / "integration" / "test_libp2p_cures.py"
PATIENCE: Final = 90.0  # seconds for one test; without its cure it may wait for what never comes
QUIET: Final = ["-q", "-x", "-p", "no:cacheprovider"]


class LeaveOut:
    """A pytest plugin: takes one cure away once the tests are collected and the library is imported as pytest wants."""

    def __init__(self, cure: str) -> None:
        self._cure = cure

    def pytest_collection_finish(self) -> None:
        from passerby.node.libp2p_081.cures import CURES

        del CURES[self._cure]


def run_without(cure: str) -> int:
    """Run the test of `cure` in this process, with that cure left out; return pytest's exit code."""
    test = f"{TESTS}::test_{cure.replace('-', '_')}"
    return int(pytest.main([*QUIET, test], plugins=[LeaveOut(cure)]))


def fails_without(cure: str) -> bool:
    """Whether the test of `cure` fails, or waits for ever, without it."""
    command = [sys.executable, __file__, cure]
    environment = {**os.environ, "PASSERBY_DIRECTORY": "off"}
    try:
        run = subprocess.run(command, timeout=PATIENCE, check=False, capture_output=True, env=environment)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode == pytest.ExitCode.TESTS_FAILED


def main() -> int:
    """Try every cure; say which are proven."""
    if pytest.main([*QUIET, str(TESTS)]) != pytest.ExitCode.OK:
        print("not even with all cures: nothing is proven")
        return 1
    from passerby.node.libp2p_081.cures import CURES

    unproven = 0
    for cure in CURES:
        proven = fails_without(cure)
        unproven += not proven
        print(f"{cure:20} {'red without it: proven' if proven else 'STILL GREEN without it: its test proves nothing'}")
    return min(unproven, 1)


if __name__ == "__main__":
    sys.exit(run_without(sys.argv[1]) if len(sys.argv) > 1 else main())
