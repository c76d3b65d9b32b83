"""Several runs of one kind, joined: the worst of each figure, since a goal is for every run."""

from benchmarks.sim.figures import Part
from benchmarks.sim.page import Row, finite
from benchmarks.sim.scenarios import Run, Scenario


def row_of(scenario: Scenario, run: Run, parts: list[Part], command: str) -> Row:
    """Return the row of the table for the parts of one run."""
    figures = worst(scenario, parts) if scenario.fold is None else scenario.fold(*_added(parts))
    costs = {name: sum(part.costs.get(name, 0) for part in parts) for part in parts for name in part.costs}
    return Row(
        scenario.name, scenario.title, run.label, scenario.goal,
        {name: round(figures[name], 4) for name in scenario.shown},
        {name: round(value, 4) for name, value in figures.items()},
        scenario.is_reached(figures),
        sorted(part.seed for part in parts),
        dict(sorted(costs.items())),
        sum(part.events for part in parts),
        round(sum(part.cpu for part in parts), 1),
        command,
    )  # fmt: skip


def worst(scenario: Scenario, parts: list[Part]) -> dict[str, float]:
    """Return of each figure the worst."""
    return {
        name: (min if name in scenario.best_is_high else max)(finite(part.figures[name]) for part in parts)
        for name in parts[0].figures
    }


def _added(parts: list[Part]) -> tuple[list[list[float]], list[list[float]]]:
    """Return the series of all parts, added up."""
    joined: list[list[list[float]]] = []
    for name in ("requests", "streams"):
        tables = [part.series[name] for part in parts]
        joined.append([[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)])
    return joined[0], joined[1]
