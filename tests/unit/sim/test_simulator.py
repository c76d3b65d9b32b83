"""The simulator drives the shipped machines, tells the same twice of one random seed, and counts what it should."""

import inspect
from math import inf

import pytest
from benchmarks.sim import joining
from benchmarks.sim.clock import Clock
from benchmarks.sim.crowds import crowd
from benchmarks.sim.figures import chi_square_p, match_figures, share
from benchmarks.sim.joining import LiveSky
from benchmarks.sim.liars import Undertaker
from benchmarks.sim.model import CONNECTION_WORK, Model
from benchmarks.sim.page import Row, Simulation, keep, markdown
from benchmarks.sim.scenarios import SCENARIOS
from benchmarks.sim.seeds import Seed
from benchmarks.sim.sky import Map
from benchmarks.sim.world import World

import passerby.discovery.searching.searcher
import passerby.discovery.seeding.neighbours
import passerby.discovery.seeding.waitingroom
import passerby.node.matchmaking
from passerby.node.limits import DIAL_TIMEOUT


def a_world(honest: int = 8, **model: float) -> tuple[World, list[Seed]]:
    world = World(7, Model(**model))
    every = world.add_seeds(honest)
    world.join_seeds()
    return world, every


def test_the_machines_are_those_that_ship() -> None:
    world, every = a_world()
    person = world.arrive(every)
    assert type(person.searcher) is passerby.discovery.searching.searcher.Searcher
    assert type(person.slot) is passerby.node.matchmaking.Matchmaker
    assert type(every[0].room) is passerby.discovery.seeding.waitingroom.WaitingRoom
    assert type(LiveSky(every[0]).machine) is passerby.discovery.seeding.neighbours.Neighbours
    for machine in (type(person.searcher), type(person.slot), type(every[0].room)):
        assert machine.__module__.startswith("passerby.")
        assert "/benchmarks/" not in inspect.getfile(machine)


def test_two_people_meet_once_and_each_other() -> None:
    world, every = a_world()
    one, other = world.arrive(every), world.arrive(every)
    world.clock.run(5.0)
    assert (one.partner, other.partner) == (other.pid, one.pid)
    assert world.doubles == 0
    assert 0.4 < one.matched_at < 3  # a connection, an Enter, a dial and PBY1 take eight round trips


def test_nobody_meets_anybody_where_no_seed_answers() -> None:
    world, every = a_world()
    for seed in every:
        seed.die(refuses=False)
    one = world.arrive(every)
    world.arrive(every)
    world.clock.run(30.0)
    assert one.matched_at == inf


def test_one_random_seed_tells_the_same_twice() -> None:
    runs = [crowd(3, people=40, seeds=10, within=2)[1] for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0] != crowd(4, people=40, seeds=10, within=2)[1]
    assert runs[0]["matched"] == 1


def test_a_slower_network_is_slower() -> None:
    slow, every = a_world(trip=0.4)
    fast, others = a_world(trip=0.04)
    for world, known in ((slow, every), (fast, others)):
        for _ in range(2):
            world.arrive(known)
        world.clock.run(20.0)
    assert slow.matched[0].matched_at > 2 * fast.matched[0].matched_at


def test_lost_messages_delay_and_lose_nobody() -> None:
    world, every = a_world(loss=0.2)
    crowd = [world.arrive(every) for _ in range(20)]
    world.clock.run(30.0)
    assert all(person.matched_at < inf for person in crowd)


def test_a_seed_does_one_thing_after_the_other() -> None:
    world, every = a_world(1)
    for _ in range(100):
        world.arrive(every)
    world.clock.run(0.4)
    assert every[0].lag > 50 * CONNECTION_WORK
    assert every[0].connections == 100


def test_who_vanished_costs_a_dial_and_who_left_costs_little() -> None:
    lost: list[float] = []
    for gone in ("vanish", "leave"):
        world, every = a_world()
        waiting = world.add_person()
        waiting.dials = False
        waiting.search(every)
        world.clock.run(2.0)
        getattr(waiting, gone)()
        newcomer = world.arrive(every)
        world.clock.run(8.0)
        lost.append(newcomer.ghost_time)
    assert lost[0] > 1
    assert lost[1] == 0


