"""A second dial beside a slow one (docs/protocol.md 4.2): when, to whom, how many, and what becomes of the others."""

import math

import pytest

from passerby.crypto.errors import LocalProtocolError
from passerby.node.dials import Connecting, Dialled
from passerby.node.limits import ASKED_TIMEOUT, DIAL_TIMEOUT, DIALS_AT_ONCE, HEDGE_AFTER, HEDGE_GAP, LOCK_TIMEOUT
from passerby.node.matchmaking import Matchmaker
from passerby.node.slot import (
    Asked,
    AttemptEnded,
    Choose,
    Connected,
    Dial,
    DialFailed,
    DropDial,
    Effect,
    EnterRooms,
    FirstMessage,
    Free,
    Idle,
    LeaveRooms,
    LockR,
    Opened,
    Outcome,
    Refuse,
    Refused,
    Reset,
    SendFirst,
    SendReply,
    Start,
    Stop,
    Tick,
)

THEIRS = 99  # a stream that somebody opens to us
ORDER, RTT, BUSY = 500, 0.25, 1


def name(stream: int) -> bytes:
    return b"peer %d" % stream


def moment(stream: int) -> float:
    """When the dial of that number begins, as early as may be; the first is 1."""
    return (0.0, HEDGE_AFTER)[stream - 1] if stream <= 2 else moment(stream - 1) + HEDGE_GAP


def dialling(count: int) -> Matchmaker:
    machine = Matchmaker()
    assert machine.handle(Start(), 0.0) == [EnterRooms()]
    for stream in range(1, count + 1):
        assert machine.handle(Choose(stream, name(stream)), moment(stream)) == [Dial(stream, name(stream))]
    return machine


def dropped(outcome: Outcome, *streams: int) -> list[Effect]:
    return [effect for stream in streams for effect in (DropDial(stream), AttemptEnded(name(stream), outcome))]


def out(machine: Matchmaker) -> list[int]:
    assert isinstance(machine.state, Connecting)
    return [dial.stream for dial in machine.state.dials]


# ---- when, and whom


@pytest.mark.parametrize("count", [1, 2, 3])
def test_another_is_dialled_once_the_newest_was_silent_for_a_moment(count: int) -> None:
    machine, due = dialling(count), moment(count + 1)
    early = math.nextafter(due, 0)
    assert not machine.may_choose(early)
    assert machine.deadline(early) == due
    with pytest.raises(LocalProtocolError):
        machine.handle(Choose(THEIRS, b"another"), early)
    assert out(machine) == [*range(1, count + 1)]
    assert machine.may_choose(due)
    assert machine.deadline(due) == DIAL_TIMEOUT, "a moment that has come is awaited no more"
    assert machine.handle(Choose(THEIRS, b"another"), due) == [Dial(THEIRS, b"another")]


def test_nobody_is_dialled_twice_at_once() -> None:
    machine = dialling(2)
    assert machine.dialled == {name(1), name(2)}
    for stream in (1, 2):
        with pytest.raises(LocalProtocolError):
            machine.handle(Choose(THEIRS, name(stream)), moment(3))
    assert out(machine) == [1, 2]
    machine.handle(DialFailed(1), moment(3))
    assert machine.dialled == {name(2)}
    machine.handle(Choose(THEIRS, name(1)), moment(3))
    assert out(machine) == [2, THEIRS]


def test_nobody_is_being_dialled_otherwise() -> None:
    assert dialling(0).dialled == frozenset()
    machine = dialling(1)
    machine.handle(Connected(1, ORDER, RTT), 0.0)
    assert machine.dialled == frozenset()


def test_dials_at_once_are_bounded_until_one_is_given_up() -> None:
    machine = dialling(DIALS_AT_ONCE)
    now = moment(DIALS_AT_ONCE + 1)
    assert not machine.may_choose(now)
    assert machine.deadline(moment(DIALS_AT_ONCE)) == DIAL_TIMEOUT
    with pytest.raises(LocalProtocolError):
        machine.handle(Choose(THEIRS, b"one too many"), now)
    assert machine.handle(Tick(), DIAL_TIMEOUT) == dropped(Outcome.UNREACHABLE, 1)
    assert machine.may_choose(DIAL_TIMEOUT)


def test_so_many_that_nobody_among_ghosts_waits_for_a_place() -> None:
    assert moment(DIALS_AT_ONCE + 1) >= DIAL_TIMEOUT - HEDGE_AFTER


