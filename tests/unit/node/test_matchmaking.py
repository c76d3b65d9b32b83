"""Every state of the slot machine meets every event: docs/protocol.md 4.2 as a table."""

import math
from dataclasses import replace

import pytest

from passerby.crypto.errors import LocalProtocolError
from passerby.node.dials import Connecting
from passerby.node.failedlocks import REFUSED_PEERS
from passerby.node.limits import (
    ASKED_TIMEOUT,
    DIAL_TIMEOUT,
    EARLY_LOSS,
    HEDGE_AFTER,
    LOCK_TIMEOUT,
    M1_TIMEOUT,
    PAIRED_TIMEOUT,
    PENDING_CHAT_STREAMS,
    YIELD_PAUSE,
)
from passerby.node.matchmaking import Matchmaker
from passerby.node.slot import (
    Answered,
    Asked,
    AttemptEnded,
    Broken,
    ChatEnded,
    Choose,
    Confirmed,
    Connected,
    Dial,
    DialFailed,
    DropDial,
    Effect,
    EnterRooms,
    Event,
    FirstMessage,
    Free,
    GoodConfirmation,
    GoodHello,
    GoodProof,
    GoodReply,
    Idle,
    LeaveRooms,
    LockI,
    LockR,
    Matched,
    Opened,
    Outcome,
    Paired,
    Refuse,
    Refused,
    Reset,
    SendConfirmationAndHello,
    SendFirst,
    SendHello,
    SendProof,
    SendReply,
    Start,
    State,
    Stop,
    StreamFact,
    Tick,
)

S, OTHER = 1, 2  # the stream in the slot, another one
X, Y = b"x", b"y"  # who is at its far end, at the other's
ORDER, TH3, RTT, BUSY = 500, b"th3", 0.25, 1
ASKED_UNTIL = ASKED_TIMEOUT + RTT

TO_FREE: list[Event] = [Start()]
TO_CONNECTING = [*TO_FREE, Choose(S, X)]
TO_ASKED = [*TO_CONNECTING, Connected(S, ORDER, RTT)]
TO_LOCK_I = [*TO_ASKED, GoodReply(S)]
TO_PAIRED_I = [*TO_LOCK_I, GoodConfirmation(S, TH3)]
TO_LOCK_R = [*TO_FREE, Opened(S, X), FirstMessage(S, ORDER)]
TO_PAIRED_R = [*TO_LOCK_R, GoodProof(S, TH3)]

PATHS: dict[str, list[Event]] = {
    "idle": [],
    "free": TO_FREE,
    "connecting": TO_CONNECTING,
    "asked": TO_ASKED,
    "lock_r": TO_LOCK_R,
    "lock_i": TO_LOCK_I,
    "paired_r": TO_PAIRED_R,
    "paired_i": TO_PAIRED_I,
    "confirmed": [*TO_PAIRED_R, GoodHello(S)],
}
STATES: dict[str, State] = {
    "idle": Idle(),
    "free": Free(),
    "connecting": Connecting.first(S, X, 0.0),
    "asked": Asked(S, X, ASKED_UNTIL, ORDER),
    "lock_r": LockR(S, X, LOCK_TIMEOUT),
    "lock_i": LockI(S, X, LOCK_TIMEOUT),
    "paired_r": Paired(S, X, PAIRED_TIMEOUT, TH3, ours=False),
    "paired_i": Paired(S, X, PAIRED_TIMEOUT, TH3, ours=True),
    "confirmed": Confirmed(S, X, TH3, 0.0),
}
EVENTS: dict[str, StreamFact] = {
    "connected": Connected(S, ORDER, RTT),
    "dial failed": DialFailed(S),
    "M2": GoodReply(S),
    "refusal": Refused(S, BUSY),
    "M3": GoodProof(S, TH3),
    "M4": GoodConfirmation(S, TH3),
    "HELLO": GoodHello(S),
    "broken": Broken(S),
    "M1 again": FirstMessage(S, ORDER + 1),
    "answered": Answered(S),
    "goodbye": ChatEnded(S, lost=False, any_text=False),
    "loss": ChatEnded(S, lost=True, any_text=False),
    "loss after text": ChatEnded(S, lost=True, any_text=True),
}
FORWARD: dict[tuple[str, str], tuple[State, list[Effect]]] = {
    ("connecting", "connected"): (STATES["asked"], [SendFirst(S)]),
    ("asked", "M2"): (STATES["lock_i"], [SendProof(S), LeaveRooms()]),
    ("asked", "refusal"): (Free(), [Reset(S), AttemptEnded(X, Outcome.REFUSED, BUSY)]),
    ("lock_r", "M3"): (STATES["paired_r"], [SendConfirmationAndHello(S)]),
    ("lock_i", "M4"): (STATES["paired_i"], [SendHello(S)]),
    ("paired_r", "HELLO"): (STATES["confirmed"], [Matched(S, X, TH3)]),
    ("paired_i", "HELLO"): (STATES["confirmed"], [Matched(S, X, TH3)]),
    ("confirmed", "goodbye"): (Idle(), []),
    ("confirmed", "loss"): (Free(), [EnterRooms()]),
    ("confirmed", "loss after text"): (Idle(), []),
}
UNREACHABLE = AttemptEnded(X, Outcome.UNREACHABLE)  # before M1 there is nobody who could have failed
FAILED, TIMEOUT, STOPPED, YIELDED = (
    AttemptEnded(X, outcome) for outcome in (Outcome.FAILED, Outcome.TIMEOUT, Outcome.STOPPED, Outcome.YIELDED)
)
OTHERWISE: dict[str, tuple[State, list[Effect]]] = {  # what the state's own stream does not owe is a bad message
    "idle": (Idle(), [Reset(S)]),
    "free": (Free(), [Reset(S)]),
    "connecting": (Free(), [DropDial(S), UNREACHABLE]),
    "asked": (Free(), [Reset(S), FAILED]),
    "lock_r": (Free(), [Reset(S), EnterRooms()]),
    "lock_i": (Free(), [Reset(S), FAILED, EnterRooms()]),
    "paired_r": (Free(), [Reset(S), EnterRooms()]),
    "paired_i": (Free(), [Reset(S), FAILED, EnterRooms()]),
    "confirmed": (Idle(), [Reset(S)]),
}
WAITING = ["connecting", "asked", "lock_r", "lock_i", "paired_r", "paired_i"]


