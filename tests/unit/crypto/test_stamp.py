"""Proof of work: what makes a stamp good, what stops its making, and the puzzle of seeds (protocol.md 7, 1).

All but two tests put BLAKE2b in the place of argon2id: what is proven is which bytes are worked on, and how many bits
of what comes out must be zero.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from itertools import count

import pytest

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import (
    GATE_BITS,
    STAMP_BYTES,
    Parties,
    Personal,
    argon2id,
    passes_gate,
    puzzle_work,
    solve,
    solve_puzzle,
    solves,
    verify,
)

ASKER, PAYER = peer_id_of(b"\x01" * 32), peer_id_of(b"\x02" * 32)
PARTIES = Parties(Personal.CHAT, b"\x03" * 32, asker=ASKER, payer=PAYER)
CHALLENGE = PARTIES.challenge(4, 1)
KEY = b"\x04" * 32


def cheap(password: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(password, digest_size=32, salt=salt).digest()


def always() -> bool:
    return True


@cache
def made(challenge: bytes = CHALLENGE, difficulty: int = 4, start: int = 0) -> bytes:
    stamp = solve(challenge, difficulty, start, always, cheap)
    assert stamp is not None
    return stamp


@pytest.mark.parametrize("difficulty", range(7))
def test_a_stamp_passes_the_gate_and_is_good(difficulty: int) -> None:
    challenge = PARTIES.challenge(difficulty, 1)
    stamp = made(challenge, difficulty)
    assert len(stamp) == STAMP_BYTES
    assert passes_gate(challenge, stamp)
    assert verify(challenge, stamp, difficulty, cheap)


def test_a_stamp_of_the_real_work() -> None:
    stamp = solve(CHALLENGE, 1, 0, always)
    assert stamp is not None
    assert verify(CHALLENGE, stamp, 1)
    assert solves(argon2id(CHALLENGE + stamp[8:], CHALLENGE[:16]), 1)


def test_no_bit_of_a_stamp_may_change() -> None:
    number = int.from_bytes(made(), "big")
    changed = [(number ^ 1 << at).to_bytes(STAMP_BYTES, "big") for at in range(8 * STAMP_BYTES)]
    assert not any(passes_gate(CHALLENGE, stamp) for stamp in changed)


@pytest.mark.parametrize("size", [0, 8, STAMP_BYTES - 1, STAMP_BYTES + 1, 64])
def test_nothing_but_16_bytes_passes_the_gate(size: int) -> None:
    assert not passes_gate(CHALLENGE, (made() * 4)[:size])


def test_the_gate_does_not_stand_for_the_work() -> None:
    stamps = [made(difficulty=0, start=start) for start in range(8)]
    assert all(passes_gate(CHALLENGE, stamp) for stamp in stamps)
    assert not all(verify(CHALLENGE, stamp, 4, cheap) for stamp in stamps)


@pytest.mark.parametrize(
    "other",
    [
        Parties(Personal.ENTER, b"\x03" * 32, asker=ASKER, payer=PAYER).challenge(4, 1),
        Parties(Personal.CHAT, b"\x05" * 32, asker=ASKER, payer=PAYER).challenge(4, 1),
        Parties(Personal.CHAT, b"\x03" * 32, asker=PAYER, payer=ASKER).challenge(4, 1),
        PARTIES.challenge(5, 1),
        PARTIES.challenge(4, 2),
    ],
    ids=["purpose", "connection", "roles", "difficulty", "count"],
)
def test_a_stamp_is_good_for_one_challenge_alone(other: bytes) -> None:
    assert not passes_gate(other, made())


@pytest.mark.parametrize(("difficulty", "number"), [(-1, 1), (256, 1), (4, -1), (4, 1 << 32)])
def test_a_challenge_has_numbers_that_fit(difficulty: int, number: int) -> None:
    with pytest.raises(LocalProtocolError):
        PARTIES.challenge(difficulty, number)


@pytest.mark.parametrize(
    ("binding", "asker", "payer"), [(b"", ASKER, PAYER), (KEY, KEY, PAYER), (KEY, ASKER, KEY)], ids=["cb", "R", "I"]
)
def test_parties_have_their_lengths(binding: bytes, asker: bytes, payer: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        Parties(Personal.CHAT, binding, asker, payer)


@pytest.mark.parametrize(("leading", "bits"), [("80", 0), ("40", 1), ("01", 7), ("0080", 8), ("0040", 9)])
def test_leading_zero_bits_are_counted_from_the_highest(leading: str, bits: int) -> None:
    work = bytes.fromhex(leading).ljust(32, b"\xff")
    assert solves(work, bits)
    assert not solves(work, bits + 1)


# ---- stopping -------------------------------------------------------------------------------------------------------


def for_a_while(looks: int) -> Callable[[], bool]:
    """Be wanted at the first few looks."""
    counter = count()
    return lambda: next(counter) < looks


def test_the_work_stops_before_the_next_one_when_nobody_wants_the_stamp() -> None:
    done: list[bytes] = []

    def hopeless(password: bytes, _: bytes) -> bytes:
        done.append(password)
        return b"\xff" * 32

    assert solve(CHALLENGE, 4, 0, for_a_while(3), hopeless) is None
    assert len(done) == 3


def test_the_gate_stops_too() -> None:
    assert solve(CHALLENGE, 0, 0, for_a_while(1), cheap) is None  # wanted for the work, not for the gate


def test_the_search_goes_on_past_the_largest_number() -> None:
    start = (1 << 64) - 1
    stamp = made(difficulty=4, start=start)
    assert int.from_bytes(stamp[:8], "big") < start  # the first number hardly ever opens 16 bits of gate
    assert verify(CHALLENGE, stamp, 4, cheap)


def test_the_gate_is_what_it_says() -> None:
    assert GATE_BITS == 16
    digest = hashlib.blake2b(CHALLENGE + made()[8:] + made()[:8], digest_size=32, person=b"pby1 gate").digest()
    assert digest[:2] == b"\0\0"


# ---- the id puzzle --------------------------------------------------------------------------------------------------


def test_a_solved_puzzle_has_its_bits_and_the_smallest_nonce() -> None:
    solved = solve_puzzle(KEY, "main", 6, always, cheap)
    assert solved is not None
    nonce, work = solved
    assert puzzle_work(KEY, nonce, "main", cheap) == work
    assert solves(work, 6)
    assert not any(solves(puzzle_work(KEY, smaller, "main", cheap), 6) for smaller in range(nonce))


def test_without_bits_the_first_work_will_do() -> None:
    assert solve_puzzle(KEY, "main", 0, always) == (0, puzzle_work(KEY, 0, "main"))


def test_a_puzzle_nobody_wants_is_left() -> None:
    assert solve_puzzle(KEY, "main", 255, for_a_while(5), cheap) is None


def test_the_work_depends_on_key_nonce_and_network() -> None:
    works = {
        puzzle_work(KEY, 0, "main", cheap),
        puzzle_work(KEY, 1, "main", cheap),
        puzzle_work(KEY, 0, "other", cheap),
        puzzle_work(b"\x05" * 32, 0, "main", cheap),
    }
    assert len(works) == 4
    with pytest.raises(LocalProtocolError):
        puzzle_work(KEY[1:], 0, "main", cheap)
