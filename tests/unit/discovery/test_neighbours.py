"""A seed among seeds: what it believes, whom it calls, what it answers; each rule against a scripted other side."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.dhtwire import Find, Nodes, Ping, Pong
from passerby.discovery.hints import Hint
from passerby.discovery.limits import (
    BUCKET_REFRESH,
    FIRST_RETRY,
    PING_ROUND,
    RECORD_BEHIND,
    RECORD_REFRESH,
    VERIFY_AT_ONCE,
    VERIFY_GAP,
    WORK_MEMORY,
)
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    CheckWork,
    ClockSet,
    Effect,
    Event,
    Gone,
    HangUp,
    Introduced,
    Knocked,
    Moved,
    Remembered,
    Silent,
    Tick,
    Told,
)
from passerby.discovery.seeding.neighbours import Neighbours
from passerby.discovery.seeding.table import place_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from support.seednet import UNIX, address_of, key_of, read, record_of

MACHINE, PUBLIC = Scope.MACHINE, Scope.PUBLIC


def seed_of(number: int = 0, scope: Scope = MACHINE) -> Neighbours:
    return Neighbours(
        scope=scope,
        sign=lambda issued: record_of(number, scope, issued),
        unix_minus_now=UNIX,
        rng=random.Random(number),
        now=0.0,
    )


def pid(number: int) -> bytes:
    return read(record_of(number)).pid


def told(number: int, *records: bytes, hint: Hint | None = None, scope: Scope = MACHINE) -> Told:
    return Told(pid(number), f"block {number}", address_of(number, scope), Nodes(0, records, hint))


def worked(number: int, passed: bool = True) -> CheckedWork:
    return CheckedWork(read(record_of(number, PUBLIC)), passed)


def calls(effects: list[Effect]) -> list[bytes]:
    return [effect.pid for effect in effects if isinstance(effect, Call)]


def joined(*numbers: int, scope: Scope = MACHINE) -> Neighbours:
    """Return seed 0 with these as its contacts."""
    seed = seed_of(0, scope)
    for number in numbers:
        seed.handle(Remembered(record_of(number, scope)), 0.0)
        seed.handle(worked(number), 0.0)
        seed.handle(told(number, scope=scope), 0.0)
    assert {contact.pid for contact in seed.contacts()} == {pid(number) for number in numbers}
    for number in numbers:  # what it asked them in joining
        seed.handle(told(number, scope=scope), 0.0)
    return seed


# ---- verify before add


def test_hearsay_is_verified_on_a_connection_that_we_dial() -> None:
    seed = seed_of()
    (call,) = seed.handle(Remembered(record_of(1)), 0.0)
    assert isinstance(call, Call)
    assert call.addresses == (address_of(1),)
    assert call.request == Find(0, read(record_of(0)).position, record_of(0))
    assert len(seed) == 0
    seed.handle(told(1), 0.0)
    assert [contact.block for contact in seed.contacts()] == ["block 1"]


def test_in_public_its_work_is_checked_first_and_then_remembered() -> None:
    seed = seed_of(0, PUBLIC)
    blob = record_of(1, PUBLIC)
    assert seed.handle(Remembered(blob), 0.0) == [CheckWork(read(blob))]
    assert calls(seed.handle(worked(1), 0.0)) == [pid(1)]
    seed.handle(told(1, scope=PUBLIC), 0.0)
    assert len(seed) == 1
    seed.handle(Gone(pid(1)), 100.0)
    effects = seed.handle(Tick(), 200.0)
    assert calls(effects) == [pid(1)]  # without a second check


def test_who_did_no_work_is_forgotten() -> None:
    seed = seed_of(0, PUBLIC)
    seed.handle(Remembered(record_of(1, PUBLIC)), 0.0)
    assert seed.handle(worked(1, passed=False), 0.0) == [HangUp(pid(1))]
    assert seed.handle(worked(1), 0.0) == []
    assert seed.handle(told(1), 0.0) == []
    assert len(seed) == 0


def test_work_is_remembered_of_so_many_and_no_more() -> None:
    seed = joined(1, scope=PUBLIC)
    now = 0.0
    for number in range(2, WORK_MEMORY + 2):
        now += VERIFY_GAP / WORK_MEMORY
        seed.handle(Remembered(record_of(number, PUBLIC)), now)
        seed.handle(worked(number), now)
        seed.handle(Silent(pid(number)), now)
    seed.handle(Gone(pid(1)), now)
    assert CheckWork(read(record_of(1, PUBLIC))) in seed.handle(Tick(), now + 2 * PING_ROUND)


def test_four_are_verified_at_once_the_nearest_first() -> None:
    seed = seed_of()
    effects: list[Effect] = []
    for number in range(1, 10):
        effects += seed.handle(Remembered(record_of(number)), 0.0)
    assert len(calls(effects)) == VERIFY_AT_ONCE
    place = place_of(read(record_of(0)).position)
    rest = sorted(set(map(pid, range(1, 10))) - set(calls(effects)), key=lambda one: _distance(one, place))
    assert calls(seed.handle(Silent(calls(effects)[0]), 0.0)) == rest[:1]


def _distance(one: bytes, place: int) -> int:
    return place ^ next(place_of(read(record_of(n)).position) for n in range(1, 10) if pid(n) == one)


def test_what_is_cheaply_seen_to_be_wrong_costs_no_dial() -> None:
    seed = seed_of()
    foreign, old = record_of(1, PUBLIC), record_of(1, MACHINE, int(UNIX) - RECORD_BEHIND - 1)
    for blob in (b"", record_of(1)[:-1] + b"?", foreign, old, record_of(0)):
        assert seed.handle(Remembered(blob), 0.0) == []


def test_who_asks_us_becomes_known_but_only_by_its_own_record() -> None:
    seed = seed_of()
    assert seed.handle(Knocked(pid(1), "127.0.0.1", record_of(2)), 0.0) == []
    assert calls(seed.handle(Knocked(pid(1), "127.0.0.1", record_of(1)), 0.0)) == [pid(1)]
    assert len(seed) == 0


def test_a_seed_that_answers_nonsense_is_none() -> None:
    seed = joined(1, 2)
    answers: list[dhtwire.Answer] = [dhtwire.Unsupported(0), Pong(0, bytes(8), 0), dhtwire.Dialled(0, 1)]
    for number, answer in enumerate(answers, 3):
        seed.handle(Remembered(record_of(number)), 0.0)
        assert HangUp(pid(number)) in seed.handle(Told(pid(number), "b", address_of(number), answer), 0.0)
        assert len(seed) == 2


def test_an_answer_that_crossed_our_hanging_up_is_nothing() -> None:
    seed = seed_of()
    assert seed.handle(told(1, record_of(2)), 0.0) == []
    assert seed.handle(Gone(pid(1)), 0.0) == []


def test_who_has_no_place_is_hung_up_on_and_stays_known() -> None:
    seed = joined(*range(1, 9))
    far = next(n for n in range(9, 60) if _shared(n) == 0)
    seed.handle(Remembered(record_of(far)), 0.0)
    seed.handle(told(far), 0.0)
    neighbours = sorted(range(9, 200), key=lambda n: place_of(read(record_of(n)).position) ^ _place())[:12]
    hung: list[bytes] = []
    for number in neighbours:
        seed.handle(Remembered(record_of(number)), 0.0)
        effects = seed.handle(told(number), 0.0)
        hung += [effect.pid for effect in effects if isinstance(effect, HangUp)]
    assert hung
    assert not {contact.pid for contact in seed.contacts()} & set(hung)
    waiting = [one for contact in seed.contacts() for one in calls(seed.handle(Gone(contact.pid), 20.0))]
    while waiting and waiting[-1] not in hung:
        waiting += calls(seed.handle(Silent(waiting.pop()), 20.0))
    assert waiting


def _place() -> int:
    return place_of(read(record_of(0)).position)


def _shared(number: int) -> int:
    return 256 - (_place() ^ place_of(read(record_of(number)).position)).bit_length()


# ---- first contacts


def test_a_first_contact_is_asked_and_its_own_record_makes_it_a_contact() -> None:
    seed = seed_of()
    assert seed.handle(Introduced(pid(0), (address_of(0),)), 0.0) == []
    assert calls(seed.handle(Introduced(pid(1), (parse(f"{address_of(1)}"),)), 0.0)) == [pid(1)]
    seed.handle(told(1, record_of(1)), 0.0)
    assert [contact.pid for contact in seed.contacts()] == [pid(1)]


def test_in_public_its_work_is_checked_while_the_connection_waits() -> None:
    seed = seed_of(0, PUBLIC)
    seed.handle(Introduced(pid(1), (address_of(1, PUBLIC),)), 0.0)
    answer = told(1, record_of(1, PUBLIC), scope=PUBLIC)
    assert seed.handle(answer, 0.0) == [CheckWork(read(record_of(1, PUBLIC)))]
    seed.handle(worked(1), 0.0)
    assert [(contact.pid, contact.block) for contact in seed.contacts()] == [(pid(1), "block 1")]


def test_one_that_tells_nothing_of_itself_is_asked_again_later() -> None:
    seed = seed_of()
    seed.handle(Introduced(pid(1), (address_of(1),)), 0.0)
    assert seed.handle(told(1), 0.0) == [HangUp(pid(1))]
    assert seed.deadline(0.0) <= FIRST_RETRY
    assert pid(1) in calls(seed.handle(Tick(), FIRST_RETRY))


def test_one_reached_elsewhere_than_its_record_says_is_verified_there() -> None:
    seed = seed_of()
    name = parse("/dns4/seed.example.org/tcp/4001")
    seed.handle(Introduced(pid(1), (name,)), 0.0)
    hang_up, call = seed.handle(Told(pid(1), "b", name, Nodes(0, (record_of(1),))), 0.0)
    assert hang_up == HangUp(pid(1))
    assert isinstance(call, Call)
    assert call.addresses == (address_of(1),)


def test_with_enough_contacts_one_first_contact_is_asked_an_hour() -> None:
    seed = joined(1, 2, 3, 4)
    assert seed.handle(Introduced(pid(9), (address_of(9),)), 0.0) == []
    effects = seed.handle(Tick(), RECORD_REFRESH)
    assert pid(9) in calls(effects)
    assert pid(9) not in calls(seed.handle(Moved(), RECORD_REFRESH))  # it still owes an answer


def test_a_full_house_is_not_asked_for_more() -> None:
    seed = joined(1, 2, 3, 4)
    seed.handle(Introduced(pid(9), (address_of(9),)), 0.0)
    for number in range(20, 24):
        seed.handle(Remembered(record_of(number)), 0.0)
    assert pid(9) not in calls(seed.handle(Moved(), 1.0))


def test_one_that_is_told_of_while_it_is_asked_is_not_asked_twice() -> None:
    seed = seed_of()
    seed.handle(Introduced(pid(1), (address_of(1),)), 0.0)
    assert seed.handle(Remembered(record_of(1)), 0.0) == []
    assert seed.handle(Silent(pid(1)), 0.0)[0] == HangUp(pid(1))


# ---- keeping in touch


def test_every_contact_is_asked_for_a_sign_of_life_within_a_minute_and_a_half() -> None:
    seed = joined(*range(1, 9))
    asked: dict[bytes, list[float]] = {contact.pid: [0.0] for contact in seed.contacts()}
    now = 0.0
    while now < 600:
        now = seed.deadline(now)
        for effect in seed.handle(Tick(), now):
            assert isinstance(effect, Call)
            asked[effect.pid].append(now)
            seed.handle(Told(effect.pid, "b", effect.addresses[0], _reply(effect.request)), now)
    gaps = [later - sooner for moments in asked.values() for sooner, later in pairwise(moments)]
    assert max(gaps) <= 6 * PING_ROUND
    assert min(map(len, asked.values())) >= 8


def _reply(request: Find | Ping) -> dhtwire.Answer:
    return Nodes(0) if isinstance(request, Find) else Pong(0, request.nonce, 0)


def test_a_ping_answered_with_another_nonce_is_no_sign_of_life() -> None:
    seed = joined(*range(1, 9))
    now, ping = 0.0, None
    while ping is None:
        now = seed.deadline(now)
        effects = [effect for effect in seed.handle(Tick(), now) if isinstance(effect, Call)]
        ping = next((effect for effect in effects if isinstance(effect.request, Ping)), None)
    assert HangUp(ping.pid) in seed.handle(Told(ping.pid, "b", ping.addresses[0], Pong(0, b"whatever", 0)), now)
    assert ping.pid not in {contact.pid for contact in seed.contacts()}


def test_nobody_is_asked_two_things_at_once() -> None:
    seed = joined(*range(1, 9))
    owing: set[bytes] = set()
    now = 0.0
    for _ in range(20):
        now = seed.deadline(now)
        for one in calls(seed.handle(Tick(), now)):
            assert one not in owing
            owing.add(one)
    assert owing


def test_the_end_of_a_connection_is_the_end_of_the_contact_and_the_others_are_asked() -> None:
    seed = joined(1, 2, 3)
    seed.handle(Gone(pid(1)), 0.1)
    assert len(seed) == 2
    due = seed.deadline(0.1)
    assert due < 1.0
    assert set(calls(seed.handle(Tick(), due))) == {pid(2), pid(3)}


def test_who_comes_back_is_a_contact_again() -> None:
    seed = joined(1, 2)
    seed.handle(Gone(pid(1)), 10.0)
    assert calls(seed.handle(Knocked(pid(1), "127.0.0.1", record_of(1)), 11.0)) == []
    effects: list[Effect] = []
    now = 11.0
    while pid(1) not in calls(effects):
        now = seed.deadline(now)
        effects = seed.handle(Tick(), now)
    assert now < 11 + 2 * PING_ROUND
    seed.handle(told(1), now)
    assert len(seed) == 2


def test_a_newer_record_of_a_contact_is_taken_unless_it_moved() -> None:
    seed = joined(1, 2)
    renewed = record_of(1, MACHINE, int(UNIX) + 60)
    seed.handle(Knocked(pid(1), "127.0.0.1", renewed), 60.0)
    seed.handle(Knocked(pid(1), "127.0.0.1", record_of(1)), 60.0)  # the old one changes nothing
    assert renewed in seed.nearest(bytes(32), 9)
    key = key_of(1)
    elsewhere = sign_record(key, SeedRecord(key.public, (address_of(77),), int(UNIX) + 120))
    effects = seed.handle(Knocked(pid(1), "127.0.0.1", elsewhere), 120.0)
    assert effects[0] == HangUp(pid(1))
    assert calls(effects) == [pid(1)]
    assert not {renewed, elsewhere} & set(seed.nearest(bytes(32), 9))


def test_a_contact_that_moves_in_its_own_answer_is_verified_anew() -> None:
    seed = joined(1, 2)
    seed.handle(Gone(pid(2)), 0.1)
    assert calls(seed.handle(Tick(), seed.deadline(0.1))) == [pid(1)]
    key = key_of(1)
    elsewhere = sign_record(key, SeedRecord(key.public, (address_of(77),), int(UNIX) + 5))
    effects = seed.handle(told(1, elsewhere), 6.0)
    assert effects[0] == HangUp(pid(1))
    assert len(seed) == 0


def test_who_does_not_renew_its_record_is_dropped_when_it_is_too_old() -> None:
    seed = joined(1)
    effects = seed.handle(ClockSet(UNIX + RECORD_BEHIND + 60), 0.0) + seed.handle(Tick(), PING_ROUND)
    assert HangUp(pid(1)) in effects
    assert len(seed) == 0


def test_what_buckets_lack_is_asked_for_after_joining_and_every_ten_minutes() -> None:
    seed = seed_of()
    far = next(n for n in range(1, 60) if _shared(n) == 2)
    seed.handle(Remembered(record_of(far)), 0.0)
    effects = seed.handle(told(far), 0.0)  # settled at once: there is nobody else
    (target,) = _targets(effects)
    assert target != read(record_of(0)).position
    seed.handle(told(far), 0.0)
    seen: set[bytes] = set()
    now = 0.0
    while now < 1.3 * BUCKET_REFRESH:
        now = seed.deadline(now)
        for effect in seed.handle(Tick(), now):
            if isinstance(effect, Call):
                seen |= {effect.request.target} if isinstance(effect.request, Find) else set()
                seed.handle(Told(effect.pid, "b", effect.addresses[0], _reply(effect.request)), now)
    assert len(seen) >= 2


def _targets(effects: list[Effect]) -> list[bytes]:
    requests = [effect.request for effect in effects if isinstance(effect, Call)]
    return [request.target for request in requests if isinstance(request, Find)]


def test_our_record_is_signed_anew_every_hour_and_when_we_move() -> None:
    seed = joined(1)
    before = seed.nearest(read(record_of(0)).position, 1)
    assert before == (record_of(0),)
    seed.handle(Moved(), 10.0)
    assert seed.nearest(read(record_of(0)).position, 1) == (record_of(0, MACHINE, int(UNIX) + 10),)
    seed.handle(Tick(), 10.0 + RECORD_REFRESH)
    assert seed.nearest(read(record_of(0)).position, 1) == (record_of(0, MACHINE, int(UNIX) + 3610),)


# ---- answers


@given(st.binary(min_size=32, max_size=32), st.integers(1, 16))
def test_the_nearest_are_ranked_with_ourselves_among_them(target: bytes, count: int) -> None:
    blobs = [record_of(number) for number in range(9)]
    ranked = sorted(blobs, key=lambda blob: place_of(read(blob).position) ^ place_of(target))
    assert EIGHT.nearest(target, count) == tuple(ranked[:count])


EIGHT = joined(*range(1, 9))


def test_the_answer_to_a_find_always_has_our_own_record() -> None:
    seed = joined(*sorted(range(1, 400), key=lambda n: place_of(read(record_of(n)).position) ^ _place())[:8])
    for number in range(400, 460):
        seed.handle(Remembered(record_of(number)), 0.0)
        seed.handle(told(number), 0.0)
    target = bytes(byte ^ 0xFF for byte in read(record_of(0)).position)
    answer = seed.answer(Find(7, target), 0.0)
    assert isinstance(answer, Nodes)
    assert (answer.request, answer.hint) == (7, None)
    nearest = seed.nearest(target, 16)
    assert answer.records == (*nearest[: len(answer.records) - 1], record_of(0))


def test_the_answer_to_a_ping_tells_the_time_and_the_best_hint() -> None:
    seed = joined(1, 2)
    observed = dhtwire.pack_observed("192.0.2.7", 4001)
    pong = seed.answer(Ping(3, bytes(8)), 5.0, observed=observed, load=40)
    assert pong == Pong(3, bytes(8), int(UNIX) + 5, observed, None, 40)
    seed.handle(Gone(pid(2)), 5.0)
    seed.handle(Tick(), 5.9)
    seed.handle(told(1, hint=Hint(4, 10)), 6.0)
    assert seed.answer(Find(1, bytes(32)), 10.0).hint == Hint(4, 14)
    assert seed.answer(Ping(1, bytes(8)), 10.0, measured=Hint(2)).hint == Hint(2)


# ---- whatever happens


def _event(kind: int, number: int, start: int) -> Event:
    one = pid(number)
    events: list[Event] = [
        Remembered(record_of(number)),
        Remembered(b"?"),
        Knocked(one, "127.0.0.1", record_of(number)),
        Introduced(one, (address_of(number),)),
        told(number, *map(record_of, range(start, start + 9))),
        Silent(one),
        Gone(one),
        worked(number, passed=number % 2 == 0),
        Moved(),
        Tick(),
    ]
    return events[kind]


EVENTS = st.builds(_event, st.integers(0, 9), st.integers(0, 30), st.integers(0, 30))


@given(st.lists(st.tuples(EVENTS, st.floats(0, 60)), max_size=60))
def test_whatever_happens_few_are_dialled_and_no_deadline_is_missed(steps: list[tuple[Event, float]]) -> None:
    seed, now = seed_of(), 0.0
    owing: set[bytes] = set()
    for event, pause in steps:
        now += pause
        for one in (event, Tick()):
            if isinstance(one, Told | Silent | Gone):
                owing.discard(one.pid)
            for effect in seed.handle(one, now):
                if isinstance(effect, Call):
                    assert effect.pid not in owing
                    owing.add(effect.pid)
                elif isinstance(effect, HangUp):
                    owing.discard(effect.pid)
        known = {contact.pid for contact in seed.contacts()}
        assert len(owing - known) <= VERIFY_AT_ONCE
        assert pid(0) not in known | owing
        assert seed.deadline(now) > now
