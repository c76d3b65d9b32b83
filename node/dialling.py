"""Dialling somebody who has several addresses, some of them dead; a shell.

Each is tried STAGGER after the one before, or as soon as that failed, and the first to answer wins (RFC 8305, 5,
without its sorting: whoever named the addresses put the best first). So a dead address costs no more than STAGGER.
"""

from collections.abc import Sequence
from typing import Final

import trio

from passerby.discovery.addresses import Address
from passerby.node.connection import Connection
from passerby.node.host import DialError, Host

STAGGER: Final = 0.25  # seconds (RFC 8305, 8): a live address on the same continent has answered by then


async def dial_first(host: Host, peer: bytes, addresses: Sequence[Address], patience: float) -> Connection | None:
    """Return a new connection to `peer` at one of the addresses, or None; each has `patience` seconds."""
    made: list[Connection] = []

    async def attempt(address: Address, failed: trio.Event) -> None:
        try:
            connection = await host.dial(str(address.bare), peer, timeout=patience)
        except DialError:
            failed.set()
            return
        if made:  # two answered at the same moment
            connection.close()
        made.append(connection)
        nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
    except BaseException:  # cancelled at the moment of success: nobody else knows of the connection
        for connection in made:
            connection.close()
        raise
    return made[0] if made else None
