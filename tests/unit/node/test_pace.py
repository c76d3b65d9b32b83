"""Pace and Window: bursts to the last one, long runs at the rate, and no waking up in vain."""

from hypothesis import given
from hypothesis import strategies as st

from passerby.node.pace import Pace, Window

moments = st.floats(0, 1e7)


@given(moments, st.sampled_from([(5.0, 20), (8.0, 100)]))
def test_a_burst_goes_at_once_and_not_one_more(now: float, kind: tuple[float, int]) -> None:
    rate, burst = kind
    pace = Pace(rate, burst)
    for _ in range(burst):
        assert pace.ready_at() <= now
        pace.take(now)
    assert now < pace.ready_at() <= now + 1 / rate


@given(moments)
def test_the_long_run_has_the_rate(now: float) -> None:
    pace, start = Pace(5, 20), now
    for _ in range(520):
        now = max(now, pace.ready_at())
        pace.take(now)
    assert 99.9 < now - start < 100.1


def test_a_rest_fills_the_bucket_but_not_more() -> None:
    pace = Pace(5, 20)
    pace.take(0)
    for _ in range(20):
        assert pace.ready_at() <= 1000
        pace.take(1000)
    assert pace.ready_at() > 1000


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 100)), max_size=60), moments)
def test_no_stretch_of_time_holds_more_than_the_budget(steps: list[tuple[float, int]], now: float) -> None:
    window, spent = Window(100, 10.0), list[tuple[float, int]]()
    for rest, size in steps:
        now = max(now + rest, window.ready_at(size))
        window.add(size, now)
        spent.append((now, size))
    for start, _ in spent:
        assert sum(size for at, size in spent if start <= at and at < start + 10) <= 100


def test_room_comes_back_with_what_leaves() -> None:
    window = Window(100, 10.0)
    assert window.ready_at(100) == float("-inf")
    window.add(60, 1.0)
    window.add(40, 2.0)
    assert window.ready_at(1) == 11.0
    assert window.ready_at(61) == 12.0
    window.add(50, 11.0)
    assert window.ready_at(10) == float("-inf")
    window.clear()
    assert window.ready_at(100) == float("-inf")
