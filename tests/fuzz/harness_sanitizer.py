"""Text of strangers and of users: clean, admit, label, wrap (security.md 3.1-6)."""

import unicodedata
from typing import Final

from passerby.node.limits import TEXT_BYTES, TEXT_CODE_POINTS
from passerby.node.text import Admitted, admit, clean, label
from passerby.node.wrapping import MAX_ROWS, rows_behind

MAX_BYTES: Final = 300  # more than forty rows on a narrow screen; the exact limits are unit tests
_GONE: Final = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
_PREFIX: Final = "Stranger: "


def seeds() -> list[bytes]:
    texts = (
        "Hello, how are you?",
        "\x1b]0;owned\x07\x9b2J\r\n* Stranger left.\u2028",
        "שָׁלוֹם, می\u200cخواهم, नमस्ते, น้ำ, 한글 \u1112\u1161\u11ab",
        "👨‍👩‍👧‍👦 🇫🇷 👍🏽 1️⃣ 🏴\U000e0067\U000e0062\U000e007f",
        "e" + "\u0301" * 30 + "\u202eevil\u2066\u2800\u3164",
        "日本語 " * 25,
    )
    return [bytes((60,)) + text.encode() for text in texts] + [b"\x0a\xff\xed\xa0\x80"]


def execute(data: bytes) -> None:
    columns = 4 + data[0] % 120 if data else 80
    raw = data[1:]
    text = raw.decode("utf-8", "surrogatepass") if _is_generous_utf8(raw) else raw.decode("latin-1")
    _check_clean(text)
    _check_rows(text, columns)
    made = label(text, columns)
    assert len(made) <= columns
    assert label(made, columns) == made
    verdict = admit(raw)
    if isinstance(verdict, Admitted):
        assert clean(verdict.text) == verdict.text
        assert len(verdict.text) <= TEXT_CODE_POINTS
        assert len(verdict.text.encode()) <= TEXT_BYTES


def _is_generous_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _check_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= len(text)
    assert all(unicodedata.category(char) not in _GONE for char in cleaned)


def _check_rows(text: str, columns: int) -> None:
    first, *others = rows_behind(_PREFIX, text, columns)
    assert first.startswith(_PREFIX.rstrip())
    assert len(others) <= MAX_ROWS
    assert all(row.startswith(" ") for row in others)
