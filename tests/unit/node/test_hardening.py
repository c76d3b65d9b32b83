"""No core dump, no memory to other programs, no chatter (security.md 3.19-20)."""

import subprocess
import sys

import pytest

REPORT = """
import ctypes, os, resource
from passerby.node.hardening import prepare
prepare(0)
print(resource.getrlimit(resource.RLIMIT_CORE))
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
print([name for name in os.environ if "LIBP2P" in name])
"""

LOG = """
import logging, sys
from passerby.node.hardening import configure_logs
configure_logs(int(sys.argv[1]))
for name in ("passerby", "passerby.x", "libp2p", "root"):
    logger = logging.getLogger(None if name == "root" else name)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "%s", name)
"""


def python(code: str, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_DUMPABLE is Linux's")
def test_no_core_dump_and_no_debug_switches_of_libp2p() -> None:
    done = python(REPORT, environment={"LIBP2P_DEBUG": "DEBUG", "LIBP2P_DEBUG_FILE": "/tmp/x"})
    assert done.stdout.splitlines() == ["(0, 0)", "0", "[]"]


@pytest.mark.parametrize(("verbosity", "levels"), [(-1, 1), (0, 2), (1, 3), (2, 4), (7, 4)])
def test_only_our_own_records_are_shown_from_the_level_asked_for(verbosity: int, levels: int) -> None:
    done = python(LOG, str(verbosity))
    assert done.stdout == ""
    names = [line.rpartition(" ")[2] for line in done.stderr.splitlines()]
    assert names == ["passerby"] * levels + ["passerby.x"] * levels


ERROR = """
import logging
from passerby.node.hardening import configure_logs
configure_logs(2)
try:
    raise ValueError("/ip4/192.0.2.1/tcp/1 said \\x1b[2J")
except ValueError:
    logging.getLogger("passerby").debug("it failed", exc_info=True)
"""


def test_an_error_in_the_log_is_named_and_not_quoted() -> None:
    said = python(ERROR).stderr
    assert "ValueError in <string>, line 6" in said
    assert "192.0.2.1" not in said
