"""Forty to five hundred real machines in one virtual network: they join with few dials, and answers are right.

"Right" is: whichever seed a client asks first, an iterative lookup ends with the four seeds that really are nearest.
"""

import random
from statistics import mean, median

import pytest

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import NEIGHBOURHOOD, PING_ROUND, PONG_PATIENCE
from passerby.discovery.seeding.neighbourevents import Moved
from support.seednet import SeedNet, read

FEW = 40


def wrong(net: SeedNet, count: int = 60) -> int:
    """Return how many of so many lookups, from a random seed for a random room key, miss one of the four nearest."""
    rng = random.Random(count)
    targets = [rng.randbytes(32) for _ in range(count)]
    return sum(net.find(rng.choice(list(net.seeds)), target)[0] != net.truth(target, 4) for target in targets)


def disagreed(net: SeedNet, count: int = 200) -> int:
    """Return for how many of so many rooms one of the four seeds that hold it names others."""
    rng = random.Random(count)
    found = 0
    for target in (rng.randbytes(32) for _ in range(count)):
        four = net.truth(target, 4)
        named = ([read(blob).pid for blob in net.seeds[pid].nearest(target, 4)] for pid in four)
        found += any(others != four for others in named)
    return found


def forty(*, pause: float = 0.0, scope: Scope = Scope.MACHINE, jammed: float = 0.0) -> SeedNet:
    """Start forty seeds, all told of the first only, at once or one after the other."""
    net = SeedNet(scope=scope)
    net.jammed = jammed
    for number in range(FEW):
        net.run(number * pause)
        net.add(number, (0,))
    net.run(net.now + 5.0)
    return net


@pytest.mark.parametrize("pause", [0.0, 0.25])
def test_forty_seeds_know_each_other_within_five_seconds_of_the_last_start(pause: float) -> None:
    net = forty(pause=pause)
    assert wrong(net) == 0
    tables = [len(seed) for seed in net.seeds.values()]
    assert min(tables) >= 12
    assert max(tables) <= 20
    assert [len(peers) for peers in net.connections.values()] == tables  # what is not needed was hung up
    assert mean(net.dials.values()) <= 20
    assert mean(net.calls.values()) <= 30
    net.run(net.now + 60.0)
    assert max(map(len, net.connections.values())) <= 20


def test_forty_seeds_of_the_internet_check_each_others_work_and_know_each_other() -> None:
    assert wrong(forty(scope=Scope.PUBLIC)) == 0


def test_forty_seeds_of_one_lan_know_each_other() -> None:
    assert wrong(forty(scope=Scope.LAN)) == 0


@pytest.mark.parametrize("scope", [Scope.MACHINE, Scope.PUBLIC])
def test_forty_seeds_that_join_while_half_of_all_calls_are_late_know_each_other_within_two_minutes(
    scope: Scope,
) -> None:
    net = forty(scope=scope, jammed=10.0)
    assert disagreed(net) > 0
    net.run(120.0)
    assert disagreed(net) == 0
    assert mean(net.dials.values()) <= 35


def test_half_of_the_seeds_killed_at_once_are_missed_for_no_second() -> None:
    net = forty()
    for pid in random.Random(2).sample(list(net.seeds), FEW // 2):
        net.kill(pid)
    net.run(net.now + 2.0)
    assert wrong(net) == 0
    net.run(net.now + 13.0)
    assert wrong(net) == 0


def test_seeds_that_vanish_without_a_word_are_found_out_by_pings() -> None:
    net = forty()
    for pid in random.Random(2).sample(list(net.seeds), FEW // 2):
        net.kill(pid, silently=True)
    net.run(net.now + 5 * PING_ROUND + PONG_PATIENCE)
    assert all(pid in net.seeds for pids in net.connections.values() for pid in pids)
    assert wrong(net) == 0


def test_a_seed_that_starts_again_is_back_with_all_its_neighbours() -> None:
    net = forty()
    pid = net.pid(7)
    net.kill(pid)
    net.run(net.now + 30.0)
    net.add(7, (3,))
    net.run(net.now + 1.5 * PING_ROUND)
    own = {other: net.truth(net.positions[other], NEIGHBOURHOOD + 1)[1:] for other in net.seeds}
    assert all(pid in net.connections[other] for other in net.seeds if pid in own[other])
    assert wrong(net) == 0


def test_two_halves_meet_by_one_first_contact() -> None:
    net = SeedNet()
    for number in range(20):
        net.add(number, (0,))
    for number in range(20, 40):
        net.add(number, (20,))
    net.run(30.0)
    assert wrong(net) > 0
    net.introduce(20, 3)
    net.tell(net.pid(20), Moved())  # as every hour
    net.run(net.now + 8 * 60.0)
    assert wrong(net) == 0


def test_in_calm_a_seed_sends_a_message_a_minute_to_each_contact() -> None:
    net = forty()
    net.run(60.0)
    net.calls.clear()
    net.dials.clear()
    net.run(660.0)
    per_minute = mean(net.calls.values()) / 10
    assert per_minute <= 1.25 * median(len(seed) for seed in net.seeds.values())
    assert mean(net.dials[pid] for pid in net.seeds) <= 1


@pytest.mark.parametrize("count", [150, pytest.param(500, marks=pytest.mark.slow)])
def test_many_seeds_join_and_half_of_them_die(count: int) -> None:
    net = SeedNet()
    for number in range(count):
        net.run(number * 0.02)
        net.add(number, (random.Random(number).randrange(max(1, number)),))
    net.run(net.now + 5.0)
    assert wrong(net) == 0
    assert max(len(seed) for seed in net.seeds.values()) <= 45
    assert mean(net.dials.values()) <= 1.25 * mean(len(seed) for seed in net.seeds.values())
    for pid in random.Random(2).sample(list(net.seeds), count // 2):
        net.kill(pid)
    net.run(net.now + 15.0)
    assert wrong(net) == 0
