"""What an honest sender does: pace, window, typing, pings, acks, a bounded queue (protocol.md 5, Records)."""

import itertools
import random
from collections.abc import Iterable

import pytest

from passerby.crypto.errors import LocalProtocolError
from passerby.node import limits
from passerby.node.chat import Chat, ChatState
from passerby.node.chat_events import (
    Effect,
    Leave,
    QueueFull,
    QueueHasRoom,
    RecordReceived,
    Said,
    Send,
    Tick,
    Typed,
)
from passerby.node.events import Delivered, MessageSent
from passerby.node.messages import Ack, Close, CloseReason, Message, Ping, Pong, Text, Typing, encode, record_bytes
from passerby.node.outbox import CONTROL_BYTES, PINGS_UNANSWERED, UNREAD


def new_chat(now: float = 0.0) -> Chat:
    return Chat(now, random.Random(1))


def received(message: Message) -> RecordReceived:
    return RecordReceived(message, record_bytes(encode(message)), isinstance(message, Close))


def sent(effects: Iterable[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def run(chat: Chat, until: float) -> list[tuple[float, Effect]]:
    """Let time pass; the stranger says nothing."""
    out: list[tuple[float, Effect]] = []
    for _ in range(10_000):
        deadline = chat.deadline()
        if deadline is None or deadline > until:
            return out
        effects = chat.handle(Tick(), deadline)
        out += [(deadline, effect) for effect in effects]
    raise AssertionError("the machine wakes up in vain")


def test_text_is_sent_at_once_and_the_person_is_told_before() -> None:
    assert new_chat().handle(Said("hi"), 0.0) == [MessageSent(1, "hi"), Send(Text(1, "hi"))]


def test_ids_count_from_one() -> None:
    chat = new_chat()
    assert [sent(chat.handle(Said("x"), 0.0)) for _ in range(3)] == [[Text(n, "x")] for n in (1, 2, 3)]


def test_sixteen_texts_go_unacknowledged_and_no_more() -> None:
    chat = new_chat()
    texts = [message for _ in range(30) for message in sent(chat.handle(Said("x"), 0.0))]
    assert len(texts) == 16
    assert not [effect for _, effect in run(chat, 60.0) if isinstance(effect, MessageSent)]
    assert len(sent(chat.handle(received(Ack(3)), 60.0))) == 3


def test_a_burst_of_twenty_then_five_a_second() -> None:
    chat, times = new_chat(), list[float]()
    for _ in range(40):
        chat_effects = chat.handle(Said("x"), 0.0)
        times += [0.0] * len(sent(chat_effects))
    while len(times) < 40:
        now = max(times)
        effects = chat.handle(received(Ack(len(times))), now)
        times += [now for message in sent(effects) if isinstance(message, Text)]
        times += [at for at, effect in run(chat, now + 0.21) if isinstance(effect, MessageSent)]
    assert times[19] == 0.0
    assert times[20:] == pytest.approx([0.2 * n for n in range(1, 21)], abs=1e-5)


def test_forty_eight_kilobytes_in_any_ten_seconds() -> None:
    chat, spent, now = new_chat(), list[tuple[float, int]](), 0.0
    effects = [effect for _ in range(99) for effect in chat.handle(Said("x" * 2000), 0.0)]
    while len(spent) < 99:
        texts = [effect for effect in effects if isinstance(effect, MessageSent)]
        spent += [(now, record_bytes(encode(Text(1, text.text)))) for text in texts]
        effects = chat.handle(received(Ack(len(spent))), now)
        if not effects:
            now = chat.deadline() or 0.0
            effects = chat.handle(Tick(), now)
    worst = max(sum(size for at, size in spent if start <= at < start + 10) for start, _ in spent)
    assert limits.SEND_BYTES - 4115 < worst <= limits.SEND_BYTES
    assert now < 99 * 4115 / limits.SEND_BYTES * 10


def test_unacknowledged_bytes_are_bounded_too() -> None:
    chat = new_chat()
    for _ in range(30):
        chat.handle(Said("x" * 2000), 0.0)
    run(chat, 80.0)
    assert len(chat.unacknowledged) == limits.SEND_BYTES // 4115


def test_what_cannot_go_waits_in_a_bounded_queue() -> None:
    chat, effects = new_chat(), list[Effect]()
    for n in range(116):
        assert not [effect for effect in effects if isinstance(effect, QueueFull)], n
        effects = chat.handle(Said(str(n)), 0.0)
    assert effects == [QueueFull()]
    with pytest.raises(LocalProtocolError):
        chat.handle(Said("one too many"), 0.0)
    assert QueueHasRoom() in chat.handle(received(Ack(1)), 0.0)
    assert QueueFull() in chat.handle(Said("again"), 0.0)
    assert chat.queued[-1] == "again"


def test_a_text_past_the_limits_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        new_chat().handle(Said("x" * 2001), 0.0)


def test_an_ack_tells_of_every_id_once() -> None:
    chat = new_chat()
    for _ in range(4):
        chat.handle(Said("x"), 0.0)
    assert chat.handle(received(Ack(3)), 1.0) == [Delivered(1), Delivered(2), Delivered(3)]
    assert chat.handle(received(Ack(3)), 1.0) == []
    assert chat.handle(received(Ack(2)), 1.0) == []
    assert [text.id for text in chat.unacknowledged] == [4]


def test_typing_is_sent_once_per_two_seconds_and_the_last_state_wins() -> None:
    chat = new_chat()
    assert sent(chat.handle(Typed(True), 0.0)) == [Typing(True)]
    assert chat.handle(Typed(False), 0.1) == []
    assert chat.handle(Typed(True), 0.2) == []
    assert chat.handle(Typed(False), 0.3) == []
    assert chat.deadline() == 2.0
    assert sent(chat.handle(Tick(), 2.0)) == [Typing(False)]
    assert chat.handle(Typed(True), 2.1) == []
    assert chat.handle(Typed(False), 2.2) == []
    assert run(chat, 19.0) == []


def test_a_text_ends_typing_without_a_word() -> None:
    chat = new_chat()
    chat.handle(Typed(True), 0.0)
    assert sent(chat.handle(Said("hi"), 1.0)) == [Text(1, "hi")]
    assert run(chat, 19.0) == []
    assert sent(chat.handle(Typed(True), 19.0)) == [Typing(True)]


def test_typing_waits_while_the_path_does_not_answer() -> None:
    chat = new_chat()
    [(at, effect)] = run(chat, 31.0)
    assert isinstance(effect, Send)
    assert isinstance(effect.message, Ping)
    assert chat.handle(Typed(True), at + 1) == []
    assert sent(chat.handle(received(Pong(effect.message.nonce)), at + 2)) == [Typing(True)]


def test_pings_come_at_changing_distances_of_twenty_to_thirty_seconds() -> None:
    chat, beats = new_chat(), [0.0]
    for _ in range(30):
        beats.append(chat.deadline() or 0.0)
        [ping] = sent(chat.handle(Tick(), beats[-1]))
        assert isinstance(ping, Ping)
        chat.handle(received(Pong(ping.nonce)), beats[-1])
    distances = [later - earlier for earlier, later in itertools.pairwise(beats)]
    assert all(20 <= distance <= 30 for distance in distances)
    assert max(distances) - min(distances) > 5


def test_a_pong_answers_the_pings_before_it_and_a_strange_one_nothing() -> None:
    chat, now = new_chat(), 0.0
    pings: list[Message] = []
    for _ in range(9):
        now = chat.deadline() or 0.0
        pings += sent(chat.handle(Tick(), now))
        chat.handle(received(Pong(b"whatever")), now)
    assert len(pings) == PINGS_UNANSWERED
    last = pings[-1]
    assert isinstance(last, Ping)
    chat.handle(received(Pong(last.nonce)), now)
    assert [type(effect) for _, effect in run(chat, now + 30)] == [Send]


def test_a_ping_is_answered_and_many_at_once_by_the_last() -> None:
    chat = new_chat()
    assert sent(chat.handle(received(Ping(b"00000001")), 0.0)) == [Pong(b"00000001")]
    assert chat.handle(received(Ping(b"00000002")), 0.1) == []
    assert chat.handle(received(Ping(b"00000003")), 0.2) == []
    assert [(at, sent([effect])) for at, effect in run(chat, 19.0)] == [(2.0, [Pong(b"00000003")])]


def test_an_ack_lingers_for_a_text_and_goes_along_with_it() -> None:
    chat = new_chat()
    assert sent(chat.handle(received(Text(1, "x")), 0.0)) == []
    assert sent(chat.handle(Said("y"), 0.001)) == [Ack(1), Text(1, "y")]
    assert sent(chat.handle(received(Text(2, "x")), 1.0)) == []
    assert chat.deadline() == pytest.approx(1.0 + limits.ACK_LINGER)
    assert sent(chat.handle(received(Text(3, "x")), 1.0 + limits.ACK_LINGER)) == [Ack(3)]


def test_of_many_only_the_last_is_acknowledged() -> None:
    chat = new_chat()
    for n in range(1, 41):
        assert sent(chat.handle(received(Text(n, "x")), 0.0)) == []
    assert [(at, sent([effect])) for at, effect in run(chat, 19.0)] == [(limits.ACK_LINGER, [Ack(40)])]


def test_acks_keep_a_pace() -> None:
    chat = new_chat()
    moments = [n * 2 * limits.ACK_LINGER for n in range(60)]
    acks = [ack for n, at in enumerate(moments) for ack in sent(chat.handle(received(Text(n + 1, "x")), at))]
    earned = int(limits.SEND_RATE * moments[-1])
    assert limits.SEND_BURST <= len(acks) <= limits.SEND_BURST + earned
    [(_, effect)] = run(chat, 19.0)
    assert effect == Send(Ack(60))


def test_the_goodbye_does_not_overtake_an_ack() -> None:
    chat = new_chat()
    for n in range(1, 31):
        chat.handle(received(Text(n, "x")), 0.0)
    effects = chat.handle(Leave(), 0.0)
    assert effects[:2] == [Send(Ack(30)), Send(Close(CloseReason.LEFT), final=True)]


@pytest.mark.parametrize("hostile", ["texts", "pings"])
def test_who_never_reads_cannot_fill_our_memory(hostile: str) -> None:
    """A stranger that sends at a lawful pace for an hour, answers nothing and takes nothing off the wire."""
    chat, now, written = new_chat(), 0.0, 0
    for n in range(1, 4_000):
        now += 0.9
        message = Text(n, "x") if hostile == "texts" else Ping(n.to_bytes(8, "big"))
        effects = chat.handle(received(message), now)
        if len(chat.queued) < 99:
            effects += chat.handle(Said("x" * 2000), now)
        effects += chat.handle(Typed(n % 2 == 0), now)
        assert now < (chat.deadline() or 0.0)
        written += sum(record_bytes(encode(message)) for message in sent(effects))
    assert chat.state is ChatState.OPEN
    assert UNREAD * CONTROL_BYTES < written < limits.STREAM_BUFFER
