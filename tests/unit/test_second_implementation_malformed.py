"""Messages and records that are wrong in their form alone, as a peer that knows every key can make them.

The shipped end refuses each at once, and so does the peer written from docs/protocol.md alone: neither leaves it to a
later commitment or MAC.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Responder
from support import second_pby1 as second
from support.second_pby1 import AwaitingM1, AwaitingM4, Given, Own
from support.second_records import FINAL, REKEY, FailureError, Opener, SecretStream

ROOM, TAG = bytes(range(32)), b"tag:chess"
PREFIX = bytes.fromhex("002408011220")
WITH = Given("main", PREFIX + b"I" * 32, PREFIX + b"R" * 32, b"c" * 32)
HERE = Binding(WITH.network, WITH.pid_i, WITH.pid_r, WITH.cb)
OWN = Own()
GOOD = b"\x02\x01\x80" + bytes(253)  # TYPING, padded


@pytest.mark.parametrize(
    "spoken",
    [
        "50425932" + "0101",
        "50425931" + "00",
        "50425931" + "0100",
        "50425931" + "020001",
        "50425931" + "020101",
        "50425931" + "020201",
        "50425931" + "010102",  # a version more than nver says
        "50425931" + "0201",  # and one less
        "50425931" + "09010203040506070809",
    ],
)
def test_a_malformed_m1_is_refused_at_once(spoken: str) -> None:
    m1 = bytes.fromhex(spoken) + bytes(4) + ROOM + bytes(32)
    with pytest.raises(RemoteProtocolError):
        Responder(HERE).receive_first(m1)
    with pytest.raises(FailureError):
        AwaitingM1(WITH, {ROOM: TAG}, OWN).receive(m1)


@pytest.mark.parametrize(
    "spoken",
    ["000101", "020101", "010102", "02020102", "0100", "01020001", "01020101", "01020201", "01010102", "010201"],
)
def test_a_malformed_m2_is_refused_at_once(spoken: str) -> None:
    m2 = bytes.fromhex(spoken) + bytes(4) + OWN.nonce + second.public(OWN.esk)
    initiator = Initiator(HERE, ROOM, TAG)
    initiator.first_message()
    with pytest.raises(RemoteProtocolError):
        initiator.receive_reply(m2)
    with pytest.raises(FailureError):
        second.initiate(WITH, ROOM, TAG, Own()).receive(m2)


def test_a_downgrade_is_seen() -> None:
    m2 = bytes.fromhex("01020102") + bytes(4) + OWN.nonce + second.public(OWN.esk)
    with pytest.raises(FailureError):
        second.initiate(WITH, ROOM, TAG, Own(versions=(1, 2))).receive(m2)


def test_a_stamp_that_nobody_asked_for_is_a_failure() -> None:
    m1 = second.initiate(WITH, ROOM, TAG, OWN, bytes(16)).m1
    with pytest.raises(RemoteProtocolError):
        Responder(HERE).receive_first(m1)
    with pytest.raises(FailureError):
        AwaitingM1(WITH, {ROOM: TAG}, OWN).receive(m1)


class Way(NamedTuple):
    """What we push with, what opens it at the far end, and what that raises for a failure and after one."""

    stream: SecretStream
    open: Callable[[bytes], object]
    failure: type[Exception]
    ended: type[Exception]


def ways() -> tuple[Way, Way]:
    """To the shipped end, and to the second."""
    responder = Responder(HERE)
    asked = second.initiate(WITH, ROOM, TAG, OWN)
    responder.receive_first(asked.m1)
    locked = asked.receive(responder.accept(TAG))
    assert isinstance(locked, AwaitingM4)
    stream = locked.receive(responder.receive_proof(locked.m3)).sealer.stream
    opener = responder.session.opener

    def shipped_open(record: bytes) -> object:
        return opener.open(len(record) - 2, record[2:])

    return (
        Way(stream, shipped_open, RemoteProtocolError, LocalProtocolError),
        Way(SecretStream(bytes(32), bytes(24)), Opener(bytes(32), bytes(24)).open, FailureError, FailureError),
    )


def pushed(stream: SecretStream, padded: bytes, tag: int) -> bytes:
    length = (len(padded) + 17).to_bytes(2, "big")
    return length + stream.push(padded, length, tag)


@pytest.mark.parametrize(
    ("padded", "tag"),
    [
        (GOOD, 0),
        (GOOD, 1),
        (GOOD, 0x82),
        (bytes(256), REKEY),
        (b"\x80" + bytes(255), REKEY),  # an empty inner message
        (b"\x01" * 256, REKEY),
        (GOOD[:-1] + b"\x01", REKEY),
        (GOOD + bytes(256), REKEY),  # a bucket that is none
        (GOOD[:-1], REKEY),
        (b"", REKEY),
    ],
)
def test_a_record_that_pulls_can_be_a_failure_and_then_nothing_is_pulled(padded: bytes, tag: int) -> None:
    for way in ways():
        with pytest.raises(way.failure):
            way.open(pushed(way.stream, padded, tag))
        with pytest.raises(way.ended):
            way.open(pushed(way.stream, GOOD, REKEY))


def test_nothing_is_pulled_after_final() -> None:
    for way in ways():
        way.open(pushed(way.stream, GOOD, REKEY))
        way.open(pushed(way.stream, GOOD, FINAL))
        with pytest.raises(way.ended):
            way.open(pushed(way.stream, GOOD, REKEY))
