"""Who must pay, how much, and what a stamp admits to; then a storm of arrivals that keeps every promise of the toll.

The gate is a stand-in: a stamp is good for a challenge if it is the challenge's first 16 bytes.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery.limits import STAMP_CHECKS, STAMP_FIRST_BITS, STAMP_MOST_BITS, STAMP_VALIDITY, TOLL_WINDOW
from passerby.discovery.toll import Abort, Admit, Busy, Check, Demand, Toll

RATE = 2.0
LIMIT = int(RATE * TOLL_WINDOW)
PARTIES = Parties(Personal.CHAT, b"\x03" * 32, asker=peer_id_of(b"\x01" * 32), payer=peer_id_of(b"\x02" * 32))
JUNK = b"\xff" * 16


def gate(challenge: bytes, stamp: bytes) -> bool:
    return stamp == challenge[:16]


def toll(rate: float = RATE, connections: int = 64) -> Toll:
    return Toll(rate, connections=connections, gate=gate)


def ask(machine: Toll, connection: Hashable, now: float, stamp: bytes | None = None) -> object:
    return machine.asked(connection, PARTIES, stamp, now)


def stamp_for(demand: object) -> bytes:
    assert isinstance(demand, Demand)
    return PARTIES.challenge(demand.difficulty, demand.count)[:16]


def crowd(machine: Toll, now: float, count: int = LIMIT + 1) -> list[object]:
    """That many come at once, each on a connection of its own."""
    return [ask(machine, (now, number), now) for number in range(count)]


def pay(machine: Toll, connection: Hashable, now: float) -> object:
    """Ask without a stamp, then with the one demanded."""
    verdict = ask(machine, connection, now, stamp_for(ask(machine, connection, now)))
    assert isinstance(verdict, Check)
    return machine.checked(good=True, now=now)


# ---- how much -------------------------------------------------------------------------------------------------------


def test_in_calm_everybody_is_admitted() -> None:
    machine = toll()
    for number in range(10 * LIMIT):
        assert ask(machine, number, number * TOLL_WINDOW / LIMIT) == Admit()


def test_who_comes_above_the_rate_is_asked_for_the_first_price() -> None:
    *admitted, last = crowd(toll(), 0.0)
    assert admitted == [Admit()] * LIMIT
    assert last == Demand(STAMP_FIRST_BITS, 1)


def test_those_refused_for_another_reason_are_load_too() -> None:
    machine = toll()
    for _ in range(LIMIT):
        machine.arrived(0.0)
    assert ask(machine, "anybody", 0.0) == Demand(STAMP_FIRST_BITS, 1)


def test_the_price_holds_until_the_rate_has_fallen_to_half() -> None:
    machine = toll()
    crowd(machine, 0.0)
    assert [machine.difficulty(TOLL_WINDOW - 0.01), machine.difficulty(TOLL_WINDOW)] == [STAMP_FIRST_BITS, 0]
    machine = toll()
    crowd(machine, 0.0)
    crowd(machine, 5.0, LIMIT // 2 + 1)
    assert [machine.difficulty(TOLL_WINDOW + 4.9), machine.difficulty(TOLL_WINDOW + 5)] == [STAMP_FIRST_BITS, 0]


def test_a_flood_that_pays_nothing_does_not_raise_the_price() -> None:
    machine = toll()
    for step in range(2000):
        ask(machine, step, step / 100)
    assert machine.difficulty(20.0) == STAMP_FIRST_BITS


def test_a_flood_that_pays_raises_the_price_to_the_most() -> None:
    machine = toll()
    crowd(machine, 0.0)
    prices: list[int] = []
    for number in range(4 * (LIMIT + 1)):
        pay(machine, number, 1.0)
        prices.append(machine.difficulty(1.0))
    steps = [price for price, before in zip(prices, [0, *prices], strict=False) if price != before]
    assert steps == list(range(STAMP_FIRST_BITS, STAMP_MOST_BITS + 1))
    assert prices.count(STAMP_FIRST_BITS) == LIMIT


def test_the_price_falls_by_steps_when_fewer_pay() -> None:
    machine = toll()
    crowd(machine, 0.0)
    for number in range(2 * (LIMIT + 1)):
        pay(machine, number, 0.0)
    prices: list[int] = []
    for second in range(25):
        crowd(machine, float(second), 3)  # so many still come that it does not become free
        prices.append(machine.difficulty(float(second)))
    assert prices == [6] * 10 + [5] * 10 + [4] * 5


def test_after_the_flood_it_is_free_at_once() -> None:
    machine = toll()
    crowd(machine, 0.0)
    for number in range(2 * (LIMIT + 1)):
        pay(machine, number, 0.0)
    assert ask(machine, "late", 1000.0) == Admit()


@pytest.mark.parametrize("rate", [0.0, 0.09, -1.0])
def test_a_rate_below_one_arrival_in_a_window_is_ours_to_mend(rate: float) -> None:
    with pytest.raises(LocalProtocolError):
        toll(rate)


# ---- what a stamp admits to -----------------------------------------------------------------------------------------


def test_a_good_stamp_admits_once() -> None:
    machine = toll()
    crowd(machine, 0.0)
    demand = ask(machine, "payer", 1.0)
    stamp = stamp_for(demand)
    verdict = ask(machine, "payer", 2.0, stamp)
    assert isinstance(verdict, Check)
    assert verdict == Check(PARTIES.challenge(STAMP_FIRST_BITS, 1), stamp, STAMP_FIRST_BITS)
    assert machine.checked(good=True, now=2.0) == Admit()
    assert ask(machine, "payer", 2.0, stamp) == Abort()


def test_a_check_does_the_work_that_it_is_given() -> None:
    check = Check(b"c" * 32, b"gate----nonce---", 4)
    asked: list[tuple[bytes, bytes]] = []

    def work(password: bytes, salt: bytes) -> bytes:
        asked.append((password, salt))
        return b"\x08" + bytes(31)

    assert check.is_good(work)
    assert asked == [(b"c" * 32 + b"nonce---", b"c" * 16)]


def test_a_bad_stamp_is_a_failure_and_no_reason_to_raise_the_price() -> None:
    machine = toll()
    crowd(machine, 0.0)
    for number in range(LIMIT + 1):
        ask(machine, number, 0.0, stamp_for(ask(machine, number, 0.0)))
        assert machine.checked(good=False, now=0.0) == Abort()
    assert machine.difficulty(0.0) == STAMP_FIRST_BITS


def test_a_stamp_that_nobody_asked_for_is_a_failure_in_calm_and_under_load() -> None:
    machine = toll()
    assert ask(machine, "anybody", 0.0, JUNK) == Abort()
    crowd(machine, 0.0)
    assert ask(machine, "anybody", 0.0, JUNK) == Abort()


def test_a_stamp_of_another_connection_is_a_failure() -> None:
    machine = toll()
    crowd(machine, 0.0)
    stamp = stamp_for(ask(machine, "payer", 0.0))
    assert ask(machine, "friend", 0.0, stamp) == Abort()


def test_garbage_costs_no_work_and_uses_the_try_up() -> None:
    machine = toll()
    crowd(machine, 0.0)
    stamp = stamp_for(ask(machine, "payer", 0.0))
    assert ask(machine, "payer", 0.0, JUNK) == Abort()
    assert ask(machine, "payer", 0.0, stamp) == Abort()


def test_a_stamp_is_good_for_30_seconds_whatever_the_price_is_by_then() -> None:
    machine = toll()
    crowd(machine, 0.0)
    in_time, late = ask(machine, "in time", 0.0), ask(machine, "late", 0.0)
    now = STAMP_VALIDITY - 0.001
    assert machine.difficulty(now) == 0
    assert isinstance(ask(machine, "in time", now, stamp_for(in_time)), Check)
    assert ask(machine, "late", STAMP_VALIDITY, stamp_for(late)) == Abort()


def test_each_demand_of_a_connection_has_its_own_stamp() -> None:
    machine = toll()
    crowd(machine, 0.0)
    first, second = ask(machine, "payer", 0.0), ask(machine, "payer", 1.0)
    assert (first, second) == (Demand(STAMP_FIRST_BITS, 1), Demand(STAMP_FIRST_BITS, 2))
    assert stamp_for(first) != stamp_for(second)
    assert isinstance(ask(machine, "payer", 1.0, stamp_for(second)), Check)


def test_so_many_wait_for_the_worker_and_the_next_is_busy() -> None:
    machine = toll()
    crowd(machine, 0.0)
    for number in range(STAMP_CHECKS):
        assert isinstance(ask(machine, number, 0.0, stamp_for(ask(machine, number, 0.0))), Check)
    assert ask(machine, "next", 0.0, stamp_for(ask(machine, "next", 0.0))) == Busy()
    machine.checked(good=True, now=0.0)
    assert isinstance(ask(machine, "later", 0.0, stamp_for(ask(machine, "later", 0.0))), Check)


def test_a_connection_that_closes_is_forgotten_but_not_its_check() -> None:
    machine = toll()
    crowd(machine, 0.0)
    for number in range(STAMP_CHECKS):
        ask(machine, number, 0.0, stamp_for(ask(machine, number, 0.0)))
        machine.closed(number)
    machine.closed("never seen")
    demand = ask(machine, "payer", 0.0)
    assert ask(machine, "payer", 0.0, stamp_for(demand)) == Busy()
    machine.closed("payer")
    assert ask(machine, "payer", 0.0) == demand


def test_only_so_many_connections_are_remembered() -> None:
    machine = toll(connections=3)
    crowd(machine, 0.0)
    demands = {name: ask(machine, name, 0.0) for name in ("a", "b", "c")}
    ask(machine, "a", 0.0)
    ask(machine, "d", 0.0)
    assert ask(machine, "b", 0.0, stamp_for(demands["b"])) == Abort()
    assert isinstance(ask(machine, "c", 0.0, stamp_for(demands["c"])), Check)


def test_a_check_that_nobody_asked_for_is_ours_to_mend() -> None:
    with pytest.raises(LocalProtocolError):
        toll().checked(good=True, now=0.0)


# ---- a storm --------------------------------------------------------------------------------------------------------


@dataclass
class Customer:
    """What the storm itself knows of a connection."""

    stamps: list[bytes] = field(default_factory=list[bytes])
    told_at: float | None = None  # the one demand that may be paid


PICK = st.integers(0, 7)


class Storm(RuleBasedStateMachine):
    """Anybody at any time with anything: only the latest stamp asked for, in time and once, comes to a check."""

    def __init__(self) -> None:
        super().__init__()
        self.toll = toll(connections=8)
        self.now = 0.0
        self.customers = {number: Customer() for number in range(8)}
        self.checks = 0
        self.counts = Counter[int]()

    @rule(who=PICK, times=st.sampled_from([1, 1, 5, 30]))
    def arrive(self, who: int, times: int) -> None:
        for _ in range(times):
            verdict = ask(self.toll, who, self.now)
            if verdict == Admit():
                assert self.toll.difficulty(self.now) == 0
                continue
            assert isinstance(verdict, Demand)
            self.counts[who] += 1
            assert verdict == Demand(self.toll.difficulty(self.now), self.counts[who])
            customer = self.customers[who]
            customer.told_at = self.now
            customer.stamps.append(stamp_for(verdict))

    @rule(who=PICK, whose=PICK, latest=st.booleans())
    def stamped(self, who: int, whose: int, latest: bool) -> None:
        stamps = self.customers[whose].stamps
        stamp = JUNK if not stamps else stamps[-1 if latest else 0]
        customer = self.customers[who]
        in_time = customer.told_at is not None and self.now < customer.told_at + STAMP_VALIDITY
        good = in_time and stamp == customer.stamps[-1]
        customer.told_at = None if in_time else customer.told_at
        verdict = ask(self.toll, who, self.now, stamp)
        if not good:
            assert verdict == Abort()
        elif self.checks == STAMP_CHECKS:
            assert verdict == Busy()
        else:
            assert isinstance(verdict, Check)
            self.checks += 1

    @precondition(lambda self: self.checks)
    @rule(good=st.booleans())
    def check(self, good: bool) -> None:
        self.checks -= 1
        assert self.toll.checked(good, self.now) == (Admit() if good else Abort())

    @rule(who=PICK)
    def close(self, who: int) -> None:
        self.toll.closed(who)
        self.customers[who].told_at = None
        self.counts[who] = 0

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.5, 9.9, 10.0, 29.9, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_price_is_one_of_four(self) -> None:
        assert self.toll.difficulty(self.now) in (0, *range(STAMP_FIRST_BITS, STAMP_MOST_BITS + 1))


def test_a_storm() -> None:
    run_state_machine_as_test(
        Storm, settings=settings(max_examples=150, stateful_step_count=50, deadline=None, database=None)
    )
