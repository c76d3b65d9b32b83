"""Every event becomes one whole line that docs/ndjson.schema.json describes; a stranger's text cannot break it."""

import json
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.node.console.ndjson import encode
from passerby.node.events import (
    Delivered,
    Ended,
    EndReason,
    Event,
    Failed,
    Finished,
    Matched,
    MessageReceived,
    MessageSent,
    Scope,
    State,
    StateChanged,
    StrangerTyping,
    Warned,
)
from support.schema import SchemaError, check

AT = datetime(2025, 1, 2, 3, 4, 5, 678901, UTC)
WORDS = ("one", "two", "three", "four", "five", "six", "seven")


def line(event: Event) -> dict[str, object]:
    encoded = encode(event, AT)
    assert encoded is not None
    assert encoded.endswith("\n")
    assert "\n" not in encoded[:-1]
    parsed = cast("dict[str, object]", json.loads(encoded))
    check(parsed)
    return parsed


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("scope", list(Scope))
def test_states(state: State, scope: Scope) -> None:
    got = line(StateChanged(state, scope, seeds=1, waiting=2, seen=3, met=4, named=5, retry=0.5))
    assert got["t"] == "2025-01-02T03:04:05.678Z"
    assert [got[name] for name in ("v", "event", "state", "scope")] == [1, "state", state.value, scope.value]
    assert [got[name] for name in ("seeds", "waiting", "seen", "met", "named", "retry")] == [1, 2, 3, 4, 5, 0.5]


def test_whom_a_state_is_about() -> None:
    anybody = line(StateChanged(State.EMPTY, Scope.MACHINE))
    names = ("interests", "lang", "private", "fallback")
    assert [anybody[name] for name in names] == [[], None, False, None]
    choosy = line(StateChanged(State.EMPTY, Scope.MACHINE, interests=("chess", "a\x1b"), lang="de", fallback=2.5))
    assert [choosy[name] for name in names] == [["chess", "a"], "de", False, 2.5]
    assert line(StateChanged(State.EMPTY, Scope.MACHINE, private=True))["private"] is True


@pytest.mark.parametrize("reason", list(EndReason))
def test_ends(reason: EndReason) -> None:
    assert line(Ended(reason))["reason"] == reason.value


def test_a_match() -> None:
    got = line(Matched("direct", "/ip4/192.0.2.7/tcp/1", WORDS, 321, ("chess",), "de", bot=True))
    assert got["verify"] == "one two three four five six seven"
    assert (got["ms"], got["interests"], got["lang"], got["bot"]) == (321, ["chess"], "de", True)
    assert got["address"] == "/ip4/192.0.2.7/tcp/1"
    assert "address" not in line(Matched("machine", None, WORDS, 321))


def test_the_others() -> None:
    assert line(MessageSent(1, "x"))["from"] == "you"
    assert line(MessageReceived(2, "x"))["id"] == 2
    assert line(Delivered(3))["id"] == 3
    assert line(StrangerTyping(on=True))["on"] is True
    assert line(Warned("empty", "Not sent."))["code"] == "empty"
    assert line(Failed("no-seed", "Nobody.", "Look.", 3))["hint"] == "Nobody. Look."
    assert encode(Finished(0), AT) is None


@given(st.text(max_size=50))
def test_whatever_a_stranger_sends_is_one_line_of_ordinary_text(text: str) -> None:
    got = cast("str", line(MessageReceived(1, text))["text"])
    match = line(Matched("direct", text + "x", WORDS, 1, (text,), text))
    for shown in (
        got,
        *cast("list[str]", match["interests"]),
        cast("str", match["lang"]),
        cast("str", match["address"]),
    ):
        assert not any(ord(char) < 32 or char in "\x7f\x85\u2028\u2029\u202e\x1b" for char in shown)


def test_a_schema_that_fits_everything_would_prove_nothing() -> None:
    good = line(MessageSent(1, "x"))
    for bad in ({"id": "1"}, {"event": "other"}, {"v": 2}, {"t": "yesterday"}, {"from": "nobody"}):
        with pytest.raises(SchemaError):
            check({**good, **bad})
