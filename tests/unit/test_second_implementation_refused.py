"""What a PBY1 peer written from docs/protocol.md alone cannot get past the shipped one.

Any of its messages with any one bit changed or another length, surroundings that differ, and keys that are not valid.
A peer that tampers may go on as if nothing had happened, so where an honest one would stop, it goes on here.
"""

from dataclasses import replace

import pytest

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Responder
from support import second_pby1 as second
from support.second_pby1 import AwaitingM1, AwaitingM2, AwaitingM3, AwaitingM4, Given, Own, digest, expand, mac
from support.second_records import FailureError

ROOM, TAG = bytes(range(32)), b"tag:chess"
PREFIX = bytes.fromhex("002408011220")
HERE = Given("main", PREFIX + b"I" * 32, PREFIX + b"R" * 32, b"c" * 32)
OWN = Own()
# RFC 7748, 6.1: u-coordinates of low order, below 2^255
LOW_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


def binding(g: Given) -> Binding:
    return Binding(g.network, g.pid_i, g.pid_r, g.cb)


def spoilt(message: bytes, at: int) -> bytes:
    """`message` with bit `at` changed; past its last bit, one of four other lengths, the last being a stamp's."""
    if at >= 8 * len(message):
        return (b"", message[:-1], message + b"\0", message + bytes(16))[at - 8 * len(message)]
    changed = bytearray(message)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def ways(length: int) -> range:
    return range(8 * length + 4)


def offered(own: Own = OWN) -> AwaitingM2:
    return second.initiate(HERE, ROOM, TAG, own)


class NoCommonVersionError(Exception):
    """The shipped end answers this M1 with a refusal, by check 4 of 5.4."""


def reply(responder: Responder, m1: bytes) -> bytes:
    """The shipped end's M2."""
    if 1 not in responder.receive_first(m1).versions:
        raise NoCommonVersionError
    return responder.accept(TAG)


def locked_on_shipped() -> tuple[Responder, AwaitingM4]:
    responder = Responder(binding(HERE))
    asked = offered()
    locked = asked.receive(reply(responder, asked.m1))
    assert isinstance(locked, AwaitingM4)
    return responder, locked


def lenient_m4(promised: AwaitingM3, m3: bytes) -> bytes:
    """M4 of a responder that checks nothing of M3."""
    th3 = digest("pby1 t3", promised.th2 + m3[:64])
    prk = second.extract(second.exchange(promised.own.esk, m3[:32]), th3)
    return promised.own.header + mac("pby1 confirm", expand(prk, "kc r"), th3 + m3[88:] + promised.own.header)


def asked_by_shipped() -> tuple[Initiator, AwaitingM3]:
    initiator = Initiator(binding(HERE), ROOM, TAG)
    promised = AwaitingM1(HERE, {ROOM: TAG}, OWN).receive(initiator.first_message())
    assert isinstance(promised, AwaitingM3)
    return initiator, promised


def with_m1(asked: AwaitingM2, m1: bytes) -> None:
    """The shipped responder sees `m1`; all else goes on as `asked` has it."""
    responder = Responder(binding(HERE))
    locked = asked.receive(reply(responder, m1))
    assert isinstance(locked, AwaitingM4)
    responder.receive_proof(locked.m3)


def with_m2(at: int | None) -> None:
    """The shipped initiator sees M2 spoilt, from a responder that then takes whatever M3 comes."""
    initiator, promised = asked_by_shipped()
    m3 = initiator.receive_reply(promised.m2 if at is None else spoilt(promised.m2, at))
    assert isinstance(m3, bytes)
    initiator.receive_confirmation(lenient_m4(promised, m3))


def test_no_changed_m1_leads_to_a_session() -> None:
    asked = offered()
    with_m1(asked, asked.m1)
    for at in ways(74):
        with pytest.raises((RemoteProtocolError, NoCommonVersionError)):
            with_m1(asked, spoilt(asked.m1, at))


def test_no_changed_m2_leads_to_a_session() -> None:
    with_m2(None)
    for at in ways(71):
        with pytest.raises(RemoteProtocolError):
            with_m2(at)


def test_no_changed_m3_leads_to_a_session() -> None:
    for at in ways(120):
        responder, locked = locked_on_shipped()
        with pytest.raises(RemoteProtocolError):
            responder.receive_proof(spoilt(locked.m3, at))


