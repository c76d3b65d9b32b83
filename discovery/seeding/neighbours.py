"""A seed's view of the other seeds of one scope: joining, keeping in touch, answering about them (protocol.md 3.10).

A machine. Told of first contacts, knocks and answers, it returns whom to call, whose work to check and where to hang
up; `answer` and `nearest` say what it knows, `deadline` when a Tick is due. How somebody becomes a contact is in
verifying.py; a contact is one as long as the connection that we dialled to it.

One request serves all. Whoever is verified is asked for the seeds nearest to ourselves, and told of us: so joining is
verifying the nearest we hear of until none is nearer, and those whom we call learn who is new. Later the same request
takes the place of one ping in each round, and asks those who are left after a loss.
"""

import math
import random
from collections.abc import Callable, Iterable

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint, Hints
from passerby.discovery.limits import (
    BUCKET_REFRESH,
    BUCKET_SEEDS,
    FIRST_ROUND,
    JITTER,
    NODES_PER_ANSWER,
    PING_BYTES,
    PING_ROUND,
    PING_SHARE,
    PONG_PATIENCE,
    RECORD_REFRESH,
    REPAIR_ASKED,
    REPAIR_DELAY,
)
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    ClockSet,
    Effect,
    Event,
    Gone,
    HangUp,
    Introduced,
    Knocked,
    Moved,
    Remembered,
    Silent,
    Told,
)
from passerby.discovery.seeding.spares import NEVER
from passerby.discovery.seeding.table import Contact, Table, place_of
from passerby.discovery.seeding.verifying import Verifier
from passerby.discovery.seedrecord import SeedRecord, read_record


