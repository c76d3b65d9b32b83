"""A flood of 1 000 arrivals: it pays, or gets nothing, and somebody honest is in within a second (protocol.md 7).

The flood runs on a virtual clock at 100 a second; the stamps of the honest are made and checked in earnest, and their
seconds are those of the processor, so that a busy machine is no reason to fail.
"""

import statistics
import time
from secrets import randbits, token_bytes

from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import Parties, Personal, solve
from passerby.discovery.limits import STAMP_FIRST_BITS, STAMP_MOST_BITS, TOLL_WINDOW
from passerby.discovery.toll import Admit, Check, Demand, Toll

FLOOD, PACE = 1_000, 0.01
RATE = 2.0
FREE = int(RATE * TOLL_WINDOW)
HOST = peer_id_of(bytes(32))


def stranger() -> Parties:
    return Parties(Personal.CHAT, token_bytes(32), asker=HOST, payer=peer_id_of(token_bytes(32)))


def admitted_honestly(toll: Toll, now: float) -> float:
    """Come, be asked, solve, come again; return the seconds that took."""
    parties, began = stranger(), time.thread_time()
    demand = toll.asked(parties, parties, None, now)
    assert isinstance(demand, Demand)
    challenge = parties.challenge(demand.difficulty, demand.count)
    stamp = solve(challenge, demand.difficulty, randbits(64), lambda: True)
    check = toll.asked(parties, parties, stamp, now)
    assert isinstance(check, Check)
    assert toll.checked(check.is_good(), now) == Admit()
    return time.thread_time() - began


def test_who_pays_nothing_gets_nothing_and_the_honest_wait_less_than_a_second() -> None:
    toll = Toll(RATE)
    admitted = 0
    waited: list[float] = []
    for number in range(FLOOD):
        parties = stranger()
        admitted += toll.asked(parties, parties, None, number * PACE) == Admit()
        if number % 100 == 99:
            waited.append(admitted_honestly(toll, number * PACE))
    assert admitted == FREE
    assert statistics.median(waited) < 1
    print(f"honest: median {statistics.median(waited):.3f} s, longest {max(waited):.3f} s")


def test_a_flood_that_pays_works_for_it_and_no_price_is_beyond_the_honest() -> None:
    toll = Toll(RATE, gate=lambda _challenge, _stamp: True)
    works: list[int] = []
    for number in range(FLOOD):
        parties, now = stranger(), number * PACE
        demand = toll.asked(parties, parties, None, now)
        if isinstance(demand, Demand):
            works.append(2**demand.difficulty)
            assert isinstance(toll.asked(parties, parties, bytes(16), now), Check)
            assert toll.checked(good=True, now=now) == Admit()
    assert len(works) == FLOOD - FREE
    assert set(works) == {2**bits for bits in range(STAMP_FIRST_BITS, STAMP_MOST_BITS + 1)}
    assert sum(works) > 60 * FLOOD
    print(f"{sum(works)} argon2id of 16 MiB for {FLOOD} arrivals")


def test_garbage_is_rejected_without_the_work() -> None:
    toll = Toll(RATE)
    guests = [stranger() for _ in range(FLOOD)]
    began = time.thread_time()
    for parties in guests:
        toll.asked(parties, parties, None, 0.0)
        assert not isinstance(toll.asked(parties, parties, token_bytes(16), 0.0), Check)
    assert time.thread_time() - began < 1  # at 6 ms the works alone would take six
