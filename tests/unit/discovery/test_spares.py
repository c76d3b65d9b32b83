"""What hearsay may do: fill few places, and take none from who spoke for itself or had answered."""

import math
import random
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    BUCKET_SPARES,
    FIRST_RETRY,
    LONGEST_RETRY,
    SPARE_BLOCK,
)
from passerby.discovery.lookup import block_at
from passerby.discovery.seeding.firstcontacts import FirstContacts
from passerby.discovery.seeding.spares import NEVER, Spare, Spares
from passerby.discovery.seeding.table import Contact, Table, place_of
from support.seednet import UNIX, address_of, read, record_of

OWN = read(record_of(0))
PLACE = place_of(OWN.position)


def spare(
    number: int, heard: float = 0.0, *, block: str = "", home: bool = False, scope: Scope = Scope.PUBLIC
) -> Spare:
    blob = record_of(number, scope)
    record = read(blob)
    where = record.addresses[0]
    return Spare(record, blob, block or block_at(where, record.pid), heard, home, where.host if home else "")


def pid(number: int) -> bytes:
    return spare(number).record.pid


def spares() -> Spares:
    return Spares(Table(OWN.position), PLACE)


def anybody(_: Spare) -> bool:
    return True


def far(count: int) -> list[int]:
    """Return seeds of our emptiest bucket, which is half of all."""
    table = Table(OWN.position)
    return [number for number in range(1, 100) if table.bucket_of(spare(number).place) == 0][:count]


def test_a_bucket_keeps_eight_the_last_heard_of() -> None:
    kept = spares()
    numbers = far(BUCKET_SPARES + 2)
    for heard, number in enumerate(numbers[:-1]):
        assert kept.hear(spare(number, heard, block=f"{number}"))
    assert len(kept) == BUCKET_SPARES
    assert kept.get(pid(numbers[0])) is None
    kept.drop(pid(numbers[0]))
    assert not kept.hear(spare(numbers[-1], NEVER))  # older than all


def test_a_block_keeps_two_of_a_bucket() -> None:
    kept = spares()
    for heard, number in enumerate(far(4)):
        assert kept.hear(spare(number, heard, block="one"))
    assert len(kept) == SPARE_BLOCK


def test_who_spoke_for_itself_or_answered_is_worth_more_than_hearsay() -> None:
    kept = spares()
    numbers = far(BUCKET_SPARES + 1)
    for number in numbers[:-1]:
        kept.hear(spare(number, block=f"{number}", home=True))
    answered = spare(numbers[0], NEVER)
    kept.hear(Spare(answered.record, answered.blob, answered.block, NEVER, has_answered=True))
    kept.hear(spare(numbers[0], NEVER))  # what it was is not forgotten
    assert not kept.hear(spare(numbers[-1], 9.0))
    assert kept.hear(spare(numbers[-1], 9.0, home=True))
    assert kept.get(pid(numbers[0])) is not None


def test_a_spare_told_of_again_is_fresh_again_and_its_newer_record_is_news() -> None:
    kept = spares()
    record = spare(1).record
    assert not kept.refresh(record, 0.0, has_knocked=False, home="")
    kept.hear(spare(1, 1.0))
    assert not kept.refresh(record, 4.0, has_knocked=True, home="")  # now it is seen where it is
    kept.hear(spare(1, 4.0, home=True))
    assert kept.refresh(record, 5.0, has_knocked=False, home="")
    found = kept.get(pid(1))
    assert found is not None
    assert (found.heard, found.home) == (5.0, record.addresses[0].host)
    later = read(record_of(1, Scope.PUBLIC, int(UNIX) + 9))
    assert not kept.refresh(later, 6.0, has_knocked=False, home="")
    assert kept.hear(Spare(later, b"", "b", 6.0))
    assert kept.refresh(record, 7.0, has_knocked=True, home="")  # an old record is no news, whoever brings it
    assert len(kept) == 1


def test_who_may_not_be_dialled_where_it_is_gives_way_to_hearsay_unless_it_had_answered() -> None:
    kept = spares()
    numbers = far(BUCKET_SPARES + 2)
    for number in numbers[:-2]:
        kept.hear(spare(number, block=f"{number}", home=True))
    answered = spare(numbers[0], home=True)
    kept.hear(Spare(answered.record, answered.blob, "b", 0.0, has_answered=True, home=answered.home))
    assert not kept.hear(spare(numbers[-1], 9.0))
    assert kept.choose({}, NEVER, lambda _: False) is None
    assert kept.hear(spare(numbers[-1], 9.0))
    found = kept.get(pid(numbers[0]))
    assert found is not None
    assert found.home


