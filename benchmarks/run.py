"""Measure Passerby beside a bare py-libp2p node: `benchmarks/run.py [--short] [BENCHMARK …]` (`make bench`)."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run what was asked for; the exit code is suite.run's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer repetitions, and docs/ stays as it is")
    parser.add_argument("only", nargs="*", metavar="BENCHMARK", help="only these, and docs/ stays as it is")
    arguments = parser.parse_args()
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the benchmarks are a package of the tree, not installed
    from benchmarks import suite

    return suite.run(short=arguments.short, only=arguments.only)


if __name__ == "__main__":
    sys.exit(main())
