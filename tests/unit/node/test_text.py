"""What `clean` keeps, replaces and drops, rule by rule; that ordinary text of many languages passes unchanged."""

import json
import unicodedata
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.text import MARKS_PER_BASE, clean, label

CORPUS: dict[str, list[str]] = json.loads(Path(__file__).with_name("benign_text.json").read_text("utf-8"))
ORDINARY = [
    pytest.param(line, id=f"{language}-{i}") for language, lines in CORPUS.items() for i, line in enumerate(lines)
]

ACUTE = "\u0301"
ZWJ = "\u200d"
ZWNJ = "\u200c"
PICTURE = "\ufe0f"

# What an attacker reaches for, so that random text meets it often.
SPECIAL = (
    "\x00\x07\x08\t\n\v\f\r\x1b\x7f\x85\x9b\x9d\u00a0\u00ad\u034f\u061c\u06dd\u0903\u0e33\u115f\u1160\u1161\u11a8\u17b4"
    "\u180b\u180e\u200b\u200c\u200d\u200e\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u20e3\u2800\u3000\u3164\ud800\udfff"
    "\ue000\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffd\uffff\U0001f1e6\U0001f1fa\U0001f3f4\U0001f3fd\U0001f468\U000e0041\U000e007f"
    "\U000e0100\U0010ffff\u0301\u0300\u0488 a[];?1hX日é"
)
hostile = st.text(st.sampled_from(SPECIAL) | st.characters(codec=None), max_size=200)


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_text_is_unchanged(line: str) -> None:
    assert clean(line) == line


@pytest.mark.parametrize("separator", ["\t", "\n", "\v", "\f", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\u2800"])
def test_what_ends_a_line_becomes_one_space(separator: str) -> None:
    assert clean(f"a{separator}b") == "a b"


@pytest.mark.parametrize("control", [chr(i) for i in (*range(32), *range(127, 160)) if chr(i) not in "\t\n\v\f\r\x85"])
def test_controls_are_dropped(control: str) -> None:
    assert clean(f"a{control}b") == "ab"


def test_an_escape_sequence_loses_what_makes_it_act() -> None:
    assert clean("\x1b]52;c;ZXZpbA==\x07\x9b2J\x1b[31mred") == "]52;c;ZXZpbA==2J[31mred"


@pytest.mark.parametrize("char", ["\ud800", "\ue000", "\U0010fffd", "\uffff", "\u0378", "\U0001fffe"])
def test_surrogates_private_and_unassigned_code_points_are_dropped(char: str) -> None:
    assert clean(f"a{char}b") == "ab"


@pytest.mark.parametrize("char", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_bidi_embeddings_overrides_and_isolates_are_made_visible(char: str) -> None:
    assert clean(f"a{char}b") == "a\ufffdb"


@pytest.mark.parametrize(
    "char",
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060\u2061\u2064\u206a\u3164\ufeff\uffa0\ufff9"
    "\U00016fe4\U0001d159\U0001d173\U000e0001\U000e0020\U000e007f",
)
def test_zero_width_tags_and_fillers_are_dropped(char: str) -> None:
    assert clean(f"a{char}b") == "ab"


def test_a_subdivision_flag_becomes_the_black_flag_it_is_spelt_upon() -> None:
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert clean(f"{scotland}!") == "\U0001f3f4!"


@pytest.mark.parametrize(
    "follower", [ACUTE, "\u0903", "\u20e3", "\u1161", ZWJ, ZWNJ, PICTURE, "\ufe0e", "\u180b", "\U000e0100"]
)
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u3000", "\x1b", "\n", "\u200b"])
def test_nothing_hangs_on_nothing(before: str, follower: str) -> None:
    assert clean(before + follower + "a") == clean(before) + "a"


@pytest.mark.parametrize("base", ["a", "日", "\ufffd", "1", "☎", "\u202e"])
def test_what_follows_a_base_stays(base: str) -> None:
    assert clean(base + PICTURE + ACUTE + ZWJ + "b") == clean(base) + PICTURE + ACUTE + ZWJ + "b"


def test_zalgo_is_cut_to_four_marks() -> None:
    zalgo = "".join(letter + "".join(map(chr, range(0x300, 0x340))) for letter in "He comes")
    cut = clean(zalgo)
    assert MARKS_PER_BASE == 4
    assert cut[:5] == "H\u0300\u0301\u0302\u0303"
    assert len(cut) == 7 * 5 + 1


def test_marks_are_counted_through_joiners() -> None:
    assert clean("a" + (ACUTE + ZWJ) * 9) == "a" + (ACUTE + ZWJ) * 4


@pytest.mark.parametrize("pile", [ZWJ * 9, ZWNJ * 9, ZWJ + ZWNJ + ZWJ])
def test_joiners_do_not_pile_up(pile: str) -> None:
    assert clean(f"a{pile}b") == f"a{pile[0]}b"


def test_selectors_do_not_pile_up() -> None:
    smuggled = "".join(chr(0xE0100 + byte) for byte in b"hidden")
    assert clean(f"😀{smuggled}") == f"😀{smuggled[0]}"
    assert clean("a" + ACUTE + PICTURE) == "a" + ACUTE


def test_korean_vowels_do_not_pile_up() -> None:
    assert clean("\u1100" + "\u1161" * 50) == "\u1100" + "\u1161" * 4


def test_no_code_point_yields_anything_but_what_may_be_shown() -> None:
    inhabited = chain(range(0x20000), range(0xE0000, 0xE0200), range(0x10FF00, 0x110000))
    for shown in set(clean("".join("a" + chr(code) for code in inhabited))):
        category = unicodedata.category(shown)
        assert category[0] in "LMNPS" or category == "Zs" or shown in (ZWJ, ZWNJ)


@given(hostile)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(hostile, hostile)
def test_two_clean_texts_may_stand_side_by_side(left: str, right: str) -> None:
    assert clean(f"{clean(left)} {clean(right)}") == f"{clean(left)} {clean(right)}"


@given(hostile)
def test_cleaning_never_grows(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= len(text)
    assert len(cleaned.encode()) <= len(text.encode("utf-8", "surrogatepass"))


@given(hostile)
def test_nothing_that_acts_remains(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.splitlines() in ([], [cleaned])
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") for char in cleaned)
    assert not set(cleaned) & set("\u200b\u202e\u2066\u2800\U000e0041")


@given(hostile, st.integers(1, 80))
def test_a_label_is_one_short_clean_phrase(text: str, limit: int) -> None:
    made = label(text, limit)
    assert len(made) <= limit
    assert label(made, limit) == made
    assert clean(made) == made
    assert made == made.strip()


def test_a_label_shows_where_it_was_cut() -> None:
    assert label("  chess \n and\tgo ", 12) == "chess and go"
    assert label("chess and go!", 12) == "chess and g…"


def test_a_label_reads_no_more_of_its_source_than_it_needs() -> None:
    assert label("\u200b" * 1_024 + "unseen", 20) == ""
