"""The results as a table and as the page docs/simulation.md, out of docs/simulation.json."""

from collections.abc import Sequence
from math import inf, isfinite

from benchmarks.sim import model
from msgspec import Struct


class Row(Struct, frozen=True):
    """One line of the table; `figures` are all that was measured, `shown` those that the goal is about."""

    scenario: str
    title: str
    label: str
    goal: str
    shown: dict[str, float | None]
    figures: dict[str, float | None]
    is_reached: bool
    seeds: list[int]
    costs: dict[str, int]
    events: int
    cpu: float
    command: str


class Simulation(Struct, frozen=True):
    """docs/simulation.json."""

    rows: list[Row]


def keep(before: Simulation, rows: Sequence[Row], order: Sequence[tuple[str, str]]) -> Simulation:
    """Return what is known after a run: its rows, and those of earlier ones that it did not measure."""
    known = {(row.scenario, row.label): row for row in (*before.rows, *rows)}
    return Simulation([known[key] for key in order if key in known])


def markdown(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, readable as it is."""
    cells = [("scenario", "run", "goal", "reached", "figures", "random seeds", "CPU s")]
    cells += [
        (
            f"{row.scenario}: {row.title}", row.label, row.goal, "yes" if row.is_reached else "**no**",
            ", ".join(f"{name} {_number(value)}" for name, value in row.shown.items()),
            _range(row.seeds), f"{row.cpu:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(simulation: Simulation) -> str:
    """Return the content of docs/simulation.md."""
    commands = "".join(f"    {command}\n" for command in dict.fromkeys(row.command for row in simulation.rows))
    costs = "".join(
        f"- {row.scenario}, {row.label}: " + ", ".join(f"{count} {what}" for what, count in row.costs.items()) + "\n"
        for row in simulation.rows
    )
    return (
        "# Simulation\n\n"
        "Made by `make sim` and `make sim-long` out of docs/simulation.json; nothing here is typed by hand. The\n"
        "machines are the shipped ones (`Searcher`, `WaitingRoom`, `Matchmaker`, and `Neighbours` in `joining`) under\n"
        "a virtual clock; of several random seeds the worst figure is given. Times are seconds from arrival to a\n"
        "confirmed chat.\n\n"
        f"{markdown(simulation.rows)}\n"
        "![match time](simulation-match.png)\n![load](simulation-load.png)\n![attackers](simulation-attack.png)\n\n"
        f"Commands:\n\n{commands}\n"
        f"{_model()}\n"
        "## What crypto would have cost\n\n"
        f"Counted, not done:\n\n{costs}"
    )


def _model() -> str:
    network = model.Model()
    return (
        "## The model\n\n"
        f"- A round trip takes {1000 * network.trip:.0f} ms ± {100 * network.spread:.0f} %, drawn for each pair; loss"
        f" {100 * network.loss:.0f} % unless said.\n"
        f"- A connection and the first stream on it take {model.CONNECTION_TRIPS} round trips and"
        f" {1000 * model.CONNECTION_WORK:.0f} ms of one core on both sides; given up while it waits for its turn,"
        f" {1000 * model.BROKEN_OFF_WORK:.0f} ms.\n"
        f"- A request takes {1000 * model.REQUEST_WORK:.1f} ms of the seed's one core. That core does one thing after"
        " the other, so a crowd makes it late.\n"
        "- People dial each other directly: relays are simulated only where a run says so.\n"
        "- Who searches remembers 20 seeds of an earlier run, unless a run says that all know all.\n"
        "- But for `joining` the seeds' tables are the shipped ones, filled by sorting instead of by calls.\n"
        "- In `sparse` one simulated person stands for many, and parts of the world are simulated by turns;\n"
        "  who waits alone meets nobody, so they do not touch each other. It makes the busiest seed look busier.\n"
    )


def _number(value: float | None) -> str:
    if value is None or not isfinite(value):
        return "never"
    return f"{value:.0f}" if value == round(value) or value >= 100 else f"{value:.3g}"


def _range(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}"


def finite(value: float | None) -> float:
    """Return a figure as read from JSON, where infinity is null."""
    return inf if value is None else value
