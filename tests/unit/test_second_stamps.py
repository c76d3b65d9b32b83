"""Stamps made from docs/protocol.md alone agree with every vector, and are good for the shipped side and back."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from passerby.crypto.stamp import Parties, Personal, passes_gate, solve, verify
from support import second_stamps as second

FILE: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "stamps.json").read_text(encoding="utf-8")
)
STAMPS: Final[dict[str, Any]] = FILE["stamps"]
CB, ASKER, PAYER = (bytes.fromhex(FILE[name]) for name in ("cb", "asker", "payer"))


@pytest.mark.parametrize("name", STAMPS)
def test_both_agree_on_every_value(name: str) -> None:
    case = STAMPS[name]
    chal, stamp, d = bytes.fromhex(case["chal"]), bytes.fromhex(case["stamp"]), case["d"]
    assert second.challenge(case["personal"], CB, ASKER, PAYER, d, case["count"]) == chal
    assert Parties(Personal(case["personal"].encode()), CB, ASKER, PAYER).challenge(d, case["count"]) == chal
    assert second.work(chal, stamp[8:]).hex() == case["work"]
    assert second.is_good(chal, d, stamp)
    assert passes_gate(chal, stamp)
    assert verify(chal, stamp, d)


def test_each_takes_the_stamps_of_the_other() -> None:
    parties = Parties(Personal.CHAT, CB, PAYER, ASKER)
    chal = parties.challenge(2, 7)
    assert second.challenge("pby1 pow", CB, PAYER, ASKER, 2, 7) == chal
    theirs = second.make(chal, 2)
    assert passes_gate(chal, theirs)
    assert verify(chal, theirs, 2)
    ours = solve(chal, 2, 0, lambda: True)
    assert ours is not None
    assert second.is_good(chal, 2, ours)
