"""What a stranger may send, and what happens past the limits (protocol.md 5, Records)."""

import random
from collections.abc import Callable

import pytest

from passerby.node import limits
from passerby.node.chat import Chat, ChatState
from passerby.node.chat_events import (
    CloseWrite,
    Effect,
    Leave,
    Malformed,
    PauseReading,
    RecordReceived,
    ResetStream,
    ResumeReading,
    Said,
    Send,
    Show,
    StreamEnded,
    Tick,
)
from passerby.node.events import Ended, EndReason, StrangerTyping
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
    encode,
    record_bytes,
)

REFUSED = [ResetStream(), Ended(EndReason.REFUSED, before_any_text=True)]


def new_chat() -> Chat:
    return Chat(0.0, random.Random(1))


def received(message: Message) -> RecordReceived:
    return RecordReceived(message, record_bytes(encode(message)), isinstance(message, Close))


def exceed(chat: Chat, now: float) -> list[Effect]:
    """Pass the limit of bytes once."""
    effects = chat.handle(RecordReceived(Ignored(0x80), limits.RECEIVE_BYTES), now)
    return effects + chat.handle(RecordReceived(Ignored(0x80), 275), now)


def pauses(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, PauseReading)]


def test_a_text_is_shown_and_acknowledged_in_this_order() -> None:
    chat = new_chat()
    assert chat.handle(received(Text(1, "hi")), 0.0) == [Show(1, "hi")]
    assert chat.handle(Tick(), limits.ACK_LINGER) == [Send(Ack(1))]


@pytest.mark.parametrize("number", [1, 3, 4, 2**32 - 1])
def test_a_gap_or_a_repetition_ends_the_chat(number: int) -> None:
    chat = new_chat()
    chat.handle(received(Text(1, "x")), 0.0)
    effects = chat.handle(received(Text(number, "x")), 0.0)
    assert effects == [ResetStream(), Ended(EndReason.REFUSED)]
    assert chat.state is ChatState.ENDED


@pytest.mark.parametrize(
    "event",
    [
        Malformed(),
        received(Text(2, "not the first")),
        received(Ack(1)),
        received(Hello()),
        RecordReceived(Text(1, "final"), 275, final=True),
        RecordReceived(Ignored(0x80), 275, final=True),
        RecordReceived(Close(CloseReason.LEFT), 275, final=False),
    ],
)
def test_a_broken_rule_resets_the_stream_without_a_word(event: RecordReceived | Malformed) -> None:
    chat = new_chat()
    assert chat.handle(event, 0.0) == REFUSED
    assert chat.handle(received(Text(1, "x")), 0.0) == []
    assert chat.deadline() is None


def test_an_ack_beyond_what_was_sent_ends_the_chat() -> None:
    chat = new_chat()
    chat.handle(Said("x"), 0.0)
    assert chat.handle(received(Ack(2)), 0.0) == [ResetStream(), Ended(EndReason.REFUSED)]


def test_typing_is_told_when_it_changes_and_a_text_ends_it() -> None:
    chat = new_chat()
    assert chat.handle(received(Typing(False)), 0.0) == []
    assert chat.handle(received(Typing(True)), 0.0) == [StrangerTyping(True)]
    assert chat.handle(received(Typing(True)), 0.0) == []
    assert chat.handle(received(Text(1, "x")), 0.0) == [StrangerTyping(False), Show(1, "x")]
    assert chat.handle(received(Typing(False)), 0.0) == []


def test_later_types_are_passed_over() -> None:
    assert new_chat().handle(received(Ignored(0xFF)), 0.0) == []


def test_a_hundred_texts_at_once_are_no_offence_and_one_more_is() -> None:
    chat = new_chat()
    for n in range(1, 101):
        assert not pauses(chat.handle(received(Text(n, "x")), 0.0)), n
    effects = chat.handle(received(Text(101, "x")), 0.0)
    assert effects[:2] == [PauseReading(until=2.0), Show(101, "x")]
    assert chat.deadline() == pytest.approx(limits.ACK_LINGER)  # for the ACK, not for silence
    assert ResumeReading() in chat.handle(Tick(), 2.0)


def test_eight_texts_a_second_are_no_offence() -> None:
    chat = new_chat()
    for n in range(1, 2000):
        assert not pauses(chat.handle(received(Text(n, "x")), n / 8)), n


def test_bytes_count_over_all_records() -> None:
    chat = new_chat()
    full = limits.RECEIVE_BYTES // 4113
    for _ in range(full):
        assert not chat.handle(RecordReceived(Ignored(0x80), 4113), 0.0)
    left = limits.RECEIVE_BYTES - full * 4113
    assert not chat.handle(RecordReceived(Ignored(0x80), left), 9.9)
    assert pauses(chat.handle(RecordReceived(Typing(False), 1), 9.9))


def test_bytes_are_forgotten_after_ten_seconds_and_after_a_strike() -> None:
    chat = new_chat()
    chat.handle(RecordReceived(Ignored(0x80), limits.RECEIVE_BYTES), 0.0)
    assert not chat.handle(RecordReceived(Ignored(0x80), limits.RECEIVE_BYTES), 10.0)
    assert pauses(chat.handle(RecordReceived(Ignored(0x80), 275), 10.0))
    chat.handle(Tick(), 12.0)
    assert not chat.handle(RecordReceived(Ignored(0x80), limits.RECEIVE_BYTES - 275), 12.0)


def flood(chat: Chat, make: Callable[[int], Message]) -> tuple[float, int, list[Effect]]:
    """Send without a rest except where we are not read; return when it ended, after how many records, and how."""
    now = 0.0
    for n in range(1, 100_000):
        effects = chat.handle(received(make(n)), now)
        if chat.state is not ChatState.OPEN:
            return now, n, effects
        for pause in pauses(effects):
            assert isinstance(pause, PauseReading)
            now = pause.until
            chat.handle(Tick(), now)
    raise AssertionError("nothing stops it")


FLOODS: dict[str, Callable[[int], Message]] = {
    "empty texts": lambda n: Text(n, ""),
    "long texts": lambda n: Text(n, "x" * 2000),
    "pings": lambda n: Ping(n.to_bytes(8, "big")),
    "pongs": lambda n: Pong(n.to_bytes(8, "big")),
    "typing": lambda n: Typing(n % 2 == 0),
    "later types": lambda _: Ignored(0xFE),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_stopped_by_the_third_strike(kind: str) -> None:
    chat, make = new_chat(), FLOODS[kind]
    now, records, effects = flood(chat, make)
    assert now == 4.0
    assert records * 275 <= 3 * limits.RECEIVE_BYTES + 3 * 275
    *_, goodbye, half_close, ended = effects
    assert (goodbye, half_close) == (Send(Close(CloseReason.FLOOD), final=True), CloseWrite())
    assert ended == Ended(EndReason.FLOOD, before_any_text=not isinstance(make(1), Text))
    assert chat.handle(StreamEnded(), now) == [ResetStream()]


def test_strikes_are_forgotten_after_sixty_seconds() -> None:
    chat = new_chat()
    for now in (0.0, 30.0, 60.0, 90.0, 120.0):
        assert pauses(exceed(chat, now)), now
        chat.handle(Tick(), now + 2)
    assert not pauses(exceed(chat, 149.0))
    assert chat.state is ChatState.CLOSING


def test_leaving_while_nothing_is_read_reads_on_for_the_goodbye() -> None:
    chat = new_chat()
    exceed(chat, 0.0)
    effects = chat.handle(Leave(), 1.0)
    assert effects[0] == ResumeReading()
    assert effects[-1] == Ended(EndReason.YOU, before_any_text=True)
