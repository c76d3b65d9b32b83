"""What one person costs a seed: `python -m benchmarks.seedload [--short]`.

Only the pure path: the bytes of each request are decoded, handled by the shipped machine and its answer encoded, on one
core. What lies below, the connection with its Noise handshake (about 15 ms, peers.md) and the stream, is measured by
the other benchmarks. An *arrival* is Connected, Enter with a signed ticket, one Sample and Closed, in a room that is
full: 256 tickets from 400 blocks.
"""

import argparse
import cProfile
import pstats
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import trio
from benchmarks.harness import LONG, SHORT, Row, Size, figure
from benchmarks.tables import markdown

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.frames import HEADER_BYTES
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seeding.seedevents import Asked, Closed, Connected
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket

UNIX: Final = 600.0 * 1000 + 300
ROOM: Final = room_of("bench", 1000)
WAITING: Final = 300  # more than the 256 tickets that a room holds
BLOCKS: Final = 400
PARTS: Final = {  # of the program, by file; the rest is the interpreter and the libraries
    "signature": ("tickets.py", "keys.py", "_sodium", "crypto_sign.py"),
    "the draw": ("blocks.py", "random.py", "urandom"),
    "the room": ("seedroom.py", "roomtable.py", "hints.py"),
    "who may come in, who is silent": ("waitingroom.py", "door.py", "toll.py", "beats.py"),
    "frames": ("wire.py", "frames.py", "msgspec", "rooms.py"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """One who arrives: its peer id, its block, and the bytes of its requests."""

    pid: bytes
    block: str
    ticket: bytes
    enter: bytes
    sample: bytes


def people(count: int) -> list[Person]:
    """Make so many, each with a ticket signed by its own key, from BLOCKS blocks by turns."""
    made: list[Person] = []
    for number in range(count):
        key = SigningKey.from_seed(number.to_bytes(32, "big"))
        pid = peer_id_of(key.public)
        ticket = sign_ticket(key, Ticket(pid, ROOM, relay=pid))
        requests = (wire.Enter(1, ROOM, ticket), wire.Sample(2, ROOM, 2, 5))
        enter, sample = (wire.encode(request)[HEADER_BYTES:] for request in requests)
        made.append(Person(pid, f"network {number % BLOCKS}", ticket, enter, sample))
    return made


def ask(seed: WaitingRoom, number: int, body: bytes, now: float) -> bytes:
    """Do what a shell does with a request; return the frame of its answer."""
    request = wire.decode_request(body)
    assert not isinstance(request, wire.Unknown)
    answer = seed.handle(Asked(number, request), now)
    assert isinstance(answer, wire.Room | wire.Unchanged), answer
    return wire.encode(answer)


def arrive(seed: WaitingRoom, number: int, person: Person, now: float) -> None:
    """Let somebody come and look around once."""
    seed.handle(Connected(number, person.pid, Scope.PUBLIC, person.block), now)
    ask(seed, number, person.enter, now)
    ask(seed, number, person.sample, now)


def full_seed(guests: list[Person], read: Callable[[bytes], Ticket] = read_ticket) -> WaitingRoom:
    """Return a seed in whose one room the first WAITING wait."""
    seed = WaitingRoom(random.SystemRandom(), UNIX, network="bench", read=read)
    for number in range(WAITING):
        arrive(seed, number, guests[number], number / 100)
    return seed


def come_and_go(seed: WaitingRoom, guests: list[Person]) -> float:
    """Let the rest arrive while as many leave; return the microseconds of one core that each took."""
    began = time.process_time()
    for number in range(WAITING, len(guests)):
        arrive(seed, number, guests[number], number / 100)
        seed.handle(Closed(number - WAITING), number / 100)
    return 1e6 * (time.process_time() - began) / (len(guests) - WAITING)


def beat(seed: WaitingRoom, guests: list[Person], rounds: int) -> float:
    """Let all who wait sample by turns; return the microseconds of one core that each Sample took."""
    began = time.process_time()
    for _ in range(rounds):
        for number in range(WAITING):
            ask(seed, number, guests[number].sample, 3.0)
    return 1e6 * (time.process_time() - began) / (rounds * WAITING)


# ---- memory -------------------------------------------------------------------------------------------------------


@contextmanager
def traced() -> Generator[Callable[[], int]]:
    """Yield what tells how many bytes were allocated since and are still kept."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield lambda: tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def bytes_per_peer(guests: list[Person], rooms: int) -> float:
    """Return what one who waits in so many rooms costs; everybody's rooms are the same.

    The strings and frames that a shell would have read from the wire are counted too.
    """
    names = [RoomId(1000, number.to_bytes(32, "big")) for number in range(rooms)]
    with traced() as kept:
        seed = WaitingRoom(random.SystemRandom(), UNIX, read=read_relabelled)
        for number, person in enumerate(guests):
            seed.handle(Connected(number, bytes(bytearray(person.pid)), Scope.PUBLIC, f"n {number}"), 0.0)
            for name in names:
                blob = person.pid + name.tid + bytes(130)  # as long as a relayed ticket
                ask(seed, number, wire.encode(wire.Enter(1, name, blob))[HEADER_BYTES:], 0.0)
        return kept() / len(guests)


def bytes_per_room(guests: list[Person], rooms: int) -> float:
    """Return what a room costs in which one waits without a ticket."""
    with traced() as kept:
        seed = WaitingRoom(random.SystemRandom(), UNIX)
        for number in range(len(guests)):
            seed.handle(Connected(number, guests[number].pid, Scope.PUBLIC, f"n {number}"), 0.0)
        before = kept()
        for number in range(len(guests)):
            for room in range(rooms):
                name = RoomId(1000, (rooms * number + room).to_bytes(32, "big"))
                ask(seed, number, wire.encode(wire.Enter(1, name, None))[HEADER_BYTES:], 0.0)
        return (kept() - before) / (len(guests) * rooms)


def read_relabelled(blob: bytes) -> Ticket:
    """Read what bytes_per_peer writes: a pid and a tid, unsigned."""
    return Ticket(blob[:38], RoomId(1000, blob[38:70]), relay=b"relay")


# ---- where the time goes ------------------------------------------------------------------------------------------


def split(guests: list[Person]) -> dict[str, float]:
    """Return the share of each of PARTS in an arrival, by cProfile, which makes small functions look dearer."""
    seed = full_seed(guests)
    profile = cProfile.Profile()
    profile.enable()
    come_and_go(seed, guests)
    profile.disable()
    shares = dict.fromkeys([*PARTS, "other"], 0.0)
    entries = pstats.Stats(profile).get_stats_profile().func_profiles.items()
    total = sum(entry.tottime for _, entry in entries)
    for name, entry in entries:
        where = f"{entry.file_name} {name}"
        part = next((part for part, marks in PARTS.items() if any(mark in where for mark in marks)), "other")
        shares[part] += entry.tottime / total
    return shares


# ---- all of it ----------------------------------------------------------------------------------------------------


async def run(size: Size) -> list[Row]:
    """Measure; a row has no counterpart, since nothing else does this work."""
    guests = people(WAITING + 1000)
    repetitions = max(3, size.bursts)
    arrivals = [come_and_go(full_seed(guests), guests) for _ in range(repetitions)]
    seed = full_seed(guests)
    samples = [beat(seed, guests, 3) for _ in range(repetitions)]
    known = {person.ticket: read_ticket(person.ticket) for person in guests}
    unsigned = [come_and_go(full_seed(guests, known.__getitem__), guests) for _ in arrivals]
    one, many = bytes_per_peer(guests[:1000], 1), bytes_per_peer(guests[:200], 10)
    return [
        Row("arrival", "arrival at a seed (lobby only)", "µs", figure(arrivals)),
        Row("arrivals", "arrivals a second on one core (lobby only)", "1/s", figure([1e6 / each for each in arrivals])),
        Row("arrival-unsigned", "the same without the ticket's signature", "µs", figure(unsigned)),
        Row("sample", "Sample of a room of 300", "µs", figure(samples)),
        Row("waiting-peer", "memory per waiting peer, one room", "bytes", figure([one])),
        Row("waiting-peer-10", "memory per waiting peer, ten rooms", "bytes", figure([many])),
        Row("waiting-room", "memory per room of one", "bytes", figure([bytes_per_room(guests[:200], 20)])),
    ]


def main() -> None:
    """Print the table, and where the time of an arrival goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer repetitions")
    rows = trio.run(run, SHORT if parser.parse_args().short else LONG)
    sys.stdout.write(f"{markdown(rows)}\nWhere the time of an arrival goes (profiled, which doubles it):\n")
    for part, share in sorted(split(people(WAITING + 1000)).items(), key=lambda item: -item[1]):
        sys.stdout.write(f"{100 * share:5.0f} %  {part}\n")


if __name__ == "__main__":
    main()
