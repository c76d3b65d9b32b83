"""Stamps on chat streams, as a shell: those we ask for and those we are asked for (protocol.md 7).

What is decided, the toll decides (discovery/toll.py); here is the work, in threads, and the end of connections.
"""

import secrets
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.stamp import Parties, solve
from passerby.discovery.limits import STAMP_VALIDITY
from passerby.discovery.toll import Abort, Admit, Busy, Check, Demand, Toll
from passerby.node.attempt import BUSY, Inbound, Outbound, stamp_wanted
from passerby.node.connection import Connection
from passerby.node.limits import CHAT_TOLL_RATE, CONNECTIONS, DIAL_TIMEOUT, SOLVE_TIMEOUT

FIRST: Final = 1  # we ask each stranger once on a connection, so the stamp that we pay is its first


class TollBooth:
    """Who calls us passes here. One stamp is checked at a time: 16 MiB of memory and one core, whoever comes."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._toll = Toll(CHAT_TOLL_RATE, connections=CONNECTIONS)
        self._worker = trio.CapacityLimiter(1)

    def turned_away(self) -> None:
        """Count somebody who calls in vain whatever he pays."""
        self._toll.arrived(trio.current_time())

    async def judge(self, connection: Connection, attempt: Inbound) -> bytes | None:
        """Return the refusal that the M1 of a caller on `connection` gets, framed, or None: let him pass.

        RemoteProtocolError if his stamp was not asked for, or is not good.
        """
        verdict = self._toll.asked(connection, attempt.parties, attempt.stamp, trio.current_time())
        if isinstance(verdict, Check):
            verdict = await self._check(verdict)
        match verdict:
            case Admit():
                return None
            case Busy():
                return BUSY
            case Demand(difficulty, count):
                if count == FIRST:
                    self._nursery.start_soon(self._forget_when_closed, connection)
                return stamp_wanted(difficulty)
            case Abort():
                raise RemoteProtocolError("a stamp that is not good")

    async def _check(self, check: Check) -> Admit | Abort:
        good = False
        try:
            good = await trio.to_thread.run_sync(check.is_good, limiter=self._worker)
        finally:
            answer = self._toll.checked(good, trio.current_time())
        return answer

    async def _forget_when_closed(self, connection: Connection) -> None:
        await connection.wait_closed()
        self._toll.closed(connection)


class Purse:
    """What callers like us pay; one stamp at a time, beside the slot."""

    def __init__(self) -> None:
        self.payee: bytes | None = None
        """Whose stamp is in the making, or made."""
        self.is_paid = False
        """Whether it is made, and waits for its turn."""
        self._scope = trio.CancelScope()

    def give_up(self) -> None:
        """Make no stamp now."""
        self._scope.cancel()

    async def pay(self, refused: Outbound, turn: Callable[[], Awaitable[None]]) -> bytes | None:
        """Return the 16-byte stamp for which an attempt was refused, when it is its `turn`.

        None if there is nothing to pay, if we are paying already, and if it takes too long.
        """
        if refused.price is None or self.payee is not None:
            return None
        self.payee = refused.binding.responder
        try:
            with trio.move_on_after(STAMP_VALIDITY - DIAL_TIMEOUT) as self._scope:
                stamp = await make_stamp(refused.parties, refused.price, FIRST)
                if stamp is not None:
                    self.is_paid = True
                    await turn()
                    return stamp
        finally:
            self.payee, self.is_paid = None, False
        return None


async def make_stamp(
    parties: Parties, difficulty: int, count: int, is_wanted: Callable[[], bool] = lambda: True
) -> bytes | None:
    """Return the stamp asked for as number `count` of a connection, 16 bytes; None if that takes too long.

    Cancelling it stops the work, at the latest after one argon2, as does `is_wanted`, which is asked in a thread.
    """
    unwanted = threading.Event()
    challenge, start = parties.challenge(difficulty, count), secrets.randbits(64)

    def work() -> bytes | None:
        return solve(challenge, difficulty, start, lambda: not unwanted.is_set() and is_wanted())

    try:
        with trio.move_on_after(SOLVE_TIMEOUT):
            return await trio.to_thread.run_sync(work, abandon_on_cancel=True)
    finally:
        unwanted.set()
    return None