class Neighbours:
    """The machine of one seed and scope. `now` is any clock that only goes forward, in seconds.

    `sign` returns our own record in `scope`, issued at a moment of Unix time; `rng` must be secret
    (random.SystemRandom), so that nobody guesses a ping's nonce. A simulator may pass a cheaper `read`.
    """

    def __init__(
        self,
        *,
        scope: Scope,
        sign: Callable[[int], bytes],
        unix_minus_now: float,
        rng: random.Random,
        now: float,
        read: Callable[[bytes], SeedRecord] = read_record,
    ) -> None:
        self._sign = sign
        self._unix_minus_now = unix_minus_now
        self._rng = rng
        self._own_blob = sign(self._unix(now))
        own = read(self._own_blob)
        self._pid, self._position, self._place = own.pid, own.position, place_of(own.position)
        self._table = Table(own.position)
        self._verifier = Verifier(self._table, own, scope, self._introduction, read)
        self._asked: dict[bytes, bytes | None] = {}  # contacts that owe an answer: to a ping with this nonce, or a Find
        self._holes: set[int] = set()
        self._has_joined = False
        self._hints = Hints()
        self._sign_at = now + RECORD_REFRESH
        self._pause = FIRST_ROUND
        self._round_at = now + self._jitter(FIRST_ROUND)
        self._refresh_at = now + self._jitter(BUCKET_REFRESH)
        self._repair_at = math.inf

    # ---- what it knows

    def __len__(self) -> int:
        return len(self._table)

    def contacts(self) -> list[Contact]:
        """Return the seeds verified and connected, nearest to ourselves first."""
        return self._table.nearest(self._position, len(self._table))

    def nearest(self, target: bytes, count: int) -> tuple[bytes, ...]:
        """Return the records, as received, of the `count` seeds nearest to a room key; our own where it ranks."""
        place = place_of(target)
        near = self._table.nearest(target, count)
        rank = sum(contact.place ^ place < self._place ^ place for contact in near)
        blobs = [contact.blob for contact in near]
        blobs.insert(rank, self._own_blob)
        return tuple(blobs[:count])

    def answer(
        self,
        request: dhtwire.Find | dhtwire.Ping,
        now: float,
        *,
        observed: bytes | None = None,
        measured: Hint | None = None,
        load: int = 0,
    ) -> dhtwire.Nodes | dhtwire.Pong:
        """Return the answer to a request; nothing changes by it: the record in a Find is to be reported as Knocked.

        The nearest seeds always include ourselves, last if we do not rank: whoever knows but our address learns our
        place. `observed` is the asker's packed socket address, `measured` our own hint, else what we heard counts.
        """
        hint = measured or self._hints.median(now)
        if isinstance(request, dhtwire.Ping):
            return dhtwire.Pong(request.request, request.nonce, self._unix(now), observed, hint, load)
        near = self.nearest(request.target, NODES_PER_ANSWER)
        if self._own_blob not in near:
            near = (*near[:-1], self._own_blob)
        return dhtwire.Nodes(request.request, near, hint)

    def deadline(self, now: float) -> float:
        """Return when a Tick is due."""
        return max(now, min(self._sign_at, self._round_at, self._refresh_at, self._repair_at, self._verifier.due()))

    # ---- what happened

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take what happened; return what to do, in this order."""
        effects = self._take(event, now) + self._act(now)
        for effect in effects:
            if isinstance(effect, HangUp):
                self._asked.pop(effect.pid, None)
        return effects

    def _take(self, event: Event, now: float) -> list[Effect]:
        match event:
            case Introduced(pid, addresses) if pid != self._pid:
                self._verifier.introduce(pid, addresses, now)
            case Remembered(blob):
                return self._hear(blob, now, heard=NEVER)
            case Knocked():
                return self._hear(event.record, now, heard=now, knock=event)
            case Told():
                return self._told(event, now)
            case Silent() | Gone():
                return self._fail(event.pid, now, late=isinstance(event, Silent) and event.late)
            case CheckedWork():
                return self._verifier.checked(event, now)
            case Moved():
                self._sign_at = now
            case ClockSet(unix_minus_now):
                self._unix_minus_now = unix_minus_now
            case _:  # a Tick, or ourselves among the first contacts
                pass
        return []

    def _hear(self, blob: bytes, now: float, *, heard: float, knock: Knocked | None = None) -> list[Effect]:
        """Take a record that somebody told of; of a contact's, new addresses or a new place are to be verified anew."""
        record = self._verifier.hear(blob, self._unix(now), heard, knock)
        contact = None if record is None else self._table.get(record.pid)
        if record is None or contact is None or record.issued <= contact.record.issued:
            return []
        if (record.addresses, record.position) == (contact.record.addresses, contact.record.position):
            contact.record, contact.blob = record, blob
            return []
        self._lose(contact, now)
        return [*self._hear(blob, now, heard=now, knock=knock), HangUp(record.pid)]

    def _told(self, event: Told, now: float) -> list[Effect]:
        if event.pid not in self._asked and event.pid not in self._verifier:
            return []  # it crossed our hanging up
        nonce = self._asked.pop(event.pid, None)
        effects: list[Effect] = []
        match event.answer:
            case dhtwire.Nodes(_, records, hint) if nonce is None:
                for record in records:
                    effects += self._hear(record, now, heard=now)
            case dhtwire.Pong(_, echo, _, _, hint) if nonce == echo:
                pass
            case _:
                return self._fail(event.pid, now)
        if hint is not None:
            self._hints.hear(event.block, hint, now)
        if event.pid in self._verifier:
            effects += self._verifier.answered(event, now)
        elif event.pid in self._table:
            self._table.touch(event.pid, now)
        return effects

    def _fail(self, pid: bytes, now: float, *, late: bool = False) -> list[Effect]:
        """Take that a seed ended its connection, or did not answer as it should."""
        if (contact := self._table.get(pid)) is not None:
            self._lose(contact, now)
        elif pid in self._verifier:
            self._verifier.failed(pid, now, late=late)
        else:
            return []  # it crossed our hanging up
        return [HangUp(pid)]

    def _lose(self, contact: Contact, now: float) -> None:
        self._table.drop(contact.pid)
        self._asked.pop(contact.pid, None)
        self._verifier.lose(contact, now)
        self._holes.add(self._table.bucket_of(contact.place))
        self._repair_at = min(self._repair_at, now + self._rng.uniform(*REPAIR_DELAY))
        self._has_joined = self._has_joined and len(self._table) > 0

    # ---- what is due

    def _act(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if now >= self._sign_at:
            effects += self._issue(now)
        if now >= self._round_at:
            effects += self._round(now)
        if now >= self._repair_at:
            effects += self._repair()
        effects += self._verifier.fill(now)
        has_settled = not self._has_joined and len(self._table) > 0 and self._verifier.is_idle
        if has_settled or now >= self._refresh_at:
            self._has_joined = self._has_joined or has_settled
            self._refresh_at = now + self._jitter(BUCKET_REFRESH)
            effects += self._explore(self._table.sparse_buckets())
        return effects

    def _issue(self, now: float) -> list[Effect]:
        """Sign our record anew; and ask one first contact: so two halves of a network find each other again."""
        self._sign_at = now + RECORD_REFRESH
        self._own_blob = self._sign(self._unix(now))
        return self._verifier.probe(self._rng)

    def _round(self, now: float) -> list[Effect]:
        """Ask those who answered longest ago for a sign of life, one of them for what it knows near us.

        The first rounds follow soon: where all start at once, whoever is asked first has nobody to tell of yet.
        Contacts whose record is out of date go: they had a day to tell us a newer one.
        """
        self._pause = min(PING_ROUND, 2 * self._pause)
        self._round_at = now + self._jitter(self._pause)
        self._verifier.wake()
        effects: list[Effect] = []
        for contact in self._table.oldest(len(self._table)):
            if not contact.record.is_current(self._unix(now)):
                self._lose(contact, now)
                effects.append(HangUp(contact.pid))
        quiet = self._table.oldest(math.ceil(len(self._table) / PING_SHARE))
        asked = self._rng.choice(quiet) if quiet else None
        for contact in quiet:
            effects += self._find([contact], self._position) if contact is asked else self._ping(contact)
        return effects

    def _repair(self) -> list[Effect]:
        """After losses ask those who are left: the nearest about who is near us, others about what buckets lack."""
        self._repair_at = math.inf
        effects: list[Effect] = []
        for contact in self._table.nearest(self._position, REPAIR_ASKED):
            effects += self._find([contact], self._position)
        sparse = self._holes.intersection(self._table.sparse_buckets())
        self._holes.clear()
        return effects + self._explore(sorted(sparse))

    def _explore(self, buckets: Iterable[int]) -> list[Effect]:
        """Ask about a random place in each bucket who is nearest to it and owes us no answer."""
        effects: list[Effect] = []
        for bucket in buckets:
            target = self._table.place_in(bucket, self._rng)
            effects += self._find(self._table.nearest(target, BUCKET_SEEDS), target)
        return effects

    def _find(self, contacts: Iterable[Contact], target: bytes) -> list[Effect]:
        """Ask the first who owes us no answer about a target."""
        for contact in contacts:
            if contact.pid not in self._asked:
                self._asked[contact.pid] = None
                request = dhtwire.Find(0, target, self._own_blob)
                return [Call(contact.pid, contact.reached, request, PONG_PATIENCE)]
        return []

    def _ping(self, contact: Contact) -> list[Effect]:
        if contact.pid in self._asked:
            return []
        nonce = self._asked[contact.pid] = self._rng.randbytes(PING_BYTES)
        return [Call(contact.pid, contact.reached, dhtwire.Ping(0, nonce), PONG_PATIENCE)]

    def _introduction(self) -> dhtwire.Find:
        return dhtwire.Find(0, self._position, self._own_blob)

    def _unix(self, now: float) -> int:
        return int(now + self._unix_minus_now)

    def _jitter(self, pause: float) -> float:
        return pause * self._rng.uniform(1 - JITTER, 1 + JITTER)
