"""Who kept the beat he announced: the next silence of every stream, in order (protocol.md 3.4).

A stream that is heard moves its deadline on, which is the usual case and costs nothing here: the queue looks again at
the old moment. Only a deadline that moves nearer is queued anew.
"""

import heapq
import itertools
from collections.abc import Iterator
from math import inf
from typing import Final

from passerby.discovery.seeding.seedroom import Stream

_SLACK: Final = 64  # stale entries that are not worth the sweeping


class Beats:
    """Streams by the moment at which each will have been silent for too long."""

    __slots__ = ("_heap", "_known", "_order")

    def __init__(self) -> None:
        """Start with none."""
        self._heap: list[tuple[float, int, Stream]] = []
        self._order = itertools.count()
        self._known = 0

    def __len__(self) -> int:
        """How many moments are queued, those included that mean nothing any more."""
        return len(self._heap)

    def expect(self, stream: Stream) -> None:
        """Follow a stream, or follow it on after its `deadline` moved."""
        deadline = stream.deadline
        if deadline < stream.queued:
            if stream.queued == inf:
                self._known += 1
            stream.queued = deadline
            heapq.heappush(self._heap, (deadline, next(self._order), stream))
            if len(self._heap) > 2 * self._known + _SLACK:
                self._heap = [entry for entry in self._heap if entry[0] == entry[2].queued]
                heapq.heapify(self._heap)

    def forget(self, stream: Stream) -> None:
        """Follow a stream no more."""
        if stream.queued != inf:
            self._known -= 1
            stream.queued = inf

    def silent(self, now: float) -> Iterator[Stream]:
        """Yield the streams whose deadline has passed; each is followed no more."""
        while self._heap and self._heap[0][0] < now:
            queued, _, stream = heapq.heappop(self._heap)
            if queued != stream.queued:
                continue  # queued anew, or forgotten
            self.forget(stream)
            if stream.deadline < now:
                yield stream
            else:
                self.expect(stream)
