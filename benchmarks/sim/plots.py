"""The plots of docs/simulation.md; without matplotlib it is said that there are none."""

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.sim.page import Row, Simulation, finite

_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def draw(simulation: Simulation, folder: Path) -> None:
    """Write the three PNG files."""
    try:
        import_module("matplotlib").use("Agg")
        plt: Any = import_module("matplotlib.pyplot")
    except ImportError:
        sys.stderr.write("No plots: matplotlib is not installed.\n")
        return
    rows = simulation.rows
    crowds = [row for row in rows if row.scenario in ("crowd", "cold", "same-second")]
    _lines(
        plt, folder / "simulation-match.png", "match time against population", "people", "seconds",
        {f"{scenario}: {figure}": [(population(row), finite(row.figures[figure])) for row in crowds
                                   if row.scenario == scenario]
         for scenario in ("crowd", "cold") for figure in ("median", "p99")},
    )  # fmt: skip
    sparse = [row for row in rows if row.scenario == "sparse"]
    _lines(
        plt, folder / "simulation-load.png", "load per seed against population", "people", "requests/s, streams",
        {f"waiting: {figure}": [(population(row), finite(row.figures[figure])) for row in sparse]
         for figure in ("requests mean", "edge requests mean", "streams mean", "streams most")}
        | {f"crowd: {figure}": [(population(row), finite(row.figures[figure])) for row in crowds
                                if row.scenario == "crowd"]
           for figure in ("requests mean", "requests busiest")},
    )  # fmt: skip
    attacks = [row for row in rows if "attacker's share" in row.figures]
    _bars(plt, folder / "simulation-attack.png", attacks)


def population(row: Row) -> float:
    """Return how many people a run's label names first: digits, or a power of ten."""
    text = row.label.replace(" ", "").translate(_DIGITS)
    power = re.match(r"10([0-9])(?=[a-z])", text) if any(mark in row.label for mark in "³⁴⁵⁶") else None
    if power:
        return 10.0 ** int(power[1])
    number = re.match(r"[0-9]+", text)
    return float(number[0]) if number else 0.0


def _lines(plt: Any, file: Path, title: str, across: str, up: str, lines: dict[str, list[tuple[float, float]]]) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for name, points in lines.items():
        if points:
            xs, ys = zip(*sorted(points), strict=True)
            axes.plot(xs, ys, marker="o", label=name)
    axes.set(title=title, xlabel=across, ylabel=up, xscale="log", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _bars(plt: Any, file: Path, rows: list[Row]) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.2))
    names = ("attacker's share", "affected", "success")
    for turn, name in enumerate(names):
        axes.barh(
            [place + 0.25 * turn for place in range(len(rows))], [row.figures[name] for row in rows], 0.22, label=name
        )
    axes.set_yticks([place + 0.25 for place in range(len(rows))], [row.scenario for row in rows])
    axes.set(title="what attackers get", xlim=(0, 1))
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)
