"""Figures as tables: on the screen after a run, and docs/figures.md out of docs/figures.json.

Run as `python -m benchmarks.tables` to make docs/figures.md anew.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from benchmarks.harness import ROOT, Figure, Row

FIGURES: Final = ROOT / "docs" / "figures.json"
TABLE: Final = ROOT / "docs" / "figures.md"
COLUMNS: Final = ("what", "unit", "Passerby", "beside it", "which is", "ratio", "goal", "reached", "n")
_REACHED: Final = {True: "yes", False: "**no**", None: "-"}


class Measured(msgspec.Struct, frozen=True):
    """One line of docs/figures.json: a row, and what follows from it."""

    row: Row
    ratio: float | None
    reached: bool | None


class Figures(msgspec.Struct, frozen=True):
    """docs/figures.json."""

    versions: dict[str, str]
    cores: int
    rows: list[Measured]


def measured(row: Row) -> Measured:
    """Add to a row what follows from it."""
    return Measured(row, None if row.ratio is None else round(row.ratio, 3), row.reached)


def encode(figures: Figures) -> bytes:
    """The content of docs/figures.json."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"


def markdown(rows: Sequence[Row]) -> str:
    """A table in Markdown that is also readable as it is."""
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    beside = ("-", "-") if row.beside is None else (_text(row.beside), row.against)
    reached = _REACHED[row.reached]
    return (row.what, row.unit, _text(row.ours), *beside, ratio, row.goal or "-", reached, str(row.ours.repetitions))


def _text(figure: Figure) -> str:
    misses = f", {figure.misses} missed" if figure.misses else ""
    return f"{_number(figure.median)} ({_number(figure.p95)}){misses}"


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def page(figures: Figures) -> str:
    """The content of docs/figures.md."""
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    return (
        "# Figures\n\n"
        "Made by `make bench` out of docs/figures.json; nothing here is typed by hand. Medians, with the 95th\n"
        "percentile in brackets. Everything is measured in one run, by turns with a bare py-libp2p node that does the\n"
        "same kind of work: absolute times belong to the machine, ratios to the program. Where Hyperswarm is named,\n"
        "the goal is its ratio to py-libp2p's Kademlia DHT, measured once on one machine.\n\n"
        f"{markdown([each.row for each in figures.rows])}\n"
        f"Measured with {versions}, on {figures.cores} cores.\n"
    )


def write(figures: Figures) -> None:
    """Write both files."""
    FIGURES.write_bytes(encode(figures))
    TABLE.write_text(page(figures))


if __name__ == "__main__":
    TABLE.write_text(page(msgspec.json.decode(FIGURES.read_bytes(), type=Figures)))