def test_of_dials_to_ghosts_at_once_the_time_is_lost_once() -> None:
    world, every = a_world()
    ghosts = [world.add_person() for _ in range(6)]
    for ghost in ghosts:
        ghost.dials = False
        ghost.search(every)
    world.clock.run(2.0)
    for ghost in ghosts:
        ghost.vanish()
    newcomer = world.arrive(every)
    world.clock.run(8.0)
    assert DIAL_TIMEOUT < newcomer.ghost_time < 6.0
    assert world.costs.counts["attempts unreachable"] >= len(ghosts)


def test_a_liar_names_people_who_are_not_there() -> None:
    world = World(1)
    world.add_seeds(1, Undertaker)
    one = world.arrive(list(world.seeds.values()))
    world.clock.run(10.0)
    assert world.caught == world.dials > 0
    assert one.matched_at == inf


def test_the_nearest_are_found_without_looking_at_all() -> None:
    world, every = a_world(60)
    everybody = Map(every)
    for _ in range(50):
        target = world.rng.getrandbits(256)
        by_hand = sorted(every, key=lambda seed: seed.place ^ target)
        assert everybody.nearest(target, 5) == by_hand[:5]
        assert set(everybody.bucket(target, 2)) == {seed for seed in every if (seed.place ^ target).bit_length() == 254}


@pytest.mark.parametrize(("random_seed", "seeds"), [(1, 8), (1, 12), (1, 20), (5, 40)])
def test_seeds_that_join_by_themselves_agree_and_so_do_those_that_are_left(random_seed: int, seeds: int) -> None:
    _, figures = joining.joining(random_seed, people=4, seeds=seeds)
    assert figures["agreement"] == figures["agreement of the rest"] == 1
    assert figures["seconds to join"] <= 20
    assert figures["contacts mean"] <= min(seeds - 1, 18)
    assert figures["longest"] <= 15


def test_seeds_agree_about_the_rooms_alone_whose_four_all_know_each_other() -> None:
    world = World(2)
    every = world.add_seeds(12)
    for seed in every:
        seed.sky = LiveSky(seed)
    assert joining.agreement(world, every) == 0
    world.join_seeds()
    assert joining.agreement(world, every) == 1
    every[0].sky = LiveSky(every[0])
    held = sum(every[0] in Map(every).nearest(world.rng.getrandbits(256), 4) for _ in range(1_000)) / 1_000
    assert joining.agreement(world, every) == pytest.approx(1 - held, abs=0.15)


def test_the_clock_keeps_order_and_takes_what_is_late_as_now() -> None:
    clock, heard = Clock(), list[str]()
    clock.after(1.0, heard.append, "first")
    clock.at(1.0, heard.append, "second")
    clock.after(0.5, lambda: clock.at(0.0, heard.append, "late"))
    clock.run(2.0)
    assert heard == ["late", "first", "second"]
    assert (clock.now, len(clock)) == (2.0, 0)


def test_figures() -> None:
    assert share([3.0, 1.0, 2.0], 0.5) == 2.0
    assert share([], 0.5) == inf
    world, every = a_world()
    crowd = [world.arrive(every) for _ in range(3)]
    world.clock.run(9.0)
    assert match_figures(crowd)["matched"] == 1  # the third is the odd one


@pytest.mark.parametrize(
    ("errors", "p"), [((65, 9, 3, 2), 0.95), ((88, 12, 4, 2), 0.05), ((94, 1, 1, 0), 0.01), ((99, 13, 1, 0), 0.001)]
)
def test_chi_square_is_that_of_the_tables(errors: tuple[int, ...], p: float) -> None:
    counts = [100 + error for error in errors] + [100] * 57  # 60 degrees of freedom: 43.19, 79.08, 88.38, 99.71
    assert chi_square_p(counts, [100.0] * 61) == pytest.approx(p, rel=0.02)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_goal_is_about_a_figure(scenario: object) -> None:
    chosen = next(each for each in SCENARIOS if each is scenario)
    parameters = inspect.signature(chosen.run).parameters
    for run in chosen.runs:
        assert set(run.arguments) <= set(parameters)
    assert any(not run.is_long for run in chosen.runs)


def test_a_run_replaces_its_own_rows_alone() -> None:
    def row(scenario: str, value: float) -> Row:
        shown: dict[str, float | None] = {"p": value}
        return Row(scenario, "", "run", "", shown, shown, True, [1, 2], {}, 1, 1.0, "")

    before = Simulation([row("a", 1), row("b", 1)])
    after = keep(before, [row("b", 2)], [("a", "run"), ("b", "run")])
    assert [(each.scenario, each.shown["p"]) for each in after.rows] == [("a", 1), ("b", 2)]
    assert "| 1-2" in markdown(after.rows)
