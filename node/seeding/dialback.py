"""Dialling back: a seed finds out for somebody whether they can be reached from outside (protocol.md 3); a shell.

Only the asker's own observed address is ever dialled, by a host that is thrown away, so nobody can aim us at others and
nothing of the seed is learnt.
"""

import secrets
from collections.abc import Callable
from typing import Final

import trio

from passerby.crypto.keys import KEY_BYTES
from passerby.discovery.addresses import Address, Family
from passerby.discovery.dhtwire import Result
from passerby.node.host import DialError, Host

PATIENCE: Final = 3.0  # seconds for the one try
AT_ONCE: Final = 4
INTERVAL: Final = 60.0  # seconds between two for one address block
BLOCKS: Final = 1_024  # remembered, so that a flood of blocks costs no memory


class Dialback:
    """What a seed owes those who ask, and how much of it at most."""

    def __init__(self, now: Callable[[], float] = trio.current_time) -> None:
        self._now = now
        self._under_way = 0
        self._last: dict[str, float] = {}

    async def dial(self, host: str, port: int, peer_id: bytes, block: str) -> Result:
        """Dial `peer_id` at the observed `host` and the `port` that it named; say what came of it."""
        if not self._admit(block):
            return Result.REFUSED
        self._under_way += 1
        try:
            return await self._try(host, port, peer_id)
        finally:
            self._under_way -= 1

    def _admit(self, block: str) -> bool:
        now = self._now()
        self._last = {other: at for other, at in self._last.items() if now - at < INTERVAL}
        if self._under_way >= AT_ONCE or block in self._last or len(self._last) >= BLOCKS:
            return False
        self._last[block] = now
        return True

    async def _try(self, host: str, port: int, peer_id: bytes) -> Result:
        address = str(Address(Family.IP6 if ":" in host else Family.IP4, host, port))
        started = self._now()
        async with Host.open(secrets.token_bytes(KEY_BYTES)) as stranger:
            try:
                await stranger.dial(address, peer_id, timeout=PATIENCE)
            except DialError:
                return Result.TIMEOUT if self._now() - started >= PATIENCE else Result.REFUSED
        return Result.OK
