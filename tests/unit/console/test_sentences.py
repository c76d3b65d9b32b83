"""Every state and end has a sentence that says what is the case and promises nothing."""

import itertools
from dataclasses import replace

import pytest

from passerby.node.console import sentences
from passerby.node.console.lifecycle import Moment
from passerby.node.events import Ended, EndReason, Failed, Matched, Scope, State, StateChanged, Wishes

WORDS = ("one", "two", "three", "four", "five", "six", "seven")
ON_THIS_MACHINE = "Looking for somebody on this machine…"
FREE = "is free to talk right now. You will be matched as soon as somebody comes"
MACHINE_ONLY = "only this machine is searched"


def matched(exposure: str = "machine", address: str | None = None, *, bot: bool = False) -> Matched:
    return Matched(exposure, address, WORDS, 5, bot=bot)


def test_every_state_in_every_scope_is_a_sentence_without_an_unknown_command() -> None:
    for state, scope, seen, named in itertools.product(State, Scope, (0, 1, 3), (0, 1, 4)):
        said = sentences.of_state(StateChanged(state, scope, seeds=named, seen=seen, named=named))
        assert said[0].isupper() or said.startswith(("/next", "1 ", "0 ", "3 "))
        assert "doctor" not in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (StateChanged(State.STARTING, Scope.MACHINE), "Getting ready…"),
        (StateChanged(State.SEARCHING, Scope.PUBLIC), "Looking for somebody…"),
        (StateChanged(State.SEARCHING, Scope.MACHINE), ON_THIS_MACHINE),
        (StateChanged(State.SEARCHING, Scope.LAN), "Looking for somebody in this local network…"),
        (StateChanged(State.SEARCHING, Scope.MACHINE, seeds=1, named=1), ON_THIS_MACHINE),
        (
            StateChanged(State.EMPTY, Scope.MACHINE),
            f"Nobody {FREE} · {MACHINE_ONLY}",
        ),
        (
            StateChanged(State.EMPTY, Scope.PUBLIC, waiting=1, met=1),
            "Only the stranger you met before is here; you may be matched again in 15\N{NO-BREAK SPACE}s",
        ),
        (
            StateChanged(State.EMPTY, Scope.PUBLIC, waiting=2, met=2),
            "Only 2 strangers you met before are here; you may be matched again in 15\N{NO-BREAK SPACE}s",
        ),
        (
            StateChanged(State.UNREACHABLE, Scope.PUBLIC, seen=3),
            "3 people seen, none could be reached from here · trying again",
        ),
        (
            StateChanged(State.BUSY, Scope.PUBLIC, seen=1),
            "1 person seen, just found somebody · you are next · looking again",
        ),
        (StateChanged(State.BUSY, Scope.PUBLIC, seen=2), "2 people seen, all just found somebody · looking again"),
        (StateChanged(State.NO_NETWORK, Scope.PUBLIC, retry=8.2), "No network. Trying again in 8 s."),
        (StateChanged(State.NO_NETWORK, Scope.PUBLIC, retry=0.1), "No network. Trying again in 1 s."),
        (
            StateChanged(State.NO_SEED, Scope.PUBLIC, named=4),
            "None of 4 seeds answers. Trying again.",
        ),
        (
            StateChanged(State.NO_SEED, Scope.MACHINE, named=1, retry=5),
            "The seed you named does not answer. Trying again in 5 s. This machine is searched too.",
        ),
        (
            StateChanged(State.NO_SEED, Scope.MACHINE),
            "No seed answers, and none was named (--seed). Trying again.",
        ),
        (StateChanged(State.STOPPED, Scope.MACHINE), "/next for another stranger, /quit to leave"),
        (StateChanged(State.MATCHED, Scope.MACHINE), "You are talking to a stranger."),
    ],
)
def test_states(change: StateChanged, said: str) -> None:
    assert sentences.of_state(change) == said


