"""Measure Passerby beside Hyperswarm, js-libp2p and py-libp2p: `benchmarks/peers/run.py [--short] [NODES …]`."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run what was asked for; the exit code is comparison.run's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer repetitions, and docs/ stays as it is")
    parser.add_argument("sizes", nargs="*", type=int, metavar="NODES", help="only these sizes, docs/ stays as it is")
    arguments = parser.parse_args()
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # the benchmarks are a package of the tree, not installed
    from benchmarks.peers import comparison

    return comparison.run(short=arguments.short, sizes=arguments.sizes)


if __name__ == "__main__":
    sys.exit(main())
