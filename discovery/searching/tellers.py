"""What the words of seeds about other seeds were worth: nobody is believed for long who names seeds that are not there.

A record costs nothing to make up outside the public scope, and a lying seed could name new ones in every answer. So of
one seed's words at most UNPROVEN_SEEDS are believed before those seeds have answered, and none any more once that many
more proved false than true.
"""

from dataclasses import dataclass

from passerby.discovery.limits import UNPROVEN_SEEDS


@dataclass(slots=True)
class _Word:
    untried: int = 0
    true: int = 0
    false: int = 0


class Tellers:
    """Who told of which seed, and how that turned out. Seeds are named by peer id."""

    __slots__ = ("_told", "_words")

    def __init__(self) -> None:
        """Believe everybody."""
        self._words: dict[bytes, _Word] = {}
        self._told: dict[bytes, bytes] = {}

    def believes(self, teller: bytes) -> bool:
        """Tell whether a further seed is believed to a teller."""
        word = self._words.get(teller)
        return word is None or (word.untried < UNPROVEN_SEEDS and word.false < UNPROVEN_SEEDS + word.true)

    def note(self, teller: bytes, pid: bytes) -> None:
        """Remember who first told of a seed."""
        self._told[pid] = teller
        self._words.setdefault(teller, _Word()).untried += 1

    def judge(self, pid: bytes, *, good: bool | None) -> None:
        """Hold for or against its teller, once, that a seed answered or did not; None: it will not be known."""
        teller = self._told.pop(pid, None)
        if teller is not None:
            word = self._words[teller]
            word.untried -= 1
            word.true += good is True
            word.false += good is False

    def forgive(self) -> None:
        """Believe everybody again: some told in good faith of seeds that then died."""
        self._words.clear()
        self._told.clear()
