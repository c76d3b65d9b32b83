"""Codes of private lobbies: one tag for everybody who knows the code, and a code that nobody guesses."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.words import TABLE
from passerby.discovery.lobbycodes import (
    CODE_BYTES,
    CODE_WORDS,
    Slip,
    argon2id,
    code_work,
    is_weak,
    new_code,
    read_code,
    slip,
)
from passerby.discovery.tags import TagError

CODE = "suitcase parrot crown tent hedgehog diamond squid puzzle wolf"


def free(password: bytes, salt: bytes) -> bytes:
    assert len(salt) == 16
    return hashlib.blake2b(password, salt=salt, digest_size=32).digest()


def test_the_real_work_gives_the_bytes_of_the_specification() -> None:
    tag = code_work("A  b", "n")
    assert tag.hex() == "636f64653ada287a2f100cfd614de126459e7bd744ac119fc5add64112307b584fba002f43"


def test_the_work_is_argon2id_by_another_implementation() -> None:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    other = Argon2id(salt=bytes(range(16)), length=32, iterations=3, lanes=1, memory_cost=64 * 1024)
    assert argon2id(b"code", bytes(range(16))) == other.derive(b"code")


def test_the_salt_is_the_network() -> None:
    person = b"pby1 lobby".ljust(16, b"\0")
    salt = hashlib.blake2b(b"\0\1n", digest_size=32, person=person).digest()[:16]
    assert code_work("x", "n", free) == b"code:" + free(b"x", salt)
    assert code_work("x", "n", free) != code_work("x", "m", free)


def test_how_a_code_is_typed_does_not_count() -> None:
    typed = f"  {CODE.title().replace(' ', '   ')} "
    assert read_code(typed) == CODE
    assert code_work(typed, "n", free) == code_work(CODE, "n", free)
    assert code_work(CODE + "s", "n", free) != code_work(CODE, "n", free)


@pytest.mark.parametrize("code", ["", " ", "x" * (CODE_BYTES + 1), "\udcff"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(TagError):
        code_work(code, "n", free)


def test_a_new_code_has_fifty_bits_and_is_no_other() -> None:
    words = {word for word, _ in TABLE}
    assert CODE_WORDS * (len(words).bit_length() - 1) >= 50
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    for code in codes:
        assert len(code.split(" ")) == CODE_WORDS
        assert set(code.split(" ")) <= words
        assert read_code(code) == code
        assert not is_weak(code)


def test_the_longest_new_code_is_allowed() -> None:
    longest = max((word for word, _ in TABLE), key=len)
    assert read_code(" ".join([longest] * CODE_WORDS))


@pytest.mark.parametrize(
    "code", ["1234", "correct horse b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababab"]
)
def test_short_and_monotonous_codes_are_weak(code: str) -> None:
    assert is_weak(code)


@given(st.text(max_size=15))
def test_everything_short_is_weak(code: str) -> None:
    assert is_weak(code)


NINE = " ".join(word for word, _ in TABLE[:CODE_WORDS])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (NINE, None),
        (NINE.replace(TABLE[3][0], TABLE[3][0][:-1] + "x"), Slip(9, TABLE[3][0][:-1] + "x", TABLE[3][0])),
        (NINE.replace(TABLE[8][0], "qqqq"), Slip(9, "qqqq")),
        (" ".join(NINE.split()[:8]), Slip(8)),
        (f"{NINE} {TABLE[0][0]}", Slip(10)),
        ("correct horse battery staple", None),
        (" ".join([*NINE.split()[:3], "my", "own", "words"]), None),
        (" ".join(NINE.split()[:3]), None),
    ],
)
def test_a_code_made_here_and_mistyped_is_told_from_one_of_a_person(code: str, found: Slip | None) -> None:
    assert slip(code) == found
