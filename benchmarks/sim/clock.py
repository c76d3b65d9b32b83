"""Virtual time: what happens next, and when. The one loop of a simulation."""

import heapq
from collections.abc import Callable
from typing import TypeVarTuple

_Args = TypeVarTuple("_Args")


class Clock:
    """A heap of calls by their moment, in seconds; calls of one moment are made in the order in which they were asked.

    An entry is a plain tuple: a million of them are compared and dropped every few seconds.
    """

    __slots__ = ("_heap", "_order", "happened", "now")

    def __init__(self) -> None:
        """Start at 0."""
        self.now = 0.0
        self.happened = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = 0

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, moment: float, what: Callable[[*_Args], None], *args: *_Args) -> None:
        """Call `what(*args)` at a moment; one that is past is now."""
        self._order += 1
        heapq.heappush(self._heap, (max(moment, self.now), self._order, what, args))

    def after(self, delay: float, what: Callable[[*_Args], None], *args: *_Args) -> None:
        """Call `what(*args)` so many seconds from now."""
        self._order += 1
        heapq.heappush(self._heap, (self.now + delay, self._order, what, args))

    def run(self, until: float, is_done: Callable[[], bool] | None = None) -> None:
        """Let time pass until a moment, or until `is_done`, which is asked every 100 calls."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= until:
            self.now, _, what, args = pop(heap)
            what(*args)
            self.happened += 1
            if is_done is not None and not self.happened % 100 and is_done():
                return
        self.now = max(self.now, until)