CHOOSY = StateChanged(State.SEARCHING, Scope.PUBLIC, interests=("chess", "go", "tea"), lang="de", fallback=24.4)
ANYBODY_SOON = " · in 24 s anybody will do"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (CHOOSY, "Looking for somebody who likes chess, go or tea, or speaks de…"),
        (
            replace(CHOOSY, scope=Scope.MACHINE, interests=("chess", "go"), lang=""),
            "Looking for somebody who likes chess or go on this machine…",
        ),
        (replace(CHOOSY, interests=()), "Looking for somebody who speaks de…"),
        (
            replace(CHOOSY, state=State.EMPTY, interests=("chess",), lang=""),
            f"Nobody who likes chess {FREE}{ANYBODY_SOON}",
        ),
        (
            replace(CHOOSY, state=State.EMPTY, interests=("tea",)),
            f"Nobody who likes tea, or speaks de, {FREE}{ANYBODY_SOON}",
        ),
        (
            replace(CHOOSY, state=State.EMPTY, interests=(), fallback=0.2),
            f"Nobody who speaks de {FREE} · in 1 s anybody will do",
        ),
        (
            replace(CHOOSY, state=State.EMPTY, interests=("tea",), lang="", fallback=None),
            f"Nobody who likes tea {FREE}",
        ),
        (
            replace(CHOOSY, state=State.EMPTY, waiting=1, met=1),
            "Only the stranger you met before is here; you may be matched again in 15\N{NO-BREAK SPACE}s"
            + ANYBODY_SOON,
        ),
        (
            replace(CHOOSY, state=State.UNREACHABLE, seen=1),
            f"1 person seen, none could be reached from here · trying again{ANYBODY_SOON}",
        ),
        (
            replace(CHOOSY, state=State.BUSY, seen=2),
            f"2 people seen, all just found somebody · looking again{ANYBODY_SOON}",
        ),
        (StateChanged(State.SEARCHING, Scope.PUBLIC, private=True), "Looking for somebody who knows your code…"),
        (
            StateChanged(State.EMPTY, Scope.MACHINE, private=True),
            f"Nobody who knows your code {FREE} · {MACHINE_ONLY}",
        ),
    ],
)
def test_whom_we_wait_for_and_how_long(change: StateChanged, said: str) -> None:
    assert sentences.of_state(change) == said


CHOOSY_FOR_EVER = "look for somebody who likes chess · nobody else will do"
LIKES_CHESS = Wishes((b"tag:chess",), ("chess",), "", 90.0)


@pytest.mark.parametrize(
    ("wishes", "moment", "said"),
    [
        (Wishes(), Moment.NOW, "You look for anybody"),
        (Wishes(), Moment.NEXT, "From the next search on you look for anybody"),
        (LIKES_CHESS, Moment.NOW, "You look for somebody who likes chess · after 1 min 30 s anybody will do"),
        (
            replace(LIKES_CHESS, fallback=None),
            Moment.RESTART,
            f"From the next search on you {CHOOSY_FOR_EVER} · /stop, then /start, begins one",
        ),
        (
            Wishes((b"code:x",), private=True),
            Moment.NOW,
            "You look for somebody who knows your code; interests and language do not count.",
        ),
    ],
)
def test_wishes_are_told_back(wishes: Wishes, moment: Moment, said: str) -> None:
    assert sentences.of_wishes(wishes, moment) == said


def test_what_both_have_in_common_is_told_at_the_match_and_on_request() -> None:
    match = Matched("relay", None, WORDS, 5, interests=("chess", "board games"), lang="de")
    assert sentences.of_match(match) == (
        "You are talking to a stranger. They see: a relay, not your address"
        " · you both like: chess, board games · you both speak: de"
    )
    assert sentences.who(match, 1).endswith(" · you both like: chess, board games · you both speak: de")
    assert "both" not in sentences.of_match(matched())


