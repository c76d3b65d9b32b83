"""A PBY1 peer written from docs/protocol.md alone chats with the shipped one.

In both roles, with records both ways up to a CLOSE from each side, and with every refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Refusal, RefusalCode, Responder, refusal
from support import second_pby1 as second
from support.second_pby1 import AwaitingM1, AwaitingM3, AwaitingM4, Given, Own
from support.second_records import FailureError

Seal: TypeAlias = Callable[[bytes, int, bool], bytes]
Open: TypeAlias = Callable[[bytes], tuple[bytes, bool]]

HELLO, CLOSE = bytes.fromhex("0700000000"), bytes.fromhex("0300")
ROOM, TAG = bytes(range(32)), b"tag:chess"


def pid(key: bytes) -> bytes:
    return bytes.fromhex("002408011220") + key


HERE = Given("main", pid(b"I" * 32), pid(b"R" * 32), b"c" * 32)


@st.composite
def connections(draw: st.DrawFn) -> Given:
    keys = draw(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=2, unique=True))
    return Given(
        draw(st.text(min_size=1, max_size=16)), pid(keys[0]), pid(keys[1]), draw(st.binary(min_size=32, max_size=32))
    )


def texts() -> st.SearchStrategy[list[str]]:
    """Texts that reach every bucket."""
    repeated = st.tuples(st.text(max_size=40), st.sampled_from([1, 9, 25]))
    return st.lists(repeated.map(lambda pair: pair[0] * pair[1]), max_size=4)


def binding(g: Given) -> Binding:
    return Binding(g.network, g.pid_i, g.pid_r, g.cb)


@dataclass(frozen=True, slots=True)
class Pair:
    """A session with the second implementation at one end and the shipped one at the other."""

    ours: second.Session
    words: tuple[str, ...]
    transcript: bytes
    shipped_seal: Seal
    shipped_open: Open

    def ways(self) -> tuple[tuple[Seal, Open], tuple[Seal, Open]]:
        """To the shipped end, and from it."""
        return (
            (self.ours.sealer.seal, self.shipped_open),
            (self.shipped_seal, lambda record: self.ours.opener.open(record)[:2]),
        )


def second_initiates(g: Given, room: bytes, tag: bytes, own: Own) -> Pair:
    responder = Responder(binding(g))
    asked = second.initiate(g, room, tag, own)
    assert responder.receive_first(asked.m1).room == room
    locked = asked.receive(responder.accept(tag))
    assert isinstance(locked, AwaitingM4)
    ours = locked.receive(responder.receive_proof(locked.m3))
    theirs = responder.session
    return Pair(
        ours,
        theirs.words,
        theirs.transcript,
        lambda inner, minimum, final: theirs.sealer.seal(inner, minimum_bucket=minimum, final=final),
        lambda record: theirs.opener.open(int.from_bytes(record[:2], "big"), record[2:]),
    )


def shipped_initiates(g: Given, room: bytes, tag: bytes, own: Own) -> Pair:
    initiator = Initiator(binding(g), room, tag)
    promised = AwaitingM1(g, {room: tag}, own).receive(initiator.first_message())
    assert isinstance(promised, AwaitingM3)
    m3 = initiator.receive_reply(promised.m2)
    assert isinstance(m3, bytes)
    m4, ours = promised.receive(m3)
    theirs = initiator.receive_confirmation(m4)
    return Pair(
        ours,
        theirs.words,
        theirs.transcript,
        lambda inner, minimum, final: theirs.sealer.seal(inner, minimum_bucket=minimum, final=final),
        lambda record: theirs.opener.open(int.from_bytes(record[:2], "big"), record[2:]),
    )


roles = pytest.mark.parametrize("meet", [second_initiates, shipped_initiates])
Meet: TypeAlias = Callable[[Given, bytes, bytes, Own], Pair]


@roles
@settings(deadline=None, max_examples=60)
@given(
    g=connections(), room=st.binary(min_size=32, max_size=32), tag=st.binary(max_size=64), said=texts(), heard=texts()
)
def test_the_two_chat_until_both_have_closed(
    meet: Meet, g: Given, room: bytes, tag: bytes, said: list[str], heard: list[str]
) -> None:
    pair = meet(g, room, tag, Own())
    assert (pair.ours.words, pair.ours.transcript) == (pair.words, pair.transcript)
    for (seal, open_), lines in zip(pair.ways(), (said, heard), strict=True):
        assert open_(seal(HELLO, 1024, False)) == (HELLO, False)
        for number, line in enumerate(lines, 1):
            text = b"\x01" + number.to_bytes(4, "big") + line.encode()
            assert open_(seal(text, 256, False)) == (text, False)
        assert open_(seal(CLOSE, 256, True)) == (CLOSE, True)


@roles
@pytest.mark.parametrize("own", [Own(versions=(1, 2, 9)), Own(features=0xFFFFFFFF)], ids=["versions", "features"])
def test_what_a_later_release_may_speak_does_no_harm(meet: Meet, own: Own) -> None:
    pair = meet(HERE, ROOM, TAG, own)
    assert pair.ours.words == pair.words
    assert (pair.ours.version, pair.ours.features) == (1, 0)


@pytest.mark.parametrize("code", [RefusalCode.BUSY, RefusalCode.VERSION])
def test_a_refusal_is_understood_both_ways(code: RefusalCode) -> None:
    asked = second.initiate(HERE, ROOM, TAG, Own())
    assert asked.receive(refusal(code)) == second.Refusal(code.value)
    initiator = Initiator(binding(HERE), ROOM, TAG)
    ours = Own(versions=(2,)) if code is RefusalCode.VERSION else Own()
    refused = AwaitingM1(HERE, {ROOM: TAG}, ours, free=False).receive(initiator.first_message())
    assert isinstance(refused, second.Refusal)
    assert initiator.receive_reply(refused.body()) == Refusal(code, 0)


def test_a_stamp_that_is_wanted_is_understood_both_ways() -> None:
    asked = second.initiate(HERE, ROOM, TAG, Own())
    assert asked.receive(refusal(RefusalCode.STAMP, 4)) == second.Refusal(second.STAMP, 4)
    initiator = Initiator(binding(HERE), ROOM, TAG)
    initiator.first_message()
    assert initiator.receive_reply(second.Refusal(second.STAMP, 4).body()) == Refusal(RefusalCode.STAMP, 4)


@pytest.mark.parametrize("body", ["0000", "0101", "0301", "0400", "ff00"])
def test_no_other_refusal_is_understood(body: str) -> None:
    initiator = Initiator(binding(HERE), ROOM, TAG)
    initiator.first_message()
    with pytest.raises(RemoteProtocolError):
        initiator.receive_reply(bytes.fromhex(body))
    with pytest.raises(FailureError):
        second.initiate(HERE, ROOM, TAG, Own()).receive(bytes.fromhex(body))


def responds_to(changed: int | None) -> None:
    """The second responder sees bit `changed` of M1, or after it of M3, the other way round."""
    initiator = Initiator(binding(HERE), ROOM, TAG)
    promised = AwaitingM1(HERE, {ROOM: TAG}, Own()).receive(turned(initiator.first_message(), changed, 0))
    if isinstance(promised, second.Refusal):
        raise FailureError("refused")
    m3 = initiator.receive_reply(promised.m2)
    assert isinstance(m3, bytes)
    promised.receive(turned(m3, changed, 74))


def answers_to(changed: int | None) -> None:
    """The second initiator sees bit `changed` of M2, M4 or the first record, one after the other, turned round."""
    responder = Responder(binding(HERE))
    asked = second.initiate(HERE, ROOM, TAG, Own())
    responder.receive_first(asked.m1)
    locked = asked.receive(turned(responder.accept(TAG), changed, 0))
    assert isinstance(locked, AwaitingM4)
    try:
        m4 = responder.receive_proof(locked.m3)
    except RemoteProtocolError as error:
        raise FailureError("the shipped end saw it first") from error
    ours = locked.receive(turned(m4, changed, 71))
    ours.opener.open(turned(responder.session.sealer.seal(HELLO, minimum_bucket=256), changed, 71 + 56))


def turned(message: bytes, bit: int | None, begins: int) -> bytes:
    """`message`, the first byte of which is number `begins` of all, with that bit of all the other way round."""
    if bit is None or not 0 <= bit - 8 * begins < 8 * len(message):
        return message
    return (int.from_bytes(message, "big") ^ 1 << (bit - 8 * begins)).to_bytes(len(message), "big")


@pytest.mark.parametrize(("play", "size"), [(responds_to, 74 + 120), (answers_to, 71 + 56 + 275)])
def test_the_second_takes_no_changed_message_either(play: Callable[[int | None], None], size: int) -> None:
    play(None)
    for bit in range(8 * size):
        with pytest.raises(FailureError):
            play(bit)
