"""Seeds that lie, each in one way: empty answers, invented seeds, only their own tickets, those of the dead."""

from typing import TYPE_CHECKING, Final

from benchmarks.sim.seeds import Seed
from benchmarks.sim.sky import Map
from benchmarks.sim.tokens import PORT, FreeKey, make_record

from passerby.crypto.keys import peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Family, Scope
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seedrecord import SeedRecord
from passerby.discovery.tickets import Ticket

if TYPE_CHECKING:
    from benchmarks.sim.links import Link
    from benchmarks.sim.world import World

GHOSTS: Final = 8  # tickets of one answer
INVENTED: Final = 4  # seeds of one answer


class Liar(Seed):
    """A seed that takes everybody in and keeps what it is told to itself; `says` is what it says of a room instead."""

    is_honest = False

    def says(self, _room: RoomId) -> wire.Room:
        """Return the lie: nobody is here."""
        return wire.Room(0, 0)

    def _answer(self, link: "Link", number: int, request: wire.Request) -> None:
        if number in self.streams and request.room is not None:
            answer = wire.Left(0) if isinstance(request, wire.Leave) else self.says(request.room)
            link.to_person(link.person.answered, link, number, request.room, answer)


class Inventor(Liar):
    """Names seeds that are not there, new ones in every answer, each nearer to whatever is sought."""

    def says(self, room: RoomId) -> wire.Room:
        """Return invented seeds, nearest first."""
        return wire.Room(0, 0, nearer=self._invent(room.key, INVENTED))

    def tell(self, request: dhtwire.Request) -> dhtwire.Answer | None:
        """Answer a Find with inventions."""
        if isinstance(request, dhtwire.Find):
            return dhtwire.Nodes(0, (*self._invent(request.target, 15), self.blob))
        return super().tell(request)

    def _invent(self, target: bytes, count: int) -> tuple[bytes, ...]:
        world = self.world
        made: list[SeedRecord] = []
        for _ in range(count):
            record = make_record(world.rng, world.rng.getrandbits(16), 9, world.unix)
            place = int.from_bytes(target, "big") ^ world.rng.getrandbits(200)
            object.__setattr__(record, "position", place.to_bytes(32, "big"))
            made.append(record)
        return tuple(map(world.records.add, made))


class Poacher(Liar):
    """Hands out tickets of its holder's own people, who are always busy: nobody is ever matched by them."""

    def __init__(self, world: "World", record: SeedRecord) -> None:
        """Have people who are there and are not free."""
        super().__init__(world, record)
        self._decoys = [world.add_decoy() for _ in range(GHOSTS)]

    def says(self, room: RoomId) -> wire.Room:
        """Return their tickets."""
        signed = (self.world.tickets.sign(FreeKey(1), Ticket(pid, room, relay=pid)) for pid in self._decoys)
        return wire.Room(0, GHOSTS, None, tuple(signed))


class Undertaker(Liar):
    """Hands out tickets of people who are gone, new ones each time."""

    def says(self, room: RoomId) -> wire.Room:
        """Return tickets of the dead."""
        world = self.world
        dead = (peer_id_of(world.rng.randbytes(32)) for _ in range(GHOSTS))
        return wire.Room(0, GHOSTS, None, tuple(world.tickets.sign(FreeKey(1), Ticket(p, room, relay=p)) for p in dead))


KINDS: Final = (Liar, Inventor, Poacher, Undertaker)


def add_liars(world: "World", count: int) -> list[Seed]:
    """Add lying seeds at random places, of all kinds by turns, each in a block of its own."""
    return [seed for turn in range(count) for seed in world.add_seeds(1, KINDS[turn % len(KINDS)])]


def grind(world: "World", targets: list[int], block: int, host: int) -> SeedRecord:
    """Return a record that is nearer to one of the targets than all honest seeds but perhaps one, as puzzles allow."""
    honest = Map(list(world.seeds.values()))
    limits = [honest.nearest(target, 2)[-1].place ^ target for target in targets]
    while True:
        record = make_record(world.rng, block, host, world.unix)
        place = int.from_bytes(record.position, "big")
        if any(place ^ target < limit for target, limit in zip(targets, limits, strict=True)):
            return record


def anybody_rooms(world: "World", levels: int = 0) -> list[int]:
    """Return the places of the rooms of anybody, of this epoch, down to a level."""
    epoch = int(world.unix // 600)
    rooms = [(level, shard) for level in range(levels + 1) for shard in range(1 << level)]
    return [int.from_bytes(room_of(world.network, epoch, b"", *room).key, "big") for room in rooms]


def sybil_record(world: "World", place: int, block: int, host: int) -> SeedRecord:
    """Return a record at a chosen place: what much grinding, or breaking the puzzle, would give."""
    record = SeedRecord(
        world.rng.randbytes(32),
        (Address(Family.IP4, f"{120 + (block >> 16)}.{block >> 8 & 255}.{block & 255}.{host}", PORT),),
        int(world.unix),
    )
    assert record.scope is Scope.PUBLIC
    object.__setattr__(record, "position", place.to_bytes(32, "big"))
    return record
