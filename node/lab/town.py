"""The seeds of a lab: each a libp2p host on a port of its own of this machine, started, cut off and killed; a shell."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from passerby.crypto.keys import KEY_BYTES
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import NEIGHBOURHOOD
from passerby.discovery.seeding.service import unix_minus_now
from passerby.node.lab import sockets
from passerby.node.lab.chaos import Fate, Nature
from passerby.node.lab.liars import KINDS
from passerby.node.seeding.seed import Place, Seed

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
LOOK: Final = 0.1  # seconds between two looks at whether all have joined


@dataclass(slots=True, eq=False)
class Resident:
    """One seed. `clock_error` is in seconds; `fate` is the last that befell it, or STARTED."""

    number: int
    nature: Nature
    clock_error: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    fate: Fate = Fate.STARTED
    seed: Seed | None = None
    most_connections: int = 0

    @property
    def address(self) -> Address:
        """Where it is reached, its peer id included."""
        assert self.seed is not None, "it was started"
        return self.seed.addresses[0]


class Town:
    """All seeds of one network, by number, the dead ones too; they live in `nursery`."""

    def __init__(self, network: str, nursery: trio.Nursery) -> None:
        """Begin with none."""
        self.network: Final = network
        self.residents: Final[dict[int, Resident]] = {}
        self._nursery = nursery

    @property
    def alive(self) -> list[Resident]:
        """Who was not killed."""
        return [resident for resident in self.residents.values() if resident.fate is not Fate.KILLED]

    async def start(
        self, number: int, contacts: Iterable[int], nature: Nature = Nature.HONEST, clock_error: float = 0.0
    ) -> Seed:
        """Start a seed that knows others by their numbers, and return it once it can be reached."""
        known = tuple(self.residents[contact].address for contact in contacts)
        resident = Resident(number, nature, clock_error)
        place = Place(self.network, contacts=known, clock=lambda: unix_minus_now() + clock_error)
        seed: Seed = await self._nursery.start(partial(self._live, resident, place))
        self.residents[number] = resident
        return seed

    def kill(self, *numbers: int) -> None:
        """End seeds as `kill -9` does, all in one moment."""
        dying = [self.residents[number] for number in numbers]
        sockets.tear_down({resident.address.port for resident in dying})
        for resident in dying:
            resident.fate = Fate.KILLED
            resident.scope.cancel()

    def cut_off(self, number: int) -> None:
        """Have all packets to a seed lost."""
        resident = self.residents[number]
        resident.fate = Fate.CUT_OFF
        sockets.cut_off(resident.address.port)

    def reach(self, number: int) -> None:
        """Have them arrive again."""
        resident = self.residents[number]
        resident.fate = Fate.REACHED
        sockets.reach(resident.address.port)

    def neighbours(self) -> list[int]:
        """Return how many others each living seed has verified."""
        return [neighbours_of(resident) for resident in self.alive]

    async def joined(self) -> None:
        """Return once every seed knows those around it."""
        enough = min(len(self.alive) - 1, NEIGHBOURHOOD)
        while any(neighbours < enough for neighbours in self.neighbours()):  # noqa: ASYNC110 - seeds tell nobody
            await trio.sleep(LOOK)

    async def _live(self, resident: Resident, place: Place, *, task_status: trio.TaskStatus[Seed]) -> None:
        with resident.scope:
            async with KINDS[resident.nature].open(secrets.token_bytes(KEY_BYTES), LISTEN, place) as seed:
                resident.seed = seed
                task_status.started(seed)
                await trio.sleep_forever()


def neighbours_of(resident: Resident) -> int:
    """Return how many others a seed has verified."""
    return 0 if resident.seed is None else resident.seed.neighbours().get(Scope.MACHINE, 0)
