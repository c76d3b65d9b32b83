"""Count round trips with every line 50 ms long one way: `benchmarks/roundtrips.py [--delay SECONDS] [--json]`.

A connection, a stream, a match from the very start (cold), and by `/next` with the lobby open (warm).
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.05, help="one way, in seconds")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # neither the benchmarks nor the tests' support are installed
    import trio
    from benchmarks.faraway import measure

    steps = trio.run(measure, arguments.delay)
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(step) for step in steps]) + "\n")
        return
    for step in steps:
        sys.stdout.write(f"{step.what:36} {step.round_trips:4.1f} round trips {1000 * step.seconds:6.0f} ms\n")


if __name__ == "__main__":
    main()
