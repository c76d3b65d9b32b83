"""Text is cleaned on the way out and again on the way in, by the same rules; what cannot be sent is refused."""

import pytest
import trio

from passerby.node.text import clean
from support.people import settings
from support.programs import chat
from support.rawpeer import RawChat, raw_peer

pytestmark = pytest.mark.usefixtures("consented")
PATIENCE = 60.0

HOSTILE = {
    "escape sequences": "a\x1b[2J\x1b]0;owned\x07b\x9b31mc",
    "a title and a clipboard": "\x1b]52;c;Zm9v\x07x",
    "bidi overrides": "safe\u202egnp.exe\u2066hidden\u2069",
    "zalgo": "z" + "\u0335\u0321\u0334\u0322\u0353\u0336" * 20 + "algo",
    "lines that look like ours": "hello\r\nYou: I said that\u2028* Stranger left.\x85",
    "invisible characters": "pass\u200bword\u2060\ufeff\U000e0041",
    "private and unassigned": "a\ue000b\U000f0000c\u0378",
}
BENIGN = {
    "a family": "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🇮🇩 1️⃣",
    "Hindi": "नमस्ते, आप कैसे हैं? क्षत्रिय",
    "Hebrew": "שָׁלוֹם, מה שלומך?",
    "Persian": "می‌خواهم",
    "as long as it gets": "ü" * 2_000,
}


@pytest.mark.parametrize("text", [*HOSTILE.values(), *BENIGN.values()], ids=[*HOSTILE, *BENIGN])
async def test_received_text_is_clean_although_the_stranger_cleans_nothing(text: str) -> None:
    async def talk(raw: RawChat) -> None:
        raw.say(1, text.encode())
        assert await raw.hear() == "seen"

    with trio.fail_after(PATIENCE):
        async with raw_peer(settings(), talk), chat() as program:
            assert await program.hear(1) == [clean(text).strip()]
            await program.write("seen")
            await program.expect("ended")


async def test_sent_text_is_clean_and_said_to_be() -> None:
    heard: list[str] = []

    async def talk(raw: RawChat) -> None:
        while len(heard) < len(HOSTILE) + len(BENIGN):
            heard.append(await raw.hear())

    with trio.fail_after(PATIENCE):
        async with raw_peer(settings(), talk), chat() as program:
            await program.expect("matched")
            texts = [text.replace("\n", " ") for text in (*HOSTILE.values(), *BENIGN.values())]
            await program.write(*texts)
            await program.expect("ended")
            assert heard == [clean(text) for text in texts]
            warnings = [line["code"] for line in program.all("warning")]
            assert warnings == ["cleaned"] * len(HOSTILE)


async def test_what_cannot_be_sent_is_refused_and_nothing_else_happens() -> None:
    async def talk(raw: RawChat) -> None:
        assert await raw.hear() == "only this"

    with trio.fail_after(PATIENCE):
        async with raw_peer(settings(), talk), chat() as program:
            await program.expect("matched")
            await program.write("x" * 2_001, "€" * 1_400, b"\xff\xfe", "\x1b\x07", "only this")
            await program.expect("ended")
            codes = [line["code"] for line in program.all("warning")]
            assert codes == ["too-long", "too-long", "not-utf8", "empty"]
            assert all(line["text"] for line in program.all("warning"))


BROKEN: dict[str, bytes] = {
    "a record of an illegal length": b"\x00\x07garbage",
    "a record that does not open": b"\x01\x11" + bytes(273),
}


@pytest.mark.parametrize("garbage", BROKEN.values(), ids=BROKEN)
async def test_a_broken_record_ends_the_chat_and_not_the_program(garbage: bytes) -> None:
    async def talk(raw: RawChat) -> None:
        raw.send_bytes(garbage)
        with pytest.raises((EOFError, trio.BrokenResourceError)):
            await raw.receive()

    with trio.fail_after(PATIENCE):
        async with raw_peer(settings(), talk), chat() as program:
            assert (await program.expect("ended"))["reason"] == "refused"
            await program.write("/next")
            await program.state("searching", "empty")
            assert program.errors == b""


@pytest.mark.parametrize(
    "inner",
    [
        b"\x07",
        b"\x08",
        b"\x01\x00\x00\x00\x02gap",
        b"\x01\x00\x00\x00\x01\xff\xfe",
        b"\x06\x00\x00\x00\x09",
        b"\x02\x02",
    ],
    ids=["second HELLO", "unknown type", "a gap in ids", "no UTF-8", "acknowledges what was not sent", "no such flag"],
)
async def test_a_broken_message_ends_the_chat_and_not_the_program(inner: bytes) -> None:
    async def talk(raw: RawChat) -> None:
        raw.send(inner)
        with pytest.raises((EOFError, trio.BrokenResourceError)):
            await raw.receive()

    with trio.fail_after(PATIENCE):
        async with raw_peer(settings(), talk), chat("--once") as program:
            assert (await program.expect("ended"))["reason"] == "refused"
            assert await program.exit_code() == 7
            assert program.errors == b""
