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
MEASURE: Final = "Hyperswarm"
COMPARED: Final = ("Passerby", MEASURE, "js-libp2p", "py-libp2p")
_REACHED: Final = {True: "yes", False: "**no**", None: "-"}


class Measured(msgspec.Struct, frozen=True):
    """One line of docs/figures.json: a row, and what follows from it."""

    row: Row
    ratio: float | None
    reached: bool | None


class Comparison(msgspec.Struct, frozen=True):
    """One line of the other table: several systems that did the same by turns; `figures` by their names.

    `limit` is what ours may reach: "ratio" to Hyperswarm's median, or "value".
    """

    what: str
    unit: str
    figures: dict[str, Figure]
    goal: str = ""
    limit: float = 0.0
    judged: str = "ratio"

    def ratio(self, name: str) -> float | None:
        """The median of `name` by Hyperswarm's, None if one of them has none."""
        other, measure = self.figures.get(name), self.figures.get(MEASURE)
        if other is None or measure is None or nobody(other) or nobody(measure) or not measure.median:
            return None
        return other.median / measure.median

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        ours = self.figures[COMPARED[0]]
        measured = self.ratio(COMPARED[0]) if self.judged == "ratio" else ours.median
        return None if not self.goal or measured is None else measured <= self.limit and not ours.misses


class Peers(msgspec.Struct, frozen=True):
    """What `make bench-peers` measures."""

    versions: dict[str, str]
    cores: int
    rows: list[Comparison]


class Figures(msgspec.Struct, frozen=True):
    """docs/figures.json."""

    versions: dict[str, str]
    cores: int
    rows: list[Measured]
    peers: Peers | None = None


def nobody(figure: Figure) -> bool:
    """Whether every repetition was a miss."""
    return figure.misses == figure.repetitions


def measured(row: Row) -> Measured:
    """Add to a row what follows from it."""
    return Measured(row, None if row.ratio is None else round(row.ratio, 3), row.reached)


def encode(figures: Figures) -> bytes:
    """The content of docs/figures.json."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"


def markdown(rows: Sequence[Row]) -> str:
    """A table in Markdown that is also readable as it is."""
    return _table([COLUMNS, *(_cells(row) for row in rows)])


def compared(rows: Sequence[Comparison]) -> str:
    """The same for what several systems did."""
    return _table([("what", "unit", *COMPARED, "goal", "reached", "n"), *(_compared(row) for row in rows)])


def _compared(row: Comparison) -> tuple[str, ...]:
    repetitions = max(figure.repetitions for figure in row.figures.values())
    reached = _REACHED[row.reached]
    systems = (_one_of(row, name) for name in COMPARED)
    return (row.what, row.unit, *systems, row.goal or "-", reached, str(repetitions))


def _one_of(row: Comparison, name: str) -> str:
    figure, ratio = row.figures.get(name), row.ratio(name)
    if figure is None:
        return "-"
    return _text(figure) + ("" if ratio is None or name == MEASURE else f", {_number(ratio)} ×")


def _table(cells: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    beside = ("-", "-") if row.beside is None else (_text(row.beside), row.against)
    reached = _REACHED[row.reached]
    return (row.what, row.unit, _text(row.ours), *beside, ratio, row.goal or "-", reached, str(row.ours.repetitions))


def _text(figure: Figure) -> str:
    if nobody(figure):
        return f"never met in {figure.repetitions}"
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
    ) + ("" if figures.peers is None else _beside(figures.peers))


def _beside(peers: Peers) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in peers.versions.items())
    return (
        "\n## Beside other systems\n\n"
        "Made by `make bench-peers`. Each system runs its own network of so many nodes on loopback (Passerby's are\n"
        "seeds, one process each; the others' share a process), and two fresh processes meet in one after the other,\n"
        "by turns. Times run from the later search to the moment when both are connected; behind them stands the\n"
        "ratio to Hyperswarm. Passerby has dialled no seed when its search begins; the others have joined their\n"
        "network by then, except where a line counts from the first packet. With a delay every packet takes that\n"
        "long, whatever the protocol. Round trips: what the delay added, by twice the delay; who computes while he\n"
        "waits has more of them. py-libp2p is measured with the small network only: a larger one needs minutes to\n"
        "know each other.\n\n"
        f"{compared(peers.rows)}\n"
        f"Measured with {versions}, on {peers.cores} cores.\n"
    )


def write_rows(versions: dict[str, str], cores: int, rows: Sequence[Row]) -> None:
    """Renew what `make bench` measures, in both files."""
    _write(msgspec.structs.replace(_read(), versions=versions, cores=cores, rows=[measured(row) for row in rows]))


def write_peers(peers: Peers) -> None:
    """Renew what `make bench-peers` measures, in both files."""
    _write(msgspec.structs.replace(_read(), peers=peers))


def _read() -> Figures:
    return msgspec.json.decode(FIGURES.read_bytes(), type=Figures)


def _write(figures: Figures) -> None:
    FIGURES.write_bytes(encode(figures))
    TABLE.write_text(page(figures))


if __name__ == "__main__":
    TABLE.write_text(page(_read()))
