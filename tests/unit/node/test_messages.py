"""Inner messages: one value, one encoding; whatever is not exactly a message is refused (protocol.md 5, Records)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.records import LEGAL_RECORD_LENGTHS, Sealer
from passerby.node.messages import (
    Ack,
    Close,
    CloseReason,
    Hello,
    Ignored,
    Message,
    Ping,
    Pong,
    Text,
    Typing,
    decode,
    encode,
    record_bytes,
)

ids = st.integers(1, 2**32 - 1)
nonces = st.binary(min_size=8, max_size=8)
interests = st.text(min_size=1, max_size=48).filter(lambda text: len(text.encode()) <= 48)
hellos = st.builds(
    Hello,
    st.booleans(),
    st.text(st.characters(codec="ascii"), max_size=8),
    st.none() | st.binary(min_size=38, max_size=38),
    st.lists(interests, max_size=8).map(tuple),
)
fixed: st.SearchStrategy[Message] = st.one_of(
    st.builds(Typing, st.booleans()),
    st.builds(Close, st.sampled_from(CloseReason)),
    st.builds(Ping, nonces),
    st.builds(Pong, nonces),
    st.builds(Ack, ids),
    hellos,
)
texts = st.builds(Text, ids, st.text(max_size=1000))
messages: st.SearchStrategy[Message] = st.one_of(fixed, texts, st.builds(Ignored, st.integers(0x80, 0xFF)))


@given(messages)
def test_what_was_encoded_is_decoded(message: Message) -> None:
    assert decode(encode(message)) == message


@given(fixed, st.data())
def test_every_prefix_is_refused(message: Message, data: st.DataObject) -> None:
    inner = encode(message)
    with pytest.raises(RemoteProtocolError):
        decode(inner[: data.draw(st.integers(0, len(inner) - 1))])


@given(fixed, st.binary(min_size=1, max_size=64))
def test_every_extension_is_refused(message: Message, more: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(encode(message) + more)


@given(st.binary(max_size=600))
def test_bytes_are_one_message_or_none(inner: bytes) -> None:
    try:
        message = decode(inner)
    except RemoteProtocolError:
        return
    if not isinstance(message, Ignored | Hello):  # the two doors: later types, later flags
        assert encode(message) == inner


@pytest.mark.parametrize(
    ("message", "inner"),
    [
        (Text(1, "hé"), "01 00000001 68c3a9"),
        (Text(0xFFFFFFFF, ""), "01 ffffffff"),
        (Typing(True), "02 01"),
        (Typing(False), "02 00"),
        (Close(CloseReason.SAFETY), "03 03"),
        (Ping(b"12345678"), "04 3132333435363738"),
        (Pong(b"12345678"), "05 3132333435363738"),
        (Ack(258), "06 00000102"),
        (Hello(), "07 00 00 00 00"),
        (Hello(True, "pt-BR", b"r" * 38, ("go", "é")), "07 01 05 70742d4252 26" + "72" * 38 + "02 02 676f 02 c3a9"),
        (Ignored(0x80), "80"),
    ],
)
def test_the_bytes_are_those_of_the_protocol(message: Message, inner: str) -> None:
    assert encode(message) == bytes.fromhex(inner)


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "00",
        "08",
        "7f",
        "01",
        "01 000001",
        "01 00000000 61",
        "01 00000001 ff",
        "01 00000001 eda080",  # a lone surrogate
        "01 00000001 c080",  # an overlong NUL
        "01 00000001 " + "61" * 2001,
        "01 00000001 " + "c3a9" * 2000 + "61",
        "02 02",
        "03 04",
        "06 00000000",
        "07 00 09" + "61" * 9 + "00 00",
        "07 00 02 c3a9 00 00",
        "07 00 00 01 61 00",
        "07 00 00 25" + "00" * 37 + "00",
        "07 00 00 27" + "00" * 39 + "00",
        "07 00 00 00 09" + "01 61" * 9,
        "07 00 00 00 01 00",
        "07 00 00 00 01 31" + "61" * 49,
        "07 00 00 00 01 01 ff",
    ],
)
def test_what_is_no_message_is_refused(inner: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(bytes.fromhex(inner))


def test_texts_at_their_limits_pass() -> None:
    for text in ("a" * 2000, "é" * 2000, "\U0001f600" * 1000):
        assert decode(encode(Text(1, text))) == Text(1, text)


def test_later_types_and_flags_are_passed_over() -> None:
    assert decode(b"\xff" + b"anything") == Ignored(0xFF)
    assert decode(bytes.fromhex("07 ff 00 00 00")) == Hello(bot=True)
    assert decode(bytes.fromhex("07 fe 00 00 00")) == Hello()


@pytest.mark.parametrize(
    "message",
    [
        Text(0, "a"),
        Text(2**32, "a"),
        Text(1, "\ud800"),
        Text(1, "a" * 2001),
        Ping(b"1234567"),
        Hello(lang="é"),
        Hello(lang="123456789"),
        Hello(relay=b""),
        Hello(interests=("a" * 300,)),
        Ignored(0x02),
        Ignored(0x300),
    ],
)
def test_what_may_not_be_sent_is_our_fault(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        encode(message)


@pytest.mark.parametrize("length", [1, 254, 255, 256, 1023, 1024, 4005])
def test_the_size_of_a_record_is_known_before_it_is_sealed(length: int) -> None:
    record = Sealer(bytes(32)).seal(bytes(length))
    assert record_bytes(bytes(length)) == len(record)
    assert len(record) - 2 in LEGAL_RECORD_LENGTHS
