"""Two machines and an adversary between them, in any order: never two sides with different ideas of one session.

Hypothesis plays the network: it carries, keeps, repeats, swaps, cuts and changes messages, calls either side whenever
it likes, and goes on into the records. What must hold whatever it does:

- a side has a session only if every message it relied on was the other's own, unchanged;
- two sessions have one transcript, one version, one set of words;
- after a failure a machine, or a direction of records, accepts nothing;
- what is opened is what was sealed: a prefix of it, in order, each once, final only where it was meant.
"""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Refusal, RefusalCode, Responder, Session, refusal
from passerby.crypto.keys import peer_id_of

ROOM = b"room" * 8
BINDING = Binding("main", peer_id_of(b"I" * 32), peer_id_of(b"R" * 32), b"c" * 32)

Change = Callable[[bytes], bytes]


def keep(body: bytes) -> bytes:
    return body


def flip(bit: int) -> Change:
    def change(body: bytes) -> bytes:
        place = bit // 8 % max(len(body), 1)
        return body[:place] + bytes([body[place] ^ 1 << bit % 8]) + body[place + 1 :] if body else body

    return change


def cut(size: int) -> Change:
    return lambda body: body[:size]


def add(extra: bytes) -> Change:
    return lambda body: body + extra


tampering: st.SearchStrategy[Change] = st.one_of(
    st.just(keep),
    st.integers(0, 2**16).map(flip),
    st.integers(0, 300).map(cut),
    st.binary(max_size=40).map(add),
)


class Direction:
    """What one side sealed and the other opened."""

    def __init__(self) -> None:
        self.sealed: list[bytes] = []
        self.inner: list[tuple[bytes, bool]] = []
        self.opened: list[tuple[bytes, bool]] = []
        self.failed = False