def after(events: list[Event], now: float = 0.0) -> Matchmaker:
    machine = Matchmaker()
    for event in events:
        machine.handle(event, now)
    return machine


def meet(machine: Matchmaker, order: int, now: float = 0.0, peer: bytes = Y, *, blocked: bool = False) -> list[Effect]:
    """An M1 arrives on a new stream."""
    assert machine.handle(Opened(OTHER, peer), now) == []
    return machine.handle(FirstMessage(OTHER, order, blocked), now)


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("event", EVENTS)
def test_the_slots_own_stream(state: str, event: str) -> None:
    machine = after(PATHS[state])
    assert machine.state == STATES[state]
    effects = machine.handle(EVENTS[event], 0.0)
    assert (machine.state, effects) == FORWARD.get((state, event), OTHERWISE[state])


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("event", EVENTS)
def test_a_stream_outside_the_slot_is_reset_and_nothing_else(state: str, event: str) -> None:
    machine = after(PATHS[state])
    assert machine.handle(replace(EVENTS[event], stream=OTHER), 0.0) == [Reset(OTHER)]
    assert machine.state == STATES[state]


@pytest.mark.parametrize("state", PATHS)
def test_a_broken_pending_stream_is_reset_and_forgotten(state: str) -> None:
    machine = after([*PATHS[state], Opened(OTHER, Y)])
    assert machine.handle(Broken(OTHER), 0.0) == [Reset(OTHER)]
    assert machine.state == STATES[state]
    assert machine.handle(FirstMessage(OTHER, ORDER + 1), 0.0) == [Reset(OTHER)]


@pytest.mark.parametrize(
    ("state", "order", "let_go"),
    [
        ("free", 0, []),
        ("connecting", 0, [DropDial(S), YIELDED]),
        ("asked", ORDER + 1, [Reset(S), YIELDED]),
    ],
)
def test_a_seeking_peer_takes_the_first_message(state: str, order: int, let_go: list[Effect]) -> None:
    machine = after(PATHS[state])
    assert meet(machine, order) == [*let_go, SendReply(OTHER), LeaveRooms()]
    assert machine.state == LockR(OTHER, Y, LOCK_TIMEOUT)


@pytest.mark.parametrize(
    ("state", "order"),
    [
        ("idle", ORDER + 1),
        ("asked", ORDER - 1),
        ("asked", ORDER),
        ("lock_r", ORDER + 1),
        ("lock_i", ORDER + 1),
        ("paired_r", ORDER + 1),
        ("paired_i", ORDER + 1),
        ("confirmed", ORDER + 1),
    ],
)
def test_a_promised_peer_refuses(state: str, order: int) -> None:
    machine = after(PATHS[state])
    assert meet(machine, order) == [Refuse(OTHER)]
    assert machine.state == STATES[state]


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("order", [ORDER - 1, ORDER, ORDER + 1])
@pytest.mark.parametrize("blocked", [False, True])
def test_a_stamp_is_worth_asking_for_where_the_m1_would_be_taken(state: str, order: int, blocked: bool) -> None:
    machine = after(PATHS[state])
    asked = FirstMessage(OTHER, order, blocked)
    assert not machine.would_take(asked, 0.0)  # nobody opened that stream
    machine.handle(Opened(OTHER, Y), 0.0)
    told = machine.would_take(asked, 0.0)
    assert machine.state == STATES[state]
    assert told == (machine.handle(asked, 0.0) != [Refuse(OTHER)])


