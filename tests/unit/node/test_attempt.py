"""An attempt: two joined in memory reach the same session, and each message has one place (protocol.md 4.2, 5)."""

import pytest

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import Binding, RefusalCode, frame, refusal
from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery.limits import STAMP_MOST_BITS
from passerby.node.attempt import BUSY, NO_COMMON_VERSION, Attempt, Inbound, Outbound, Record, stamp_wanted
from passerby.node.messages import Hello, Text, encode
from passerby.node.slot import (
    Answered,
    FirstMessage,
    GoodConfirmation,
    GoodHello,
    GoodProof,
    GoodReply,
    Refused,
)

ONE, OTHER = peer_id_of(b"\x01" * 32), peer_id_of(b"\x02" * 32)
BINDING = Binding("test", ONE, OTHER, b"\x03" * 32)
PLAIN = Hello()
ROOM, TAG = b"\x04" * 32, b""
PREFIX = 2


STAMP = bytes(range(16))


def outbound(hello: Hello = PLAIN, stamp: bytes | None = None) -> Outbound:
    return Outbound(1, BINDING, hello, room=ROOM, tag=TAG, stamp=stamp)


def inbound(hello: Hello = PLAIN, room: bytes = ROOM) -> Inbound:
    return Inbound(2, BINDING, hello, tag_of={room: TAG}.get)


def deliver(framed: bytes, to: Attempt) -> list[object]:
    """Hand framed messages over as a reader would: length first."""
    facts: list[object] = []
    while framed:
        length = int.from_bytes(framed[:PREFIX], "big")
        to.check(length)
        body, framed = framed[PREFIX : PREFIX + length], framed[PREFIX + length :]
        facts.append(to.receive(body))
    return facts


def shake(caller: Outbound, called: Inbound) -> None:
    """Go through the whole handshake."""
    assert deliver(caller.first(), called) == [FirstMessage(2, called.order)]
    assert deliver(called.reply(), caller) == [GoodReply(1)]
    (proved,) = deliver(caller.proof(), called)
    confirmed, hello = deliver(called.confirmation_and_hello(), caller)
    assert isinstance(proved, GoodProof)
    assert isinstance(confirmed, GoodConfirmation)
    assert confirmed.transcript == proved.transcript
    assert hello == GoodHello(1)
    assert deliver(caller.hello(), called) == [GoodHello(2)]


def test_both_reach_one_session_and_know_each_others_hello() -> None:
    caller, called = outbound(Hello(bot=True)), inbound(Hello(lang="en"))
    shake(caller, called)
    assert caller.meeting.theirs == Hello(lang="en")
    assert called.meeting.theirs == Hello(bot=True)
    assert caller.meeting.session.words == called.meeting.session.words
    assert caller.order == called.order
    record = caller.meeting.session.sealer.seal(encode(Text(1, "hi")))
    assert called.meeting.session.opener.open(len(record) - PREFIX, record[PREFIX:]) == (encode(Text(1, "hi")), False)


def test_a_refusal_is_a_fact_and_no_failure() -> None:
    caller = outbound()
    caller.first()
    assert deliver(BUSY, caller) == [Refused(1, RefusalCode.BUSY)]


def asked_for(difficulty: int, caller: Outbound) -> int | None:
    caller.first()
    assert deliver(stamp_wanted(difficulty), caller) == [Refused(1, RefusalCode.STAMP)]
    return caller.price


@pytest.mark.parametrize("difficulty", [0, 4, STAMP_MOST_BITS])
def test_the_price_of_coming_again_is_told(difficulty: int) -> None:
    assert asked_for(difficulty, outbound()) == difficulty


@pytest.mark.parametrize("difficulty", [STAMP_MOST_BITS + 1, 255])
def test_no_price_is_paid_that_nobody_honest_asks(difficulty: int) -> None:
    assert asked_for(difficulty, outbound()) is None


def test_nobody_pays_twice() -> None:
    assert asked_for(4, outbound(stamp=STAMP)) is None


def test_busy_has_no_price() -> None:
    caller = outbound()
    caller.first()
    deliver(BUSY, caller)
    assert caller.price is None


@pytest.mark.parametrize("stamp", [None, STAMP])
def test_the_stamp_is_seen_by_who_is_called(stamp: bytes | None) -> None:
    caller, called = outbound(stamp=stamp), inbound()
    shake(caller, called)
    assert called.stamp == stamp


def test_both_ends_know_between_whom_a_stamp_is_good() -> None:
    asked = Parties(Personal.CHAT, BINDING.channel_binding, asker=OTHER, payer=ONE)
    assert outbound().parties == inbound().parties == asked


def test_no_common_version_is_answered() -> None:
    called = inbound()
    body = bytearray(outbound().first()[PREFIX:])
    body[5] = 200  # the one version it speaks
    assert called.receive(bytes(body)) == Answered(2)
    assert frame(refusal(RefusalCode.VERSION)) == NO_COMMON_VERSION


def test_a_room_in_which_we_have_no_ticket_is_a_failure() -> None:
    with pytest.raises(RemoteProtocolError):
        deliver(outbound().first(), inbound(room=b"\x05" * 32))


@pytest.mark.parametrize("attempt", [outbound(), inbound()])
def test_a_length_is_judged_before_the_body(attempt: Attempt) -> None:
    with pytest.raises(RemoteProtocolError):
        attempt.check(0xFFFF)


def test_after_the_handshake_lengths_are_those_of_records() -> None:
    caller, called = outbound(), inbound()
    shake(caller, called)
    assert caller.expects is Record.HELLO
    caller.check(1041)
    with pytest.raises(RemoteProtocolError):
        caller.check(120)


def at_hello() -> tuple[Inbound, Outbound]:
    """Return both just before the caller's HELLO."""
    caller, called = outbound(), inbound()
    deliver(caller.first(), called)
    deliver(called.reply(), caller)
    deliver(caller.proof(), called)
    deliver(called.confirmation_and_hello(), caller)
    return called, caller


@pytest.mark.parametrize(
    ("inner", "bucket", "final"),
    [
        (encode(Text(1, "too early")), 1024, False),
        (encode(Hello()), 256, False),
        (encode(Hello()), 4096, False),
        (encode(Hello()), 1024, True),
        (b"\x07", 1024, False),
    ],
    ids=["text", "small bucket", "large bucket", "final", "malformed"],
)
def test_the_first_record_is_hello_in_its_one_size(inner: bytes, bucket: int, final: bool) -> None:
    called, caller = at_hello()
    record = caller.meeting.session.sealer.seal(inner, minimum_bucket=bucket, final=final)
    with pytest.raises(RemoteProtocolError):
        deliver(record, called)


def test_hello_is_read_once() -> None:
    called, caller = at_hello()
    deliver(caller.hello(), called)
    with pytest.raises(LocalProtocolError):
        deliver(caller.hello(), called)


def test_nothing_out_of_order() -> None:
    with pytest.raises(LocalProtocolError):
        inbound().reply()
    with pytest.raises(LocalProtocolError):
        outbound().hello()
    with pytest.raises(LocalProtocolError):
        _ = outbound().meeting
    called, _ = at_hello()
    with pytest.raises(LocalProtocolError):
        _ = called.meeting


def test_a_record_before_there_is_a_session_cannot_be_read() -> None:
    caller = outbound()
    caller.expects = Record.HELLO
    with pytest.raises(LocalProtocolError):
        caller.receive(bytes(1041))
    called = inbound()
    called.expects = Record.HELLO
    with pytest.raises(LocalProtocolError):
        called.receive(bytes(1041))
