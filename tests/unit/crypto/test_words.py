"""Verification words: the right 42 bits, and a table in which no word is taken for another."""

import itertools

import pytest
from wcwidth import wcwidth

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.words import TABLE, verification_emoji, verification_words


def distance(one: str, other: str) -> int:
    """Count the letters to insert, drop or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, compared in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (letter != compared))
    return row[-1]


def test_the_first_42_bits_are_read_from_the_front() -> None:
    values = [1, 2, 4, 8, 16, 32, 63]
    bits = "".join(f"{value:06b}" for value in values) + "1" * (256 - 42)
    key = int(bits, 2).to_bytes(32, "big")
    assert verification_words(key) == tuple(TABLE[value][0] for value in values)
    assert verification_emoji(key) == tuple(TABLE[value][1] for value in values)


def test_every_bit_of_the_42_changes_a_word_and_no_other_bit_does() -> None:
    plain = verification_words(bytes(32))
    for bit in range(256):
        changed = verification_words((1 << 255 - bit).to_bytes(32, "big"))
        assert sum(a != b for a, b in zip(plain, changed, strict=True)) == (bit < 42)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_the_key_has_32_bytes(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        verification_words(bytes(size))


def test_64_words_and_64_emoji() -> None:
    assert len(TABLE) == len({word for word, _ in TABLE}) == len({emoji for _, emoji in TABLE}) == 64
    assert all(word.isascii() and word.islower() and 3 <= len(word) <= 10 for word, _ in TABLE)


def test_no_word_is_taken_for_another() -> None:
    for (one, _), (other, _) in itertools.combinations(TABLE, 2):
        assert one[:3] != other[:3]
        assert distance(one, other) >= 3, (one, other)


def test_each_emoji_is_one_code_point_two_cells_wide() -> None:
    assert all(len(emoji) == 1 and wcwidth(emoji, unicode_version="11.0.0") == 2 for _, emoji in TABLE)
