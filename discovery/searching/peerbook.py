"""People remembered without a list of them: salted hashes, in memory only (protocol.md 4.1)."""

from passerby.crypto.keys import blake2b
from passerby.discovery.limits import BOOK_ENTRIES


class PeerBook:
    """The peers entered within the last `lifetime` seconds, at most `capacity` of them: the oldest goes first.

    A dump of the memory shows hashes that say nothing without the salt, which dies with the process.
    """

    def __init__(self, salt: bytes, lifetime: float, capacity: int = BOOK_ENTRIES) -> None:
        """Take a salt of 32 secret bytes; a lifetime of `math.inf` forgets nobody before the book is full."""
        self._salt = salt
        self._lifetime = lifetime
        self._capacity = capacity
        self._entered: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._entered)

    def add(self, pid: bytes, now: float) -> None:
        """Enter a peer; entered again, it lives a whole lifetime from now."""
        mark = self._mark(pid)
        self._entered.pop(mark, None)
        self._entered[mark] = now
        if len(self._entered) > self._capacity:
            del self._entered[next(iter(self._entered))]

    def has(self, pid: bytes, now: float) -> bool:
        """Tell whether the peer was entered within the lifetime."""
        if not self._entered:
            return False  # the usual case of who is blocked; a search asks this of every ticket, again and again
        entered = self._entered.get(self._mark(pid))
        return entered is not None and now - entered < self._lifetime

    def _mark(self, pid: bytes) -> bytes:
        return blake2b(b"pby1 book", pid, key=self._salt)