def test_what_may_be_chosen_may_be_chosen_a_moment_later() -> None:
    """Between the question and the choice the oldest dial may end."""
    machine = dialling(1)
    machine.handle(Choose(2, name(2)), DIAL_TIMEOUT - 1.5 * HEDGE_GAP)
    assert machine.may_choose(math.nextafter(DIAL_TIMEOUT, 0))
    assert machine.handle(Choose(3, name(3)), DIAL_TIMEOUT) == [*dropped(Outcome.UNREACHABLE, 1), Dial(3, name(3))]
    assert out(machine) == [2, 3]


# ---- how each ends


@pytest.mark.parametrize("stream", [1, 2, 3])
def test_who_is_connected_first_is_asked_and_the_others_are_dropped_without_blame(stream: int) -> None:
    machine = dialling(3)
    others = [other for other in (1, 2, 3) if other != stream]
    effects = machine.handle(Connected(stream, ORDER, RTT), 1.0)
    assert effects == [*dropped(Outcome.YIELDED, *others), SendFirst(stream)]
    assert machine.state == Asked(stream, name(stream), 1.0 + ASKED_TIMEOUT + RTT, ORDER)
    assert not machine.may_choose(2.0)
    for other in others:
        assert machine.handle(Connected(other, ORDER + 1, RTT), 1.0) == [Reset(other)], "it came too late"
    assert machine.state == Asked(stream, name(stream), 1.0 + ASKED_TIMEOUT + RTT, ORDER)


def test_once_refused_all_begins_again() -> None:
    machine = dialling(2)
    machine.handle(Connected(2, ORDER, RTT), 0.5)
    machine.handle(Refused(2, BUSY), 0.6)
    assert machine.state == Free()
    assert machine.handle(Choose(3, name(1)), 0.6) == [Dial(3, name(1))]
    assert machine.deadline(0.6) == 0.6 + HEDGE_AFTER


@pytest.mark.parametrize("failing", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_each_fails_alone(failing: tuple[int, ...]) -> None:
    machine, left = dialling(3), [1, 2, 3]
    for stream in failing:
        assert out(machine) == left
        assert machine.handle(DialFailed(stream), 1.0) == dropped(Outcome.UNREACHABLE, stream)
        left.remove(stream)
    assert (machine.state, machine.deadline(1.0)) == (Free(), None)


def test_each_has_its_own_deadline() -> None:
    machine = dialling(3)
    for stream in (1, 2, 3):
        due = Dialled(stream, name(stream), moment(stream)).until
        assert machine.deadline(due - 0.01) == due
        assert machine.handle(Tick(), math.nextafter(due, 0)) == []
        assert machine.handle(Tick(), due) == dropped(Outcome.UNREACHABLE, stream)
    assert machine.state == Free()


def test_after_a_long_sleep_all_are_late_at_once() -> None:
    machine = dialling(3)
    assert machine.handle(Tick(), 1e6) == dropped(Outcome.UNREACHABLE, 1, 2, 3)
    assert machine.state == Free()


def test_one_that_is_connected_too_late_is_not_asked() -> None:
    machine = dialling(2)
    assert machine.handle(Connected(1, ORDER, RTT), DIAL_TIMEOUT) == [*dropped(Outcome.UNREACHABLE, 1), Reset(1)]
    assert out(machine) == [2]


def test_all_are_dropped_for_whoever_calls() -> None:
    machine = dialling(2)
    machine.handle(Opened(THEIRS, b"caller"), 1.0)
    effects = machine.handle(FirstMessage(THEIRS, 0), 1.0)
    assert effects == [*dropped(Outcome.YIELDED, 1, 2), SendReply(THEIRS), LeaveRooms()]
    assert machine.state == LockR(THEIRS, b"caller", 1.0 + LOCK_TIMEOUT)
    assert machine.handle(Connected(1, ORDER, RTT), 1.0) == [Reset(1)]


def test_one_of_those_dialled_may_call() -> None:
    machine = dialling(2)
    machine.handle(Opened(THEIRS, name(1)), 1.0)
    assert machine.handle(FirstMessage(THEIRS, 0), 1.0)[-2:] == [SendReply(THEIRS), LeaveRooms()]


def test_who_is_refused_drops_nothing() -> None:
    machine = dialling(2)
    machine.handle(Opened(THEIRS, b"caller"), 1.0)
    assert machine.handle(FirstMessage(THEIRS, 0, blocked=True), 1.0) == [Refuse(THEIRS)]
    assert out(machine) == [1, 2]


def test_stop_drops_all() -> None:
    machine = dialling(3)
    assert machine.handle(Stop(), 1.0) == [*dropped(Outcome.STOPPED, 1, 2, 3), LeaveRooms()]
    assert (machine.state, machine.deadline(1.0)) == (Idle(), None)
