"""What -v and -vv log of each event: our own words and counts, and nothing that somebody else made up."""

import logging

import pytest

from passerby.node.console.journal import Journal
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

CANARY = "canary"
ADDRESS = "/ip4/192.0.2.7/tcp/1"


@pytest.mark.parametrize(
    ("event", "level", "words"),
    [
        (
            StateChanged(State.NO_SEED, Scope.PUBLIC, seeds=1, waiting=2, seen=3, met=4, named=5, retry=6.4),
            logging.INFO,
            "state no-seed, scope public, seeds 1, named 5, waiting 2, seen 3, met 4, next try in 6 s",
        ),
        (
            Matched("machine", ADDRESS, (CANARY,) * 7, 12, (CANARY,), CANARY, bot=True),
            logging.INFO,
            "matched after 12 ms, they see: machine",
        ),
        (Ended(EndReason.LEFT), logging.INFO, "chat ended: left"),
        (Ended(EndReason.LOST, before_any_text=True), logging.INFO, "chat ended: lost, before any text"),
        (Failed("needs-relay", CANARY, CANARY, 7), logging.INFO, "failed: needs-relay, exit code 7"),
        (Finished(4), logging.INFO, "finished, exit code 4"),
        (Warned("not-sent", CANARY), logging.DEBUG, "told: not-sent"),
        (MessageReceived(77, CANARY), logging.DEBUG, "MessageReceived"),
        (MessageSent(77, CANARY), logging.DEBUG, "MessageSent"),
        (Delivered(77), logging.DEBUG, "Delivered"),
        (StrangerTyping(on=True), logging.DEBUG, "StrangerTyping"),
    ],
)
def test_each_event_has_its_words(event: Event, level: int, words: str) -> None:
    assert Journal().entry(event) == (level, words)


def test_new_figures_of_the_same_state_are_for_those_who_want_everything() -> None:
    journal = Journal()
    changes = [
        StateChanged(State.EMPTY, Scope.MACHINE),
        StateChanged(State.EMPTY, Scope.MACHINE, seeds=1),
        StateChanged(State.BUSY, Scope.MACHINE, seeds=1),
        StateChanged(State.EMPTY, Scope.MACHINE, seeds=1),
    ]
    assert [journal.entry(change)[0] for change in changes] == [
        logging.INFO, logging.DEBUG, logging.INFO, logging.INFO,
    ]  # fmt: skip