def test_no_changed_m4_leads_to_a_session() -> None:
    for at in ways(56):
        initiator, promised = asked_by_shipped()
        m3 = initiator.receive_reply(promised.m2)
        assert isinstance(m3, bytes)
        m4, _ = promised.receive(m3)
        with pytest.raises(RemoteProtocolError):
            initiator.receive_confirmation(spoilt(m4, at))


def test_no_changed_record_opens() -> None:
    """One bit of every byte, since each needs a session of its own: nothing is pulled after a failure."""
    for at in range(0, 8 * 275, 7):
        responder, locked = locked_on_shipped()
        record = locked.receive(responder.receive_proof(locked.m3)).sealer.seal(b"\x02\x01")
        changed = spoilt(record, at)
        with pytest.raises(RemoteProtocolError):
            responder.session.opener.open(int.from_bytes(changed[:2], "big"), changed[2:])
        with pytest.raises(LocalProtocolError):
            responder.session.opener.open(int.from_bytes(record[:2], "big"), record[2:])


@pytest.mark.parametrize("low", LOW_ORDER)
def test_no_key_of_low_order_is_taken(low: bytes) -> None:
    """Everybody knows the shared secret of such a key, so all the rest of the handshake could be right."""
    with pytest.raises(FailureError):
        second.exchange(OWN.esk, low)
    initiator, promised = asked_by_shipped()
    with pytest.raises(RemoteProtocolError):
        initiator.receive_reply(promised.m2[:-32] + low)
    with pytest.raises(RemoteProtocolError):
        forged(low, bytes(32))


def test_a_key_has_one_encoding() -> None:
    epk = second.public(OWN.esk)
    high = epk[:31] + bytes([epk[31] | 0x80])
    with pytest.raises(FailureError):
        second.exchange(Own().esk, high)
    initiator, promised = asked_by_shipped()
    with pytest.raises(RemoteProtocolError):
        initiator.receive_reply(promised.m2[:-32] + high)
    with pytest.raises(RemoteProtocolError):
        forged(high, None)
    forged(epk, None)  # the same, honestly


def forged(epk_i: bytes, shared: bytes | None) -> None:
    """Lead the shipped responder through a handshake with this key, in which all else is right."""
    responder = Responder(binding(HERE))
    asked = offered()
    head = asked.m1[:-32]
    m1 = head + second.commitment(epk_i, OWN.nonce, asked.th0, head)
    m2 = reply(responder, m1)
    th3 = digest("pby1 t3", digest("pby1 t2", digest("pby1 t1", asked.th0 + m1) + m2) + epk_i + OWN.nonce)
    prk = second.extract(second.exchange(OWN.esk, m2[-32:]) if shared is None else shared, th3)
    mac_i = mac("pby1 confirm", expand(prk, "kc i"), th3 + OWN.header)
    responder.receive_proof(epk_i + OWN.nonce + OWN.header + mac_i)


def test_ones_own_key_is_refused() -> None:
    with pytest.raises(FailureError):
        second.exchange(OWN.esk, second.public(OWN.esk))


def test_a_stranger_with_no_common_version_is_refused() -> None:
    asked = offered(Own(versions=(2, 7)))
    with pytest.raises(NoCommonVersionError):
        reply(Responder(binding(HERE)), asked.m1)


OTHERWISE = [
    replace(HERE, network="Main"),
    replace(HERE, pid_i=PREFIX + b"X" * 32),
    replace(HERE, pid_r=PREFIX + b"X" * 32),
    replace(HERE, cb=b"d" * 32),
]


@pytest.mark.parametrize(("there", "tag"), [*((there, TAG) for there in OTHERWISE), (HERE, b"")])
def test_two_that_differ_in_what_they_start_from_do_not_finish(there: Given, tag: bytes) -> None:
    responder = Responder(binding(there))
    asked = second.initiate(HERE, ROOM, TAG, Own())
    responder.receive_first(asked.m1)
    locked = asked.receive(responder.accept(tag))
    assert isinstance(locked, AwaitingM4)
    with pytest.raises(RemoteProtocolError):
        responder.receive_proof(locked.m3)
    initiator = Initiator(binding(there), ROOM, tag)
    promised = AwaitingM1(HERE, {ROOM: TAG}, Own()).receive(initiator.first_message())
    assert isinstance(promised, AwaitingM3)
    m3 = initiator.receive_reply(promised.m2)
    assert isinstance(m3, bytes)
    with pytest.raises(FailureError, match="commit"):
        promised.receive(m3)
