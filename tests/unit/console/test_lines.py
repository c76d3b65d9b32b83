"""A line of stdin ends with LF only; whatever the chunks, nothing else breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.console.lines import LINE_BYTES, TOO_LONG, LineBuffer


def lines(*chunks: bytes) -> list[bytes | None]:
    buffer = LineBuffer()
    return [line for chunk in chunks for line in buffer.feed(chunk)] + buffer.end()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\r\n", [b"a", b"b\r"]),
        (b"\n\r\n", [b"", b""]),
        (b"a\rb\x0bc\x0cd\n", [b"a\rb\x0bc\x0cd"]),
        ("a\u0085b\u2028c\n".encode(), ["a\u0085b\u2028c".encode()]),
        (b"a\nunfinished", [b"a", b"unfinished"]),
        (b"unfinished\r", [b"unfinished\r"]),
        (b"\xff\xfe\n", [b"\xff\xfe"]),
    ],
)
def test_ends(given: bytes, meant: list[bytes | None]) -> None:
    assert lines(given) == meant


@given(st.binary(max_size=80), st.lists(st.integers(1, 7), min_size=1))
def test_chunks_do_not_matter(content: bytes, sizes: list[int]) -> None:
    chunks: list[bytes] = []
    rest, turn = content, 0
    while rest:
        size = sizes[turn % len(sizes)]
        chunks.append(rest[:size])
        rest, turn = rest[size:], turn + 1
    assert lines(*chunks) == lines(content)
    assert b"\n".join(line or b"" for line in lines(content)).replace(b"\r", b"") == content.removesuffix(
        b"\n"
    ).replace(b"\r", b"")


def test_a_line_of_any_length_holds_no_more_than_the_limit() -> None:
    buffer = LineBuffer()
    assert buffer.feed(b"x" * LINE_BYTES) == []
    for _ in range(100):
        assert buffer.feed(b"y" * LINE_BYTES) == []
    assert buffer.feed(b"\nnext\n") == [TOO_LONG, b"next"]


def test_the_longest_line_is_whole_and_one_byte_more_is_not() -> None:
    assert lines(b"x" * LINE_BYTES + b"\n") == [b"x" * LINE_BYTES]
    assert lines(b"x" * LINE_BYTES + b"y\n") == [TOO_LONG]
    assert lines(b"x" * LINE_BYTES, b"y") == [TOO_LONG]
