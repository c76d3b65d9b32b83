"""Why output failed, found in what a nursery raises; and what is no failed output though one is beside it."""

import errno

import pytest

from passerby.node import output
from passerby.node.exits import Exit

GONE = BrokenPipeError(errno.EPIPE, "Broken pipe")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "discard", id)


BUG = "This is a bug"
CANNOT = "Cannot write the output"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (GONE, Exit.OK, ""),
        (FULL, output.FAILED, CANNOT),
        (ExceptionGroup("", [GONE, ExceptionGroup("", [GONE])]), Exit.OK, ""),
        (ExceptionGroup("", [GONE, FULL]), output.FAILED, CANNOT),
        (ExceptionGroup("", [GONE, KeyError("a bug")]), Exit.BUG, BUG),
        (OSError(errno.ENOSPC, "No space left on device", "a file of ours"), Exit.BUG, BUG),
        (KeyError("a bug"), Exit.BUG, BUG),
    ],
)
def test_output_failed_only_where_nothing_else_did(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert output.explain(error) == code
    told = capsys.readouterr().err
    assert said in told
    assert bool(said) is bool(told)