def test_the_nearest_is_chosen_but_who_was_heard_of_since_a_loss_comes_first() -> None:
    kept = spares()
    near, *others = sorted(range(1, 9), key=lambda number: spare(number).place ^ PLACE)
    for number in (near, *others):
        kept.hear(spare(number, heard=2.0 if number == others[-1] else 1.0))
    chosen = kept.choose({}, NEVER, anybody)
    assert chosen is not None
    assert chosen.record.pid == pid(near)
    chosen = kept.choose({pid(near): spare(near).place}, NEVER, anybody)
    assert chosen is not None
    assert chosen.record.pid == pid(others[0])
    chosen = kept.choose({}, 1.5, anybody)
    assert chosen is not None
    assert chosen.record.pid == pid(others[-1])


def test_nobody_is_chosen_whom_the_table_does_not_want() -> None:
    table = Table(OWN.position)
    for number in range(1, 60):
        one = spare(number)
        table.add(Contact(one.record, one.blob, f"{number}", 0.0, ()))
    kept = Spares(table, PLACE)
    for number in range(60, 99):
        kept.hear(spare(number))
    chosen = kept.choose({}, NEVER, anybody)
    assert chosen is None or table.wants(chosen.place, chosen.block)
    full = next(number for number in far(60) if number >= 60)
    assert not table.wants(spare(full).place, "x")


def test_whom_the_table_declined_is_considered_again_when_it_may_have_changed() -> None:
    table = Table(OWN.position)
    contacts = [Contact(one.record, one.blob, f"{n}", 0.0, ()) for n in range(1, 60) for one in [spare(n)]]
    for contact in contacts:
        table.add(contact)
    late = next(spare(n) for n in range(60, 99) if not table.wants(spare(n).place, "x"))
    kept = Spares(table, PLACE)
    kept.hear(late)
    assert kept.choose({}, NEVER, anybody) is None
    for contact in contacts:
        table.drop(contact.pid)
    assert kept.choose({}, NEVER, anybody) is None
    kept.reconsider()
    assert kept.choose({}, NEVER, anybody) is late


@given(st.lists(st.tuples(st.integers(1, 200), st.sampled_from("abc"), st.integers(0, 9), st.booleans()), max_size=80))
def test_places_are_few_whatever_is_told(told: list[tuple[int, str, int, bool]]) -> None:
    table = Table(OWN.position)
    kept = Spares(table, PLACE)
    for number, block, heard, home in told:
        one = spare(number, heard, block=block, home=home)
        assert kept.hear(one) == (kept.get(one.record.pid) is one)
    held = [found for number in range(1, 201) if (found := kept.get(pid(number))) is not None]
    assert len(held) == len(kept)
    assert all(n <= SPARE_BLOCK for n in Counter((table.bucket_of(one.place), one.block) for one in held).values())
    assert all(n <= BUCKET_SPARES for n in Counter(table.bucket_of(one.place) for one in held).values())


# ---- first contacts


def test_first_contacts_are_asked_in_turn_after_pauses_that_double() -> None:
    first = FirstContacts()
    assert first.due(lambda _: False) == math.inf
    assert first.draw(lambda _: False, random.Random(1)) is None
    first.add(b"one", (address_of(1),), 0.0)
    assert first.due(lambda _: False) == 0.0
    assert first.next(lambda _: False, 0.0) == (b"one", (address_of(1),))
    assert first.due(lambda _: False) == FIRST_RETRY
    moments: list[float] = []
    for _ in range(8):
        moments.append(first.due(lambda _: False))
        first.next(lambda _: False, moments[-1])
    pauses = [later - sooner for sooner, later in pairwise(moments)]
    assert pauses == [2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY, 16 * FIRST_RETRY, 32 * FIRST_RETRY, 300, 300]
    assert LONGEST_RETRY == 300
    first.found(b"one")
    first.found(b"somebody else")
    now = first.due(lambda _: False)
    first.next(lambda _: False, now)
    assert first.due(lambda _: False) == now + FIRST_RETRY


def test_a_first_contact_that_is_known_is_not_asked() -> None:
    first = FirstContacts()
    first.add(b"one", (), 0.0)
    first.add(b"two", (), 1.0)
    assert first.next(lambda pid: pid == b"one", 1.0) == (b"two", ())
    assert first.draw(lambda pid: pid == b"two", random.Random(1)) == (b"one", ())
    assert first.due(lambda _: True) == math.inf