@pytest.mark.parametrize("state", PATHS)
def test_the_refusal_does_not_tell_who_is_blocked(state: str) -> None:
    machine = after(PATHS[state])
    assert meet(machine, ORDER + 1, blocked=True) == [Refuse(OTHER)]
    assert machine.state == STATES[state]


@pytest.mark.parametrize("state", WAITING)
def test_what_waits_has_a_deadline_and_falls_at_it(state: str) -> None:
    machine = after(PATHS[state])
    due = machine.deadline(HEDGE_AFTER)
    assert due is not None
    assert machine.handle(Tick(), math.nextafter(due, 0)) == []
    assert machine.state == STATES[state]
    effects = [TIMEOUT if effect == FAILED else effect for effect in OTHERWISE[state][1]]
    assert machine.handle(Tick(), due) == effects
    assert (machine.state, machine.deadline(due)) == (Free(), None)


@pytest.mark.parametrize("state", ["idle", "free", "confirmed"])
def test_what_does_not_wait_has_no_deadline(state: str) -> None:
    machine = after(PATHS[state])
    assert machine.deadline(0.0) is None
    assert machine.handle(Tick(), 1e9) == []
    assert machine.state == STATES[state]


def test_a_message_that_comes_after_its_deadline_revives_nothing() -> None:
    machine = after(TO_LOCK_R)
    assert machine.handle(GoodProof(S, TH3), LOCK_TIMEOUT) == [Reset(S), EnterRooms(), Reset(S)]
    assert machine.state == Free()


@pytest.mark.parametrize("rtt", [60.0, math.inf, math.nan])
def test_no_estimate_of_the_round_trip_stretches_asked_beyond_reason(rtt: float) -> None:
    machine = after([*TO_CONNECTING, Connected(S, ORDER, rtt)])
    assert machine.deadline(0.0) == ASKED_TIMEOUT + DIAL_TIMEOUT


@pytest.mark.parametrize("state", PATHS)
def test_start_only_in_idle_and_choose_at_once_only_when_free(state: str) -> None:
    wishes: list[tuple[Event, str, list[Effect]]] = [
        (Start(), "idle", [EnterRooms()]),
        (Choose(OTHER, Y), "free", [Dial(OTHER, Y)]),
    ]
    for event, allowed, effects in wishes:
        machine = after(PATHS[state])
        if state == allowed:
            assert machine.handle(event, 0.0) == effects
        else:
            with pytest.raises(LocalProtocolError):
                machine.handle(event, 0.0)
            assert machine.state == STATES[state]


@pytest.mark.parametrize(("now", "states"), [(0.0, ["free"]), (HEDGE_AFTER, ["free", "connecting"])])
def test_it_tells_when_somebody_may_be_chosen(now: float, states: list[str]) -> None:
    assert [name for name, path in PATHS.items() if after(path).may_choose(now)] == states


@pytest.mark.parametrize(
    ("state", "effects"),
    [
        ("idle", []),
        ("free", [LeaveRooms()]),
        ("connecting", [DropDial(S), STOPPED, LeaveRooms()]),
        ("asked", [Reset(S), STOPPED, LeaveRooms()]),
        ("lock_r", [Reset(S)]),
        ("lock_i", [Reset(S), STOPPED]),
        ("paired_r", [Reset(S)]),
        ("paired_i", [Reset(S), STOPPED]),
        ("confirmed", [Reset(S)]),
    ],
)
def test_stop_lets_everything_go(state: str, effects: list[Effect]) -> None:
    machine = after(PATHS[state])
    assert machine.handle(Stop(), 0.0) == effects
    assert (machine.state, machine.deadline(0.0)) == (Idle(), None)


@pytest.mark.parametrize(("after_match", "state"), [(EARLY_LOSS, Free()), (EARLY_LOSS + 0.001, Idle())])
def test_only_an_early_loss_counts_as_no_chat(after_match: float, state: State) -> None:
    machine = after(PATHS["confirmed"], now=100.0)
    machine.handle(ChatEnded(S, lost=True, any_text=False), 100.0 + after_match)
    assert machine.state == state


# ---- streams that have not said anything yet


def test_pending_streams_are_bounded_and_one_per_peer() -> None:
    machine = after(TO_FREE)
    for number in range(PENDING_CHAT_STREAMS):
        assert machine.handle(Opened(10 + number, bytes([number])), 0.0) == []
    assert machine.handle(Opened(99, b"one too many"), 0.0) == [Reset(99)]
    assert machine.handle(Answered(10), 0.0) == []
    assert machine.handle(Opened(98, bytes([1])), 0.0) == [Reset(98)]
    assert machine.handle(Opened(97, bytes([0])), 0.0) == []


