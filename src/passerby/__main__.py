"""The program: ``passerby`` and ``python -m passerby`` begin here.

Nothing is imported before an interrupt can be caught: Ctrl-C is pressed at any moment, and no traceback answers it.
"""


def main() -> None:
    """Run the command line; leaves by SystemExit."""
    try:
        from passerby.cli import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as node/exits.py has it, which may not be there yet


if __name__ == "__main__":
    main()
