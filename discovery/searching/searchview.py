"""What is known of a search, for the status line (product.md 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low

from passerby.discovery.limits import RECENT, ROOM_SEEDS
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.candidates import Seen
from passerby.discovery.searching.guests import Guest


@dataclass(frozen=True, slots=True)
class View:
    """What is known, for the status line: all from round trips of the last 60 s (product.md 4).

    `up` seeds have an open stream, `seeds` of them answered lately, `informed` of those told of a room we are in now;
    `waiting` is how many others they say are there, in the fullest room; `people` are those whose tickets came.
    """

    up: int
    seeds: int
    informed: int
    waiting: int
    people: Seen


def view_of(guests: Iterable[Guest], people: Seen, now: float) -> View:
    """Return what is known at a moment, from where we stand with our seeds."""
    up = [guest for guest in guests if guest.up]
    lately = [guest for guest in up if guest.answered is not None and now - guest.answered <= RECENT]
    told: dict[RoomId, list[int]] = {}
    informed = 0
    for guest in lately:
        numbers = [(room, place.waiting) for room, place in guest.places.items() if place.waiting is not None]
        informed += bool(numbers)
        for room, waiting in numbers:
            told.setdefault(room, []).append(waiting)
    return View(
        up=len(up),
        seeds=len(lately),
        informed=informed,
        waiting=max(map(_believed, told.values()), default=0),
        people=people,
    )


def _believed(numbers: list[int]) -> int:
    """Return how many wait in a room: the median of what its seeds say, of two the lower, since one may lie.

    A search that looks further asks more seeds than others wait at (protocol.md 2.4): of these R count.
    """
    return median_low(sorted(numbers)[-ROOM_SEEDS:])


def state_of(view: View) -> str:
    """Return the state of a search in the words of product.md 4; somebody new, or nothing known yet, is `searching`."""
    people = view.people
    if not view.up:
        return "no-seed"
    if people.new or not view.informed:
        return "searching"
    if people.busy:
        return "busy"
    if people.unreachable:
        return "unreachable"
    return "empty" if people.met or not view.waiting else "searching"