def test_a_stream_whose_first_message_was_answered_is_pending_no_more() -> None:
    machine = after([*TO_FREE, Opened(OTHER, Y)])
    assert machine.handle(FirstMessage(OTHER, ORDER, blocked=True), 0.0) == [Refuse(OTHER)]
    assert machine.deadline(0.0) is None
    assert machine.handle(Opened(3, Y), 0.0) == []


def test_a_silent_stream_is_reset_and_the_slot_is_untouched() -> None:
    machine = after(TO_LOCK_R, now=1.0)
    machine.handle(Opened(OTHER, Y), 0.5)
    assert machine.deadline(0.0) == 0.5 + M1_TIMEOUT
    assert machine.handle(Tick(), 0.5 + M1_TIMEOUT) == [Reset(OTHER)]
    assert machine.state == LockR(S, X, 1.0 + LOCK_TIMEOUT)


# ---- two inbound locks that failed at M3


def fail_lock(machine: Matchmaker, peer: bytes, now: float) -> None:
    assert meet(machine, 0, now, peer) == [SendReply(OTHER), LeaveRooms()]
    machine.handle(Broken(OTHER), now)


def seek(state: str, machine: Matchmaker, now: float) -> None:
    for event in PATHS[state][1:]:
        machine.handle(event, now)


@pytest.mark.parametrize("state", ["connecting", "asked"])
@pytest.mark.parametrize(
    ("first", "now", "yields"),
    [
        (0.0, YIELD_PAUSE, False),
        (0.0, YIELD_PAUSE + YIELD_PAUSE - 0.001, False),
        (0.0, YIELD_PAUSE + YIELD_PAUSE, True),
        (-0.001, YIELD_PAUSE, True),
    ],
)
def test_two_failed_locks_within_the_pause_end_yielding_for_it(
    state: str, first: float, now: float, yields: bool
) -> None:
    machine = after(TO_FREE)
    fail_lock(machine, b"a", first)
    fail_lock(machine, b"b", YIELD_PAUSE)
    seek(state, machine, now)
    assert (meet(machine, ORDER + 1, now)[-1] == LeaveRooms()) == yields


@pytest.mark.parametrize("state", ["connecting", "asked"])
def test_one_failed_lock_is_no_pattern(state: str) -> None:
    machine = after(TO_FREE)
    fail_lock(machine, b"a", 0.0)
    seek(state, machine, 0.0)
    assert meet(machine, ORDER + 1, peer=b"a")[-1] == LeaveRooms()


def test_who_failed_is_refused_for_the_pause_even_when_free() -> None:
    machine = after(TO_FREE)
    fail_lock(machine, b"a", 0.0)
    fail_lock(machine, b"b", 1.0)
    for peer in (b"a", b"b"):
        assert meet(machine, ORDER, YIELD_PAUSE + 0.999, peer) == [Refuse(OTHER)]
    assert meet(machine, ORDER, YIELD_PAUSE + 1.0, b"a") == [SendReply(OTHER), LeaveRooms()]


def test_a_stranger_is_taken_when_free_in_the_pause() -> None:
    machine = after(TO_FREE)
    fail_lock(machine, b"a", 0.0)
    fail_lock(machine, b"b", 0.0)
    assert meet(machine, ORDER) == [SendReply(OTHER), LeaveRooms()]


def test_a_lock_that_times_out_has_failed_too() -> None:
    machine = after(TO_LOCK_R)
    machine.handle(Tick(), LOCK_TIMEOUT)
    fail_lock(machine, Y, LOCK_TIMEOUT)
    assert meet(machine, ORDER, LOCK_TIMEOUT, X) == [Refuse(OTHER)]


@pytest.mark.parametrize("path", [[*TO_LOCK_R, Stop(), Start()], [*TO_PAIRED_R, Broken(S)]])
def test_only_a_missing_proof_is_a_failed_lock(path: list[Event]) -> None:
    machine = after(path)
    fail_lock(machine, Y, 0.0)
    assert meet(machine, ORDER, peer=X) == [SendReply(OTHER), LeaveRooms()]


def test_the_list_of_who_failed_keeps_the_newest() -> None:
    machine = after(TO_FREE)
    peers = [number.to_bytes(2) for number in range(REFUSED_PEERS + 1)]
    for peer in peers:
        fail_lock(machine, peer, 0.0)
    assert [meet(machine, ORDER, 0.0, peer) for peer in peers[1:]] == [[Refuse(OTHER)]] * REFUSED_PEERS
    assert meet(machine, ORDER, 0.0, peers[0]) == [SendReply(OTHER), LeaveRooms()]
