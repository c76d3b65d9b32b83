"""Who must pay with a stamp, how much, and whether he has: the side of a stamp that asks (protocol.md 7).

In calm nobody pays. When more ask than the node wants to serve, each is told a difficulty and may come once more on the
same connection, within 30 s, with a stamp. The price rises with those who *pay*: a flood that pays nothing can make
everybody pay the first price, but cannot make it dearer for those who do.

Chats use it for M1, seeds for Enter. A connection is any hashable value by which the caller knows it:

    match toll.asked(connection, parties, stamp, now):
        case Admit():               go on
        case Demand(difficulty):    refuse: a stamp of that difficulty is wanted
        case Busy():                refuse: busy, too many stamps wait to be looked at
        case Abort():               a failure of the other side: a stamp unasked for, late, or worth nothing
        case Check() as check:      in a worker thread: good = check.is_good();
                                    then, whatever became of the connection, exactly once:
                                    toll.checked(good, now)    -> Admit or Abort

and `toll.closed(connection)` when it is gone. The machine is pure; `now` is monotonic seconds. An event costs the same
whatever is remembered.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.stamp import Parties, Work, argon2id, passes_gate, verify
from passerby.discovery.limits import (
    STAMP_CHECKS,
    STAMP_FIRST_BITS,
    STAMP_MOST_BITS,
    STAMP_VALIDITY,
    TOLL_CONNECTIONS,
    TOLL_WINDOW,
)

Gate = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Admit:
    """Go on as if there were no stamps."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Refuse, and say that a stamp of `difficulty` bits is wanted; `count` is the challenge's."""

    difficulty: int
    count: int


@dataclass(frozen=True, slots=True)
class Busy:
    """Refuse as busy: too many stamps wait for the worker. This stamp is used up."""


@dataclass(frozen=True, slots=True)
class Abort:
    """The other side's failure: an unasked, late or false stamp."""


@dataclass(frozen=True, slots=True)
class Check:
    """A stamp that passed the gate; whether it is good costs one work, so it is for a worker thread."""

    challenge: bytes
    stamp: bytes
    difficulty: int

    def is_good(self, work: Work = argon2id) -> bool:
        """Do the work; about 10 ms and 16 MiB."""
        return verify(self.challenge, self.stamp, self.difficulty, work)


Verdict = Admit | Demand | Busy | Abort | Check


class _Meter:
    """How often something happened within the last TOLL_WINDOW: exactly, and in bounded memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: deque[float] = deque(maxlen=limit + 1)

    def note(self, now: float) -> None:
        self._times.append(now)

    def is_high(self, now: float) -> bool:
        """Whether it happened more than `limit` times."""
        return self._exceeds(self._limit, now)

    def is_low(self, now: float) -> bool:
        """Whether it happened at most half as often: the other edge, so that a price does not flutter."""
        return not self._exceeds(self._limit // 2, now)

    def forget(self) -> None:
        self._times.clear()

    def _exceeds(self, count: int, now: float) -> bool:
        return len(self._times) > count and self._times[-1 - count] > now - TOLL_WINDOW


@dataclass(slots=True)
class _Account:
    """What was asked of one connection: how often, and the difficulty that may be paid until then."""

    count: int = 0
    difficulty: int | None = None
    until: float = 0.0


class Toll:
    """The machine. `asked` is the only way in; nobody is asked for anything while the rate stays below its bound."""

    def __init__(self, rate: float, *, connections: int = TOLL_CONNECTIONS, gate: Gate = passes_gate) -> None:
        """Ask for stamps above `rate` arrivals a second (over TOLL_WINDOW); remember at most that many connections.

        `connections` should be at least what the node lets in; beyond it the one not heard of for longest is forgotten.
        `gate` tells whether a stamp (16 bytes) passes the gate of a challenge. LocalProtocolError unless the rate comes
        to at least one arrival in a window.
        """
        limit = int(rate * TOLL_WINDOW)
        if limit < 1:
            raise LocalProtocolError(f"{rate} arrivals a second")
        self._gate = gate
        self._connections = connections
        self._arrived = _Meter(limit)
        self._paid = _Meter(limit)
        self._accounts: OrderedDict[Hashable, _Account] = OrderedDict()
        self._difficulty = 0
        self._since = float("-inf")
        self._checks = 0

    def arrived(self, now: float) -> None:
        """Count somebody who is refused for another reason: a crowd at a closed door is load, too."""
        self._arrived.note(now)

    def asked(self, connection: Hashable, parties: Parties, stamp: bytes | None, now: float) -> Verdict:
        """Say what becomes of somebody who asks, with a stamp of 16 bytes or without.

        `parties` are this node, as the asker, and who pays, on this connection.
        """
        if stamp is not None:
            return self._redeem(connection, parties, stamp, now)
        self._arrived.note(now)
        return self.demand(connection, now)

    def demand(self, connection: Hashable, now: float) -> Admit | Demand:
        """Say what becomes of somebody without a stamp whose coming was counted before."""
        if (difficulty := self.difficulty(now)) == 0:
            return Admit()
        account = self._account(connection)
        account.count += 1
        account.difficulty, account.until = difficulty, now + STAMP_VALIDITY
        return Demand(difficulty, account.count)

    def checked(self, good: bool, now: float) -> Admit | Abort:
        """Take what `Check.is_good` said. LocalProtocolError if no check was under way."""
        if not self._checks:
            raise LocalProtocolError("no stamp was being checked")
        self._checks -= 1
        if not good:
            return Abort()
        self._paid.note(now)
        return Admit()

    def closed(self, connection: Hashable) -> None:
        """Forget a connection that is gone."""
        self._accounts.pop(connection, None)

    def difficulty(self, now: float) -> int:
        """Return the price that who asks now without a stamp is told, in bits; 0 in calm."""
        if self._difficulty == 0:
            if self._arrived.is_high(now):
                self._set(STAMP_FIRST_BITS, now)
        elif self._paid.is_high(now):
            self._set(min(STAMP_MOST_BITS, self._difficulty + 1), now)
        elif self._arrived.is_low(now):
            self._set(0, now)
        elif self._difficulty > STAMP_FIRST_BITS and now - self._since >= TOLL_WINDOW and self._paid.is_low(now):
            self._set(self._difficulty - 1, now)
        return self._difficulty

    def _set(self, difficulty: int, now: float) -> None:
        """Change the price; who paid the old one says nothing about the new."""
        self._difficulty, self._since = difficulty, now
        self._paid.forget()

    def _account(self, connection: Hashable) -> _Account:
        account = self._accounts.setdefault(connection, _Account())
        self._accounts.move_to_end(connection)
        if len(self._accounts) > self._connections:
            self._accounts.popitem(last=False)
        return account

    def _redeem(self, connection: Hashable, parties: Parties, stamp: bytes, now: float) -> Verdict:
        """Use up the one try that a demand gives, whatever comes of it."""
        account = self._accounts.get(connection)
        if account is None or account.difficulty is None or now >= account.until:
            return Abort()
        difficulty, account.difficulty = account.difficulty, None
        challenge = parties.challenge(difficulty, account.count)
        if not self._gate(challenge, stamp):
            return Abort()
        if self._checks >= STAMP_CHECKS:
            return Busy()
        self._checks += 1
        return Check(challenge, stamp, difficulty)
