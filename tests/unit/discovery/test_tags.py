"""Who types the same thing in another way gets the same tag; what cannot be a tag is refused in words."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.discovery.tags import (
    TAG_BYTES,
    TEXT_LOOKED_AT,
    TagError,
    interest,
    language,
    normal_form,
    primary_subtag,
)
from passerby.discovery.unicode14 import is_assigned

MARKS = "\u0301\u0308\u0323\u0327\u0340\u0341\u0343\u0344\u0345\u0315\u0321\u05b0\u093c\u0ec8\u1dce"
ODD = "İıſßẞΣςŉǰΐᾳᾼᾴﬁ⑴¨´…㋿ℵ™Å\u0345ΌώᾺＡａ\u3000\u2028\x1c\u00adꭰᏸ"

texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.text(st.sampled_from(MARKS + ODD + " αιηωäAB"), max_size=12),
)


def folded(text: str) -> str | None:
    try:
        return normal_form(text)
    except TagError:
        return None


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("chess", "chess"),
        ("  Chess\t", "chess"),
        ("CHESS", "chess"),
        ("ｃｈｅｓｓ", "chess"),
        ("board \n  games", "board games"),
        ("board\u00a0games", "board games"),
        ("board\u3000\u2028games", "board games"),
        ("Straße", "strasse"),
        ("Cafe\u0301", "café"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
        ("İ", "i̇"),
        ("将棋", "将棋"),
        ("♟️", "♟️"),
        (" ¨ a", "\u0308 a"),
    ],
)
def test_one_spelling(typed: str, normal: str) -> None:
    assert normal_form(typed) == normal
    assert interest(typed) == b"tag:" + normal.encode()


@given(texts)
@example("\u1fb3\u0301")
@example("\u0345 a")
def test_the_normal_form_is_a_fixed_point(text: str) -> None:
    normal = folded(text)
    if normal is not None:
        assert normal_form(normal) == normal
        assert 1 <= len(normal.encode()) <= TAG_BYTES
        assert normal == " ".join(normal.split())
        assert all(is_assigned(char) for char in normal)


def test_every_code_point_reaches_its_fixed_point_at_once() -> None:
    changing = [c for c in map(chr, range(0x110000)) if c.casefold() != c or unicodedata.normalize("NFKC", c) != c]
    assert len(changing) > 5_000
    for char in changing:
        normal = folded(char)
        assert normal is None or normal_form(normal) == normal


@given(texts)
def test_spellings_that_unicode_holds_equivalent_are_one(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)


@pytest.mark.parametrize("text", ["", "  ", "\n\u3000"])
def test_nothing_is_no_tag(text: str) -> None:
    with pytest.raises(TagError, match="it is empty"):
        normal_form(text)


@pytest.mark.parametrize("text", ["a\u0378", "\U0001fae8", "\ud800", "\uffff"])
def test_what_unicode_14_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(TagError, match="not in Unicode 14"):
        normal_form(text)


def test_the_limit_counts_bytes_of_the_normal_form() -> None:
    assert normal_form("ä" * 24) == "ä" * 24
    with pytest.raises(TagError, match="it has 50 bytes where 48 are allowed"):
        normal_form("ä" * 25)
    assert normal_form("  " * 300 + "x" * TAG_BYTES) == "x" * TAG_BYTES
    assert normal_form("x" * 60, most=60) == "x" * 60
    with pytest.raises(TagError, match="66 bytes"):
        normal_form("\ufdfa" * 2)  # one code point of three bytes becomes eighteen of thirty-three
    with pytest.raises(TagError, match="at most 48 bytes"):
        normal_form(" " * TEXT_LOOKED_AT + "x")


@pytest.mark.parametrize(
    ("typed", "subtag"),
    [("de", "de"), ("DE", "de"), (" pt-BR ", "pt"), ("zh-Hant-TW", "zh"), ("GSW", "gsw"), ("sl-1994", "sl")],
)
def test_a_language_is_its_primary_subtag(typed: str, subtag: str) -> None:
    assert primary_subtag(typed) == subtag
    assert language(typed) == b"lang:" + subtag.encode()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "d",
        "deutsch",
        "german",
        "latn",
        "abcdefghi",
        "xx1",
        "d3",
        "de_DE",
        "de-",
        "de--DE",
        "-de",
        "de-abcdefghi",
        "dé",
        "ﬁ",
        "de DE",
        "de\n\u0661",
    ],
)
def test_what_has_not_the_shape_of_a_language_is_refused(typed: str) -> None:
    with pytest.raises(TagError, match="a language looks like de or pt-BR"):
        language(typed)
