"""Real seeds in this process, of the test's own network."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from passerby.discovery.addresses import Address
from passerby.discovery.seeding.service import Clock, unix_minus_now
from passerby.node.seeding.seed import Place, Seed
from support.people import settings

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)


@asynccontextmanager
async def seed(
    *contacts: Address, key: bytes | None = None, listen: Sequence[str] = LISTEN, clock: Clock = unix_minus_now
) -> AsyncGenerator[Seed]:
    """Run a seed that knows others at `contacts`."""
    place = Place(settings().network, contacts=contacts, clock=clock)
    async with Seed.open(key or secrets.token_bytes(32), listen, place) as one:
        yield one