@pytest.mark.parametrize(
    ("exposure", "address", "said"),
    [
        ("machine", None, "that you are on this machine, nothing else"),
        ("lan", "/ip4/192.168.1.2", "your address in this local network /ip4/192.168.1.2"),
        ("direct", "/ip4/192.0.2.7", "your address /ip4/192.0.2.7"),
        ("tor", None, "a Tor exit, not your address"),
        ("relay", None, "a relay, not your address"),
    ],
)
def test_exposure_is_told_in_words(exposure: str, address: str | None, said: str) -> None:
    assert sentences.exposure(matched(exposure, address)) == said
    assert said in sentences.of_match(matched(exposure, address))


def test_what_a_peer_made_is_cleaned_and_cut() -> None:
    evil = "\x1b[31m\u202e" + "x" * 500
    match = Matched("direct", evil, WORDS, 5, interests=(evil, "chess"), bot=True)
    for said in (sentences.of_match(match), sentences.who(match, 1)):
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert len(said) < 300
        assert "chess" in said
    assert sentences.of_match(match).endswith("they say they are a bot")


def test_who_and_verify() -> None:
    assert sentences.who(matched(), 200) == (
        "They see: that you are on this machine, nothing else · "
        "you have talked for 3\N{NO-BREAK SPACE}min 20\N{NO-BREAK SPACE}s"
    )
    assert sentences.verify(matched()).startswith("one two three four five six seven · Compare over another channel")


@pytest.mark.parametrize(
    ("seconds", "words", "clock"),
    [(0, "0 s", "00:00"), (59.9, "59 s", "00:59"), (61, "1 min 1 s", "01:01"), (7500, "2 h 5 min", "2:05:00")],
)
def test_durations(seconds: float, words: str, clock: str) -> None:
    assert sentences.duration(seconds) == words
    assert sentences.clock(seconds) == clock


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Ended(EndReason.LEFT), "Stranger left."),
        (Ended(EndReason.LOST), "Connection lost (the stranger did not say goodbye)."),
        (Ended(EndReason.LOST, before_any_text=True), "Connection lost; looking for somebody else."),
        (Ended(EndReason.YOU), "You left."),
        (Ended(EndReason.FLOOD), "Closed: flooding."),
        (Ended(EndReason.REFUSED), "Closed: the other program broke the rules of the protocol."),
        (Ended(EndReason.TIMEOUT), "Nobody came in the time you gave."),
    ],
)
def test_ends(ended: Ended, said: str) -> None:
    assert sentences.of_end(ended, 0) == said


def test_what_was_not_confirmed_is_told_at_the_end() -> None:
    assert sentences.of_end(Ended(EndReason.LEFT), 1) == "Stranger left. Your last message was not confirmed."
    assert sentences.of_end(Ended(EndReason.LOST), 3).endswith("Your last 3 messages were not confirmed.")
    assert sentences.of_end(Ended(EndReason.TIMEOUT), 3) == "Nobody came in the time you gave."


def test_failures_say_the_next_step() -> None:
    assert sentences.of_failure(Failed("x", "It broke.", "Mend it.", 7)) == "It broke. Mend it."
    assert sentences.of_failure(Failed("x", "It broke.", "", 7)) == "It broke."
    assert sentences.of_failure(Failed("x", "/run: Read-only file system", "Mend it.", 7)) == (
        "/run: Read-only file system. Mend it."
    )


def test_what_is_kept_is_shown_by_its_beginning() -> None:
    assert sentences.held("early bird") == "Kept, and sent as soon as a stranger is there: early bird"
    assert sentences.held("日" * 30).removeprefix("Kept, and sent as soon as a stranger is there: ") == "日" * 20 + "…"


@pytest.mark.parametrize(
    ("send", "show", "said"),
    [
        (True, True, "They see when you type; you see when they do."),
        (False, False, "They do not see when you type; you do not see when they do."),
    ],
)
def test_typing_switches(send: bool, show: bool, said: str) -> None:
    assert sentences.of_typing_switch(send, show) == said


def test_the_question_after_a_paste_says_that_nothing_was_sent() -> None:
    assert sentences.pasted(3) == "3 lines pasted, nothing sent yet. y sends them as 3 messages, n drops them."
