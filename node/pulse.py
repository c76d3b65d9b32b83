"""Wake a task that waits for a moment or for news, whichever comes first."""

import math

import trio


class Pulse:
    """News that is kept until somebody waits for it; many at once count as one. One waiter."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def beat(self) -> None:
        """There is news."""
        self._event.set()

    async def wait_until(self, deadline: float | None) -> None:
        """Return at the first news since the last return, or at `deadline` (trio's clock; None: never)."""
        with trio.CancelScope(deadline=math.inf if deadline is None else deadline):
            await self._event.wait()
        self._event = trio.Event()
