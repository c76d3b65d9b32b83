"""Write chat.json anew: ``python tests/vectors/make_chat.py``.

What docs/protocol.md 5.10 to 5.12 shows: each inner message, and one direction of a short chat record by record, with
the state of the secretstream before each. Key and header are those of the handshake "anybody" in pby1.json. Bytes are
hexadecimal; fields have the names of the document.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from nacl import bindings

from passerby.crypto.records import BUCKETS, OVERHEAD
from passerby.node.messages import Ack, Close, CloseReason, Hello, Message, Ping, Pong, Text, Typing, encode

FILE: Final = Path(__file__).with_name("chat.json")
HANDSHAKE: Final = "anybody"
MESSAGES: Final[dict[str, Message]] = {
    "text": Text(1, "Grüß dich! 👋"),
    "typing": Typing(True),
    "close": Close(CloseReason.LEFT),
    "ping": Ping(bytes.fromhex("0123456789abcdef")),
    "pong": Pong(bytes.fromhex("0123456789abcdef")),
    "ack": Ack(1),
    "hello": Hello(),
    "full hello": Hello(bot=True, lang="eo", interests=("chess", "संगीत")),
}
CHAT: Final = (("hello", 1024), ("text", 256), ("close", 256))


def records() -> Generator[dict[str, Any]]:
    """Seal the chat's messages one by one, and look at the state before each."""
    handshakes = json.loads(FILE.with_name("pby1.json").read_text(encoding="utf-8"))["handshakes"]
    keys = next(case for case in handshakes if case["name"] == HANDSHAKE)
    # a stream opened for pulling stands where one that began with this header for pushing would stand
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header, key = bytes.fromhex(keys["hdr_I"]), bytes.fromhex(keys["K"]["i2r"])
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    for name, bucket in CHAT:
        yield {"message": name, **snapshot(state), **sealed(state, name, bucket)}


def snapshot(state: bindings.crypto_secretstream_xchacha20poly1305_state) -> dict[str, bytes]:
    raw = bytes(state.statebuf)  # untyped in PyNaCl  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return {"k": raw[:32], "c": raw[32:36], "i": raw[36:44]}


def sealed(state: bindings.crypto_secretstream_xchacha20poly1305_state, name: str, bucket: int) -> dict[str, Any]:
    inner = encode(MESSAGES[name])
    assert bucket in BUCKETS
    length = (bucket + OVERHEAD).to_bytes(2, "big")
    final, rekey = (
        bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
        bindings.crypto_secretstream_xchacha20poly1305_TAG_REKEY,
    )
    tag = final if name == "close" else rekey
    padded = bindings.sodium_pad(inner, bucket)
    ciphertext = bindings.crypto_secretstream_xchacha20poly1305_push(state, padded, length, tag)
    return {"inner": inner, "tag": bytes((tag,)), "record": length + ciphertext}


def document() -> str:
    """Return the text of the file."""
    content = {
        "inner": {name: encode(message) for name, message in MESSAGES.items()},
        "handshake": HANDSHAKE,
        "i2r": list(records()),
    }
    return json.dumps(content, default=bytes.hex, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
