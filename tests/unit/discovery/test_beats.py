"""Silences come in order, a stream that is heard costs no place in the queue, and none is lost or told twice."""

from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.addresses import Scope
from passerby.discovery.seeding.beats import Beats
from passerby.discovery.seeding.seedroom import Stream


def stream(number: int = 0, heard: float = 0.0, interval: int = 5) -> Stream:
    return Stream(number, b"pid", Scope.PUBLIC, "block", heard, interval=interval)


def test_a_stream_is_silent_once_its_window_has_passed() -> None:
    beats, one = Beats(), stream()
    beats.expect(one)
    assert list(beats.silent(12.0)) == []
    assert list(beats.silent(12.1)) == [one]
    assert list(beats.silent(500.0)) == []


def test_who_is_heard_or_announces_another_beat_is_silent_later_or_sooner() -> None:
    beats, later, sooner = Beats(), stream(0), stream(1, interval=15)
    beats.expect(later)
    beats.expect(sooner)
    later.heard, later.interval = 10.0, 15
    sooner.heard, sooner.interval = 10.0, 1
    beats.expect(later)
    beats.expect(sooner)
    assert list(beats.silent(12.3)) == []
    assert list(beats.silent(12.5)) == [sooner]
    assert list(beats.silent(46.0)) == []
    assert list(beats.silent(46.1)) == [later]


def test_a_stream_that_was_forgotten_is_never_told() -> None:
    beats, gone = Beats(), stream()
    beats.expect(gone)
    beats.forget(gone)
    beats.forget(gone)
    assert list(beats.silent(100.0)) == []


def test_beats_that_jump_to_and_fro_do_not_fill_the_queue() -> None:
    beats, streams = Beats(), [stream(number) for number in range(40)]
    for step in range(200):
        for one in streams:
            one.heard, one.interval = step * 2.39, 50 if step % 2 else 1
            beats.expect(one)
        assert not list(beats.silent(2.39 * (step + 1)))
    assert len(beats) <= 2 * 40 + 64 + 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 20), st.integers(1, 50), st.booleans()), max_size=80),
)
def test_exactly_those_who_are_overdue_are_told(moves: list[tuple[int, float, int, bool]]) -> None:
    beats, now = Beats(), 0.0
    followed: dict[int, Stream] = {}
    for number, passed, interval, forgets in moves:
        now += passed
        overdue = {key for key, one in followed.items() if one.deadline < now}
        assert {one.number for one in beats.silent(now)} == overdue
        for key in overdue:
            del followed[key]
        if forgets:
            if number in followed:
                beats.forget(followed.pop(number))
            continue
        one = followed.setdefault(number, stream(number))
        one.heard, one.interval = now, interval
        beats.expect(one)
