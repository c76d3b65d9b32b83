"""How a chat ends and what the person is told: leaving, goodbyes, lost lines, silence, end of input (protocol.md 5)."""

import random

import pytest

from passerby.node import limits
from passerby.node.chat import Chat, ChatState
from passerby.node.chat_events import (
    CloseWrite,
    Effect,
    Event,
    Leave,
    Malformed,
    NoMoreInput,
    PauseReading,
    Reading,
    RecordReceived,
    ResetStream,
    Said,
    Send,
    StreamEnded,
    Tick,
    Typed,
)
from passerby.node.events import Delivered, Ended, EndReason
from passerby.node.messages import Ack, Close, CloseReason, Ignored, Ping, Text

LEFT = RecordReceived(Close(CloseReason.LEFT), 275, final=True)
GOODBYE: list[Effect] = [Send(Close(CloseReason.LEFT), final=True), CloseWrite()]


def new_chat() -> Chat:
    return Chat(0.0, random.Random(1))


def run(chat: Chat, until: float) -> list[tuple[float, Effect]]:
    out: list[tuple[float, Effect]] = []
    while (deadline := chat.deadline()) is not None and deadline <= until:
        out += [(deadline, effect) for effect in chat.handle(Tick(), deadline)]
    return out


def ends(effects: list[tuple[float, Effect]]) -> list[tuple[float, EndReason]]:
    return [(at, effect.reason) for at, effect in effects if isinstance(effect, Ended)]


def test_leaving_says_goodbye_and_is_told_at_once() -> None:
    chat = new_chat()
    assert chat.handle(Leave(), 5.0) == [*GOODBYE, Ended(EndReason.YOU, before_any_text=True)]
    assert chat.state is ChatState.CLOSING
    assert chat.deadline() == 7.0


def test_after_the_goodbye_everything_is_dropped_until_the_stream_ends() -> None:
    chat = new_chat()
    chat.handle(Leave(), 5.0)
    dropped: list[Event] = [
        RecordReceived(Text(1, "x"), 275),
        Malformed(),
        LEFT,
        Leave(),
        Said("x"),
        Typed(True),
        Tick(),
    ]
    for event in dropped:
        assert chat.handle(event, 6.9) == []
    assert chat.handle(StreamEnded(), 6.9) == [ResetStream()]
    assert (chat.state, chat.deadline()) == (ChatState.ENDED, None)
    assert chat.handle(StreamEnded(), 6.9) == []


def test_a_stream_that_stays_open_after_the_goodbye_is_reset_after_two_seconds() -> None:
    chat = new_chat()
    chat.handle(Leave(), 5.0)
    assert run(chat, 100.0) == [(7.0, ResetStream())]
    assert chat.state is ChatState.ENDED


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (CloseReason.LEFT, EndReason.LEFT),
        (CloseReason.FLOOD, EndReason.FLOOD),
        (CloseReason.LIMIT, EndReason.LEFT),
        (CloseReason.SAFETY, EndReason.LEFT),
    ],
)
def test_the_strangers_goodbye_is_told_and_answered_by_a_half_close(reason: CloseReason, told: EndReason) -> None:
    chat = new_chat()
    effects = chat.handle(RecordReceived(Close(reason), 275, final=True), 1.0)
    assert effects == [CloseWrite(), Ended(told, before_any_text=True)]
    assert run(chat, 100.0) == [(3.0, ResetStream())]


def test_a_stream_that_ends_without_a_goodbye_is_lost() -> None:
    assert new_chat().handle(StreamEnded(), 1.0) == [ResetStream(), Ended(EndReason.LOST, before_any_text=True)]


@pytest.mark.parametrize("event", [Said("x"), RecordReceived(Text(1, "x"), 275)])
def test_a_chat_with_any_text_counts_as_one(event: Event) -> None:
    chat = new_chat()
    chat.handle(event, 0.0)
    assert Ended(EndReason.LOST, before_any_text=False) in chat.handle(StreamEnded(), 1.0)


def test_ninety_seconds_of_silence_are_the_end_though_we_ping() -> None:
    chat = new_chat()
    chat.handle(RecordReceived(Ignored(0x80), 275), 7.0)
    effects = run(chat, 200.0)
    assert ends(effects) == [(97.0, EndReason.LOST)]
    pings = [at for at, effect in effects if isinstance(effect, Send) and isinstance(effect.message, Ping)]
    assert len(pings) >= 3


def test_the_clock_of_silence_stops_while_the_shell_does_not_read() -> None:
    chat = new_chat()
    chat.handle(Reading(False), 10.0)
    assert ends(run(chat, 500.0)) == []
    chat.handle(Reading(False), 500.0)
    chat.handle(Reading(True), 600.0)
    chat.handle(Reading(True), 601.0)
    assert ends(run(chat, 1000.0)) == [(680.0, EndReason.LOST)]


def test_the_clock_of_silence_stops_while_we_punish() -> None:
    chat = new_chat()
    chat.handle(RecordReceived(Ignored(0x80), limits.RECEIVE_BYTES), 10.0)
    effects = chat.handle(RecordReceived(Ignored(0x80), 275), 10.0)
    assert effects == [PauseReading(12.0)]
    assert ends(run(chat, 200.0)) == [(102.0, EndReason.LOST)]


def test_end_of_input_with_nothing_to_say_leaves_at_once() -> None:
    assert new_chat().handle(NoMoreInput(), 0.0) == [*GOODBYE, Ended(EndReason.YOU, before_any_text=True)]


def test_end_of_input_waits_for_the_last_acknowledgement() -> None:
    chat = new_chat()
    for _ in range(20):
        chat.handle(Said("x"), 0.0)
    assert chat.handle(NoMoreInput(), 0.0) == []
    assert chat.handle(RecordReceived(Ack(16), 275), 1.0)[:16] == [Delivered(n) for n in range(1, 17)]
    effects = chat.handle(RecordReceived(Ack(20), 275), 2.0)
    assert effects[4:] == [*GOODBYE, Ended(EndReason.YOU)]
    assert (chat.unacknowledged, chat.queued) == ((), ())


def test_end_of_input_waits_thirty_seconds_from_the_last_acknowledgement_at_most() -> None:
    chat = new_chat()
    for n in range(20):
        chat.handle(Said(str(n)), 0.0)
    chat.handle(NoMoreInput(), 0.0)
    chat.handle(RecordReceived(Ack(1), 275), 10.0)
    chat.handle(RecordReceived(Ack(1), 275), 20.0)
    assert ends(run(chat, 100.0)) == [(40.0, EndReason.YOU)]
    assert [text.id for text in chat.unacknowledged] == list(range(2, 18))
    assert chat.queued == ("17", "18", "19")
