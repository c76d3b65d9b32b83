"""The simulator's command: `python -m benchmarks.sim.run [--long] [--only NAME] [--seed N] [--scale X]`.

Runs the scenarios in two processes, prints their table, and writes docs/simulation.json, docs/simulation.md and the
plots. Each finished run is kept in sim-work/, so that --long, broken off, goes on where it stood; but not with another
version of what is simulated.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from benchmarks.harness import ROOT
from benchmarks.sim.figures import Part
from benchmarks.sim.page import Row, Simulation, keep, markdown, page
from benchmarks.sim.plots import draw
from benchmarks.sim.scenarios import SCENARIOS, Run, Scenario
from benchmarks.sim.tally import row_of

DOCS: Final = ROOT / "docs"
KEPT: Final = DOCS / "simulation.json"
COUNTS: Final = ("people", "tags", "matches", "waiting", "newcomers")  # arguments that --scale makes smaller
PROCESSES: Final = 2


def _version() -> str:
    """Return a digest of all files of ours that are imported: the simulator, and the machines that it drives."""
    files = {str(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    ours = sorted(path for path in map(Path, files) if path.is_relative_to(ROOT) and ".venv" not in path.parts)
    return sha256(b"".join(path.read_bytes() for path in ours)).hexdigest()[:16]


WORK: Final = ROOT / "sim-work" / _version()


@dataclass(frozen=True, slots=True)
class Job:
    """One run with one random seed. It is named, not carried: another process looks it up."""

    scenario: str
    run: int
    seed: int
    scale: float

    @property
    def file(self) -> Path:
        """Where its result is kept."""
        return WORK / f"{self.scenario}-{self.run}-{self.seed}-{self.scale:g}.json"


def jobs(scenarios: list[Scenario], seed: int, scale: float, *, is_long: bool) -> Iterator[Job]:
    """Yield what is to be run."""
    for scenario in scenarios:
        for number, run in enumerate(scenario.runs):
            if is_long or not run.is_long:
                yield from (Job(scenario.name, number, seed + each, scale) for each in range(run.seeds))


def do(job: Job) -> Part:
    """Run a job here and now."""
    gc.set_threshold(200_000, 20, 100)  # a world is one big structure that lives until the end
    scenario = next(each for each in SCENARIOS if each.name == job.scenario)
    run = scenario.runs[job.run]
    arguments = scaled(run, job.scale)
    began = time.process_time()
    world, measured = scenario.run(job.seed, **arguments)
    cpu = time.process_time() - began
    costs = dict(sorted(world.costs.counts.items()))
    figures: dict[str, float | None] = {**measured}
    return Part(job.scenario, run.label, job.seed, figures, costs, world.clock.happened, round(cpu, 2), world.series)


def scaled(run: Run, scale: float) -> dict[str, float]:
    """Return the arguments of a run, of fewer people."""
    return {
        name: max(2, round(scale * value)) if name in COUNTS and scale != 1 else value
        for name, value in run.arguments.items()
    }


def finish(wanted: list[Job], *, resume: bool) -> dict[Job, Part]:
    """Run all jobs, those apart whose result is kept; say how it goes on."""
    WORK.mkdir(parents=True, exist_ok=True)
    done = {
        job: msgspec.json.decode(job.file.read_bytes(), type=Part) for job in wanted if resume and job.file.exists()
    }
    with ProcessPoolExecutor(PROCESSES) as pool:
        running: dict[Future[Part], Job] = {pool.submit(do, job): job for job in wanted if job not in done}
        for future in as_completed(running):
            job, part = running[future], future.result()
            job.file.write_bytes(msgspec.json.encode(part))
            done[job] = part
            sys.stderr.write(
                f"{len(done)}/{len(wanted)} {part.scenario}: {part.label}, seed {part.seed}, {part.cpu} s\n"
            )
    return done


def rows(scenarios: list[Scenario], done: dict[Job, Part], command: str) -> list[Row]:
    """Join the parts of each run into a row."""
    made: list[Row] = []
    for scenario in scenarios:
        for number, run in enumerate(scenario.runs):
            parts = [part for job, part in done.items() if (job.scenario, job.run) == (scenario.name, number)]
            if parts:
                made.append(row_of(scenario, run, parts, command))
    return made


def main() -> int:
    """Run, print, write; exit 1 if a goal was missed that docs/simulation.json has as reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="to a million people; goes on where it was broken off")
    parser.add_argument("--only", action="append", choices=[each.name for each in SCENARIOS], help="this scenario")
    parser.add_argument("--seed", type=int, default=1, help="the first random seed")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="so many times the people; nothing is written to docs/"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what was finished before")
    options = parser.parse_args()
    chosen = [each for each in SCENARIOS if not options.only or each.name in options.only]
    wanted = list(jobs(chosen, options.seed, options.scale, is_long=options.long))
    done = finish(wanted, resume=options.long and not options.fresh)
    command = f"python -m benchmarks.sim.run{' --long' if options.long else ''} --seed {options.seed}"
    table = rows(chosen, done, command)
    sys.stdout.write(markdown(table))
    if options.scale != 1:
        return 0
    before = msgspec.json.decode(KEPT.read_bytes(), type=Simulation) if KEPT.exists() else Simulation([])
    reached = {(row.scenario, row.label) for row in before.rows if row.is_reached}
    lost = [row for row in table if not row.is_reached and (row.scenario, row.label) in reached]
    sys.stderr.writelines(f"no longer reached: {row.scenario}, {row.label}\n" for row in lost)
    write(table, before)
    return 1 if lost else 0


def write(table: list[Row], before: Simulation) -> None:
    """Put rows into docs/simulation.json, and make the page and the plots anew."""
    order = [(scenario.name, run.label) for scenario in SCENARIOS for run in scenario.runs]
    simulation = keep(before, table, order)
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(simulation), indent=2) + b"\n")
    (DOCS / "simulation.md").write_text(page(simulation))
    draw(simulation, DOCS)


if __name__ == "__main__":
    sys.exit(main())
