"""When a seed that could not be reached is tried again."""

import pytest

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.searching.knownseed import (
    PAID_MEMORY,
    RESTART,
    RESTART_RETRY,
    SECOND_CHANCE,
    STAMPS_IN_VAIN,
    Known,
    Origin,
)

PID = peer_id_of(SigningKey.from_seed(bytes(32)).public)


def seed(origin: Origin = Origin.NAMED, answered: float | None = None) -> Known:
    return Known(PID, Scope.MACHINE, origin, (parse("/ip4/127.0.0.1/tcp/4001"),), answered=answered)


def waits(known: Known, tries: int, now: float = 0.0) -> list[float]:
    """Return the waits after so many tries in a row that fail at once."""
    found: list[float] = []
    for _ in range(tries):
        known.miss(now)
        found.append(known.retry_at - now)
        now = known.retry_at
    return found


def test_who_never_answered_is_tried_ever_more_rarely() -> None:
    assert waits(seed(), 9) == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_what_may_be_an_invention_is_tried_last_and_once_more_since_it_may_have_been_late() -> None:
    assert waits(seed(Origin.HEARD), 3) == [SECOND_CHANCE, 300, 300]


@pytest.mark.parametrize("origin", Origin)
def test_who_answered_a_minute_ago_may_be_starting_again(origin: Origin) -> None:
    first = round(RESTART / RESTART_RETRY)
    assert waits(seed(origin, answered=0.0), first + 3) == [RESTART_RETRY] * first + [10, 20, 40]


def test_who_wants_stamps_again_and_again_is_left_alone_for_ever_longer() -> None:
    one, pauses, now = seed(), list[float](), 1000.0
    assert not one.is_paid_in_vain(now)
    for _ in range(7):
        for _ in range(STAMPS_IN_VAIN):
            assert not one.is_paid_in_vain(now)
            one.pay(now)
        assert one.is_paid_in_vain(now)
        pauses.append(one.pay_no_more())
        now += pauses[-1]
    assert pauses == [15, 30, 60, 120, 240, 300, 300]


def test_stamps_are_forgotten_after_a_while() -> None:
    one = seed()
    for _ in range(STAMPS_IN_VAIN):
        one.pay(0.0)
    assert one.is_paid_in_vain(PAID_MEMORY - 1)
    assert not one.is_paid_in_vain(PAID_MEMORY)
    one.pay_no_more()
    one.pay(PAID_MEMORY)
    assert not one.is_paid_in_vain(PAID_MEMORY)
    one.pay(PAID_MEMORY)
    assert one.pay_no_more() == 15
