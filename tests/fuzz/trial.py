"""One execution after another of what is fuzzed, under the gates of security.md 4: no crash, no hang, no growth."""

import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final

HANG: Final = 1.0  # seconds of processor time for one input: a busy machine is no finding
ENDLESS: Final = 2.0  # then it is interrupted; the kernel counts this one in ticks, too coarsely to judge by
GROWTH: Final = 64 * 1024 * 1024  # bytes of peak memory after the warm-up
WARM_UP: Final = 2_000  # executions until caches, the fuzzer's own tables and the allocator's arenas are filled
_MEMORY_EVERY: Final = 256  # executions between two looks at the memory
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """What broke a gate: `kind` is crash, hang or growth; `data` the input that did it (growth: the last one)."""

    kind: str
    detail: str
    data: bytes


class HangError(BaseException):
    """Raised inside what is fuzzed; not an Exception, so that nothing in there takes it for its own."""


def peak_memory() -> int:
    """Bytes of resident memory at the worst moment so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def _on_timer(_signal: int, _frame: FrameType | None) -> None:
    raise HangError


class Trial:
    """Counts, times and weighs executions of `harness`; the first finding stays."""

    def __init__(self, harness: Callable[[bytes], None]) -> None:
        self.executions = 0
        self.slowest = 0.0
        self.finding: Finding | None = None
        self._harness = harness
        self._base = peak_memory()
        signal.signal(signal.SIGVTALRM, _on_timer)

    @property
    def growth(self) -> int:
        """Bytes that the peak rose since the warm-up ended (during it: since the start)."""
        return peak_memory() - self._base

    def run(self, data: bytes) -> bool:
        """Execute one input; whether every gate held."""
        began = time.thread_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS)
        try:
            self._harness(data)
        except HangError:
            self._found("hang", traceback.format_exc(limit=-8), data)
        except Exception:  # noqa: BLE001 - any exception that the harness did not expect is a finding
            self._found("crash", traceback.format_exc(), data)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._account(time.thread_time() - began, data)
        return self.finding is None

    def _account(self, seconds: float, data: bytes) -> None:
        self.executions += 1
        self.slowest = max(self.slowest, seconds)
        if seconds > HANG:
            self._found("hang", f"{seconds:.2f} s of processor time", data)
        if self.executions == WARM_UP:
            self._base = peak_memory()
        elif self.executions % _MEMORY_EVERY == 0 and self.growth > GROWTH:
            self._found("growth", f"{self.growth / 2**20:.0f} MiB", data)

    def _found(self, kind: str, detail: str, data: bytes) -> None:
        if self.finding is None:
            self.finding = Finding(kind, detail, data)
