"""From settings to whom is looked for, and from two strangers' wishes to what they have in common."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.addresses import Scope
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.tags import TagError
from passerby.node.events import State, StateChanged, Wishes
from passerby.node.messages import Hello, decode, encode
from passerby.node.wishes import changed, hello_of, in_common, private_wishes, sought, wishes_of

CHESS = wishes_of(("chess", "board games"), "de", 30.0)
EMPTY = StateChanged(State.EMPTY, Scope.MACHINE, seeds=1)


def work(password: bytes, _salt: bytes) -> bytes:
    return password.ljust(32, b"\0")


def test_without_wishes_anybody_will_do() -> None:
    assert wishes_of((), "", 30.0) == Wishes() == Wishes((ANYBODY,))


def test_each_wish_is_a_tag_the_language_last() -> None:
    assert Wishes((b"tag:chess", b"tag:board games", b"lang:de"), ("chess", "board games"), "de", 30.0) == CHESS
    assert wishes_of((), "de", inf) == Wishes((b"lang:de",), (), "de", None)
    assert wishes_of(("chess",), "", 0.0).fallback == 0.0


def test_settings_that_were_not_checked_are_refused() -> None:
    with pytest.raises(TagError):
        wishes_of(("",), "", 1.0)


def test_a_private_lobby_has_one_room_and_no_way_out() -> None:
    wishes = private_wishes("A code", "n", work)
    assert wishes == Wishes((b"code:" + work(b"a code", b""),), private=True)
    assert hello_of(wishes) == Hello()
    assert "code" not in repr(wishes), "it is a secret of its guests"


def test_one_wish_changes_and_the_others_stay() -> None:
    assert changed(CHESS, ("tea",), None, inf) == wishes_of(("tea",), "de", inf)
    assert changed(CHESS, None, "", 5.0) == wishes_of(("chess", "board games"), "", 5.0)
    assert changed(CHESS, (), "", 5.0) == Wishes()


def test_five_are_enough() -> None:
    five = tuple("abcde")
    assert changed(Wishes(), five, None, 1.0) == wishes_of(five, "", 1.0)
    assert changed(CHESS, five, None, 1.0) is None
    assert changed(wishes_of(five, "", 1.0), None, "de", 1.0) is None
    assert changed(CHESS, five[:4], None, 1.0) is not None


def test_what_is_common_is_told_in_our_order_and_spelling() -> None:
    theirs = Hello(lang="DE-at", interests=("BOARD  Games", "tea", "Chess", "\x1b[2J"))
    assert in_common(CHESS, theirs) == (("chess", "board games"), "de")


@pytest.mark.parametrize(
    ("wishes", "theirs"),
    [
        (CHESS, Hello(lang="fr", interests=("go",))),
        (CHESS, Hello()),
        (CHESS, Hello(lang="\x1b", interests=("\u0378",))),
        (Wishes(), Hello(lang="de", interests=("chess",))),
    ],
)
def test_nothing_in_common(wishes: Wishes, theirs: Hello) -> None:
    assert in_common(wishes, theirs) == ((), None)


@given(st.lists(st.text(min_size=1, max_size=12), max_size=8), st.text(max_size=8))
def test_nothing_that_only_the_stranger_said_is_common(interests: list[str], lang: str) -> None:
    common, language = in_common(CHESS, Hello(lang=lang, interests=tuple(interests)))
    assert set(common) <= set(CHESS.interests)
    assert language in (None, "de")


def test_hello_fits_the_wire_whatever_the_settings_allow() -> None:
    wishes = wishes_of(tuple(char * 48 for char in "abcde"), "abc", 1.0)
    hello = hello_of(wishes)
    assert decode(encode(hello)) == hello
    assert in_common(wishes, hello) == (wishes.interests, "abc")


def test_a_state_tells_what_is_looked_for_and_for_how_long() -> None:
    told = sought(EMPTY, CHESS, 6.0)
    assert (told.interests, told.lang, told.private, told.fallback) == (("chess", "board games"), "de", False, 24.0)
    assert sought(EMPTY, wishes_of(("tea",), "", inf), 1e6).fallback is None
    assert sought(EMPTY, wishes_of(("tea",), "", inf), 1e6).interests == ("tea",)
    assert sought(EMPTY, private_wishes("c", "n", work), 1e6).private
    assert sought(EMPTY, Wishes(), 0.0) == EMPTY


@pytest.mark.parametrize("searched_for", [30.0, 1e6])
def test_once_anybody_will_do_nothing_else_is_told(searched_for: float) -> None:
    assert sought(EMPTY, CHESS, searched_for) == EMPTY


@pytest.mark.parametrize("state", [State.STARTING, State.STOPPED, State.MATCHED])
def test_who_does_not_search_looks_for_nobody(state: State) -> None:
    change = StateChanged(state, Scope.MACHINE)
    assert sought(change, CHESS, 0.0) == change
