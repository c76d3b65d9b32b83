"""The table of Unicode 14 is that of the Unicode Character Database, on whatever Python this runs."""

import unicodedata
from itertools import pairwise

import pytest

from passerby.discovery.unicode14 import UNASSIGNED, is_assigned

CODE_POINTS = 0x110000


def table() -> str:
    """The ranges as they stand in the module, made of this Python's tables."""
    unassigned = [code for code in range(CODE_POINTS) if unicodedata.category(chr(code)) == "Cn"]
    ranges: list[list[int]] = []
    for code in unassigned:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return " ".join(f"{first:x}" if first == last else f"{first:x}-{last:x}" for first, last in ranges)


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="this Python has tables of another Unicode")
def test_the_table_is_what_a_python_with_unicode_14_says() -> None:
    assert " ".join(UNASSIGNED.split()) == table()


def test_what_this_python_does_not_know_was_not_assigned_then() -> None:
    assert not [
        code for code in range(CODE_POINTS) if unicodedata.category(chr(code)) == "Cn" and is_assigned(chr(code))
    ]


def test_the_ranges_ascend_and_do_not_touch() -> None:
    ranges = [word.partition("-") for word in UNASSIGNED.split()]
    ends = [(int(first, 16), int(last or first, 16)) for first, _, last in ranges]
    assert all(first <= last for first, last in ends)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ends))


@pytest.mark.parametrize(
    ("code", "assigned"),
    [
        (0x41, True),
        (0x377, True),
        (0x378, False),
        (0x379, False),
        (0x37A, True),
        (0x1F6DC, False),  # WIRELESS, Unicode 15
        (0x1FAE8, False),  # SHAKING FACE, Unicode 15
        (0x1F6DD, True),  # PLAYGROUND SLIDE, Unicode 14
        (0x1FAE9, False),  # FACE WITH BAGS UNDER EYES, Unicode 16
        (0xE000, True),  # private use
        (0xD800, True),  # a surrogate: refused elsewhere
        (0xFFFE, False),
        (0x10FFFD, True),
        (0x10FFFF, False),
    ],
)
def test_code_points_at_the_edges(code: int, assigned: bool) -> None:
    assert is_assigned(chr(code)) == assigned