class TwoSides(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.initiator = Initiator(BINDING, ROOM, b"tag:music")
        self.responder = Responder(BINDING)
        self.over: set[object] = set()
        self.sent: dict[str, bytes] = {}
        self.received: dict[str, bytes] = {}
        self.pool: list[bytes] = [refusal(RefusalCode.BUSY), *self.earlier_session()]
        self.sessions: dict[str, Session] = {}
        self.directions = {"I": Direction(), "R": Direction()}

    @staticmethod
    def earlier_session() -> list[bytes]:
        initiator, responder = Initiator(BINDING, ROOM, b"tag:music"), Responder(BINDING)
        m1 = initiator.first_message()
        responder.receive_first(m1)
        m2 = responder.accept(b"tag:music")
        m3 = initiator.receive_reply(m2)
        assert isinstance(m3, bytes)
        return [m1, m2, m3, responder.receive_proof(m3)]

    def call(self, machine: Initiator | Responder, turn: bool, step: Callable[[], None]) -> None:
        """Make a step; out of turn it must be refused as ours, whatever it carries, and change nothing."""
        if machine in self.over or not turn:
            with pytest.raises(LocalProtocolError):
                step()
            return
        try:
            step()
        except RemoteProtocolError:
            self.over.add(machine)

    def send(self, name: str, body: bytes) -> None:
        self.sent[name] = body
        self.pool.append(body)

    def message(self, data: st.DataObject, name: str, change: Change) -> bytes:
        """The message expected, as often as not; else anything that was ever on the line."""
        honest = self.sent.get(name)
        candidates = st.sampled_from(self.pool)
        return change(data.draw(st.one_of(st.just(honest), candidates) if honest is not None else candidates))

    # ---- the two sides, called at any time ----

    @rule()
    def first_message(self) -> None:
        self.call(self.initiator, "M1" not in self.sent, lambda: self.send("M1", self.initiator.first_message()))

    @rule(data=st.data(), change=tampering)
    def receive_first(self, data: st.DataObject, change: Change) -> None:
        body = self.message(data, "M1", change)

        def step() -> None:
            self.responder.receive_first(body)
            self.received["M1"] = body

        self.call(self.responder, "M1" not in self.received, step)

    @rule()
    def accept(self) -> None:
        if self.responder.version is None and "M1" in self.received:
            return  # the caller refuses; nothing to accept
        turn = "M1" in self.received and "M2" not in self.sent
        self.call(self.responder, turn, lambda: self.send("M2", self.responder.accept(b"tag:music")))

    @rule(data=st.data(), change=tampering)
    def receive_reply(self, data: st.DataObject, change: Change) -> None:
        body = self.message(data, "M2", change)

        def step() -> None:
            answer = self.initiator.receive_reply(body)
            if isinstance(answer, Refusal):
                self.over.add(self.initiator)
                return
            self.received["M2"] = body
            self.send("M3", answer)

        self.call(self.initiator, "M1" in self.sent and "M3" not in self.sent, step)

    @rule(data=st.data(), change=tampering)
    def receive_proof(self, data: st.DataObject, change: Change) -> None:
        body = self.message(data, "M3", change)

        def step() -> None:
            self.send("M4", self.responder.receive_proof(body))
            self.received["M3"] = body
            self.sessions["R"] = self.responder.session

        self.call(self.responder, "M2" in self.sent and "M4" not in self.sent, step)

    @rule(data=st.data(), change=tampering)
    def receive_confirmation(self, data: st.DataObject, change: Change) -> None:
        body = self.message(data, "M4", change)

        def step() -> None:
            self.sessions["I"] = self.initiator.receive_confirmation(body)
            self.received["M4"] = body

        self.call(self.initiator, "M3" in self.sent and "I" not in self.sessions, step)

    @rule()
    def carry_everything_unchanged(self) -> None:
        """Now and then an honest network, so that records are reached often."""
        if not (self.sent or self.received or self.over):
            self.send("M1", self.initiator.first_message())
            self.responder.receive_first(self.sent["M1"])
            self.send("M2", self.responder.accept(b"tag:music"))
            proof = self.initiator.receive_reply(self.sent["M2"])
            assert isinstance(proof, bytes)
            self.send("M3", proof)
            self.send("M4", self.responder.receive_proof(proof))
            self.sessions = {
                "R": self.responder.session,
                "I": self.initiator.receive_confirmation(self.sent["M4"]),
            }
            self.received = dict(self.sent)

    # ---- records ----

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), inner=st.binary(min_size=1, max_size=300), final=st.booleans())
    def seal(self, data: st.DataObject, inner: bytes, final: bool) -> None:
        role = data.draw(st.sampled_from(sorted(self.sessions)))
        direction, sealer = self.directions[role], self.sessions[role].sealer
        if direction.inner and direction.inner[-1][1]:
            with pytest.raises(LocalProtocolError):
                sealer.seal(inner, final=final)
            return
        direction.sealed.append(sealer.seal(inner, final=final))
        direction.inner.append((inner, final))

    @precondition(lambda self: len(self.sessions) == 2 and any(d.sealed for d in self.directions.values()))
    @rule(data=st.data(), change=tampering, expected=st.booleans())
    def open(self, data: st.DataObject, change: Change, expected: bool) -> None:
        sender = data.draw(st.sampled_from([role for role, d in self.directions.items() if d.sealed]))
        direction, opener = self.directions[sender], self.sessions["R" if sender == "I" else "I"].opener
        turn = len(direction.opened)
        everything = [record for d in self.directions.values() for record in d.sealed]
        honest = direction.sealed[turn] if turn < len(direction.sealed) else None
        record = change(honest if expected and honest is not None else data.draw(st.sampled_from(everything)))
        try:
            result = opener.open(int.from_bytes(record[:2], "big"), record[2:])
        except RemoteProtocolError:
            assert not direction.failed
            direction.failed = True
            assert record != honest
        except LocalProtocolError:
            assert direction.failed or direction.opened[-1][1]
        else:
            assert not direction.failed
            direction.opened.append(result)

    # ---- what holds whatever happened ----

    @invariant()
    def a_session_rests_on_unchanged_messages_only(self) -> None:
        relied = {"R": ("M1", "M2", "M3"), "I": ("M1", "M2", "M3", "M4")}
        for role in self.sessions:
            for name in relied[role]:
                assert self.received[name] == self.sent[name]

    @invariant()
    def two_sessions_are_one(self) -> None:
        assert "I" not in self.sessions or "R" in self.sessions
        if len(self.sessions) == 2:
            here, there = self.sessions["I"], self.sessions["R"]
            assert (here.transcript, here.version, here.words) == (there.transcript, there.version, there.words)

    @invariant()
    def what_is_opened_is_what_was_sealed(self) -> None:
        for direction in self.directions.values():
            assert direction.opened == direction.inner[: len(direction.opened)]


class TwoSidesLong(TwoSides):
    """10^5 steps (security.md 4, machines)."""


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

TestTwoSidesLong = pytest.mark.slow(TwoSidesLong.TestCase)
TestTwoSidesLong.settings = settings(max_examples=2000, stateful_step_count=50, deadline=None)
