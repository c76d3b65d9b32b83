"""What the user may send: exact limits, one code for each refusal, a next step in every sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.text import CLEANED, Admitted, Refusal, Rejected, admit, clean


def refusal(raw: bytes | str) -> Refusal:
    verdict = admit(raw)
    assert isinstance(verdict, Rejected)
    return verdict.code


@pytest.mark.parametrize("raw", ["שָׁלוֹם, 日本 👩‍👩‍👧 می‌خواهم", "// not a command", " padded  "])
def test_ordinary_text_is_admitted_as_typed(raw: str) -> None:
    assert admit(raw) == Admitted(raw, cleaned=False)
    assert admit(raw.encode()) == Admitted(raw, cleaned=False)


def test_text_that_had_to_be_cleaned_says_so() -> None:
    assert admit("red \x1b[31malert\u202e") == Admitted("red [31malert\ufffd", cleaned=True)
    assert admit(b"two\r") == Admitted("two ", cleaned=True)
    assert admit("\tcode") == Admitted(" code", cleaned=False)  # a tab is a space to everybody
    assert CLEANED.count(". ") == 1


@pytest.mark.parametrize("longest", ["a" * 2_000, "é" * 2_000, "日" * 1_333 + "a", "😀" * 1_000])
def test_the_longest_message_passes(longest: str) -> None:
    assert admit(longest) == Admitted(longest, cleaned=False)


@pytest.mark.parametrize(
    "longer",
    ["a" * 2_001, "é" * 1_999 + "日", "日" * 1_334, "😀" * 1_001, "\u200b" * 1_334 + "a", "\x00" * 2_001],
)
def test_one_more_is_too_long_even_where_cleaning_would_shorten_it(longer: str) -> None:
    assert refusal(longer) == "too-long"
    assert refusal(longer.encode()) == "too-long"


@pytest.mark.parametrize(
    "nothing", ["", " ", "\u3000\u00a0", "\t\n", "\u200b\u2060\u3164", "\u2800" * 9, "\u0301", "\x1b\x07"]
)
def test_what_shows_nothing_is_empty(nothing: str) -> None:
    assert refusal(nothing) == "empty"


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"caf\xe9", b"\xf4\x90\x80\x80", b"a\xe2\x82", "caf\udce9"]
)
def test_invalid_utf8_is_refused(raw: bytes | str) -> None:
    assert refusal(raw) == "not-utf8"


@pytest.mark.parametrize("raw", ["a" * 2_001, "", b"\xff"])
def test_every_refusal_has_a_next_step(raw: bytes | str) -> None:
    verdict = admit(raw)
    assert isinstance(verdict, Rejected)
    said, step = verdict.sentence.rstrip(".").split(". ")
    assert said.startswith("Not sent: ")
    assert step.split()[0] in ("Send", "Type", "Set")


@given(st.binary(max_size=300) | st.text(st.characters(codec=None), max_size=300))
def test_what_is_admitted_is_clean_and_within_the_limits(raw: bytes | str) -> None:
    verdict = admit(raw)
    if isinstance(verdict, Admitted):
        assert verdict.text.strip()
        assert clean(verdict.text) == verdict.text
        assert admit(verdict.text) == Admitted(verdict.text, cleaned=False)
        typed = raw.encode() if isinstance(raw, str) else raw
        assert verdict.cleaned == (verdict.text.encode() != typed.replace(b"\t", b" "))
