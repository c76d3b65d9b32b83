"""What a person knows of seeds: who is tried when, whose words are believed, what is kept."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.limits import RECORD_ADDRESSES
from passerby.discovery.lookup import Candidate
from passerby.discovery.rooms import room_of, seed_position
from passerby.discovery.searching.knownseed import Known, Origin
from passerby.discovery.searching.searchevents import Introduced
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seedrecord import SeedRecord, read_record, sign_record

UNIX = 1_800_000_000.0
HERE = parse("/ip4/127.0.0.1/tcp/4001")
PUBLIC = parse("/ip4/198.41.0.4/tcp/4001")
KEYS = [SigningKey.from_seed(number.to_bytes(32, "big")) for number in range(60)]
PIDS = [peer_id_of(key.public) for key in KEYS]
WORK = bytes(range(32))


def record_of(number: int, issued: float = UNIX, address: Address = HERE, work: bytes | None = None) -> bytes:
    record = SeedRecord(KEYS[number].public, (address,), int(issued), work=work or bytes(32))
    return sign_record(KEYS[number], record)


def named(book: SeedBook, number: int, scope: Scope = Scope.MACHINE, origin: Origin = Origin.NAMED) -> Known:
    book.introduce(Introduced(PIDS[number], scope, (HERE if scope is Scope.MACHINE else PUBLIC,), origin))
    return known_of(book, number)


def known_of(book: SeedBook, number: int) -> Known:
    known = book.get(PIDS[number])
    assert known is not None
    return known


def test_a_seed_introduced_twice_has_all_its_addresses_and_the_better_origin() -> None:
    book = SeedBook()
    named(book, 1, origin=Origin.FOUND)
    other = parse("/ip4/127.0.0.2/tcp/4001")
    book.introduce(Introduced(PIDS[1], Scope.MACHINE, (other,), Origin.NAMED))
    known = named(book, 1, origin=Origin.REMEMBERED)
    assert known.addresses == (other, HERE), "what the person typed comes first, whatever else is said and when"
    assert known.origin is Origin.NAMED
    assert len(book) == book.named == 1
    assert known.candidate == Candidate(PIDS[1], known.addresses, known.block)


def test_a_seed_has_one_scope_that_of_whoever_knows_best() -> None:
    book = SeedBook()
    named(book, 1, Scope.PUBLIC, Origin.FOUND)
    assert named(book, 1, Scope.MACHINE, Origin.HEARD).scope is Scope.PUBLIC
    known = named(book, 1, Scope.MACHINE, Origin.NAMED)
    assert (known.scope, known.addresses) == (Scope.MACHINE, (HERE,))
    assert book.scopes() == [Scope.MACHINE]


def test_a_seed_has_few_addresses_whatever_it_signs() -> None:
    book = SeedBook()
    named(book, 1, origin=Origin.FOUND)
    where: tuple[Address, ...] = ()
    for renewal in range(100):
        where = tuple(parse(f"/ip4/127.0.{renewal}.{n}/tcp/4001") for n in range(1, RECORD_ADDRESSES + 1))
        blob = sign_record(KEYS[1], SeedRecord(KEYS[1].public, where, int(UNIX) + renewal))
        book.hear(blob, Scope.MACHINE, PIDS[1], UNIX)
    assert known_of(book, 1).addresses == (*where, HERE), "the last word counts"


@pytest.mark.parametrize("origin", [Origin.NAMED, Origin.REMEMBERED, Origin.FOUND])
def test_what_others_say_never_comes_before_what_the_person_typed(origin: Origin) -> None:
    book = SeedBook()
    named(book, 1)
    where = HERE
    for number in range(1, 100):
        where = parse(f"/ip4/127.9.9.{number}/tcp/4001")
        book.introduce(Introduced(PIDS[1], Scope.MACHINE, (where,), Origin.FOUND))
        book.introduce(Introduced(PIDS[1], Scope.MACHINE, (HERE,), origin))
    addresses = known_of(book, 1).addresses
    assert addresses[0] == HERE
    assert where in addresses
    assert len(addresses) <= 2 * RECORD_ADDRESSES


def test_a_remembered_seed_that_moves_is_first_looked_for_where_it_says_it_is_now() -> None:
    book = SeedBook()
    old = tuple(parse(f"/ip4/127.0.0.{day}/tcp/4001") for day in range(20, 10, -1))
    book.introduce(Introduced(PIDS[1], Scope.MACHINE, old, Origin.REMEMBERED, record_of(1, UNIX - 1e6, old[0])))
    assert known_of(book, 1).addresses == old[:RECORD_ADDRESSES]
    book.hear(record_of(1, UNIX, HERE), Scope.MACHINE, PIDS[1], UNIX)
    assert known_of(book, 1).addresses == (HERE, *old[:RECORD_ADDRESSES])


def test_the_place_of_a_seed_follows_from_its_key_but_in_public_from_its_work() -> None:
    book = SeedBook()
    assert named(book, 1).position == int.from_bytes(seed_position(KEYS[1].public), "big")
    known = named(book, 2, Scope.PUBLIC)
    assert known.position is None
    book.hear(record_of(2, address=PUBLIC, work=WORK), Scope.PUBLIC, PIDS[2], UNIX)
    assert known.position == int.from_bytes(seed_position(KEYS[2].public, WORK), "big")
    assert not known.checked


@pytest.mark.parametrize("good", [True, False])
def test_work_that_was_checked_makes_a_seed_or_unmakes_hearsay(good: bool) -> None:
    book = SeedBook()
    named(book, 1, Scope.PUBLIC)
    for number in (1, 2):
        book.hear(record_of(number, address=PUBLIC, work=WORK), Scope.PUBLIC, PIDS[3], UNIX)
        book.checked(read_record(record_of(number, address=PUBLIC, work=WORK)), good=good)
    book.checked(read_record(record_of(9, address=PUBLIC, work=WORK)), good=good)
    assert known_of(book, 1).checked
    assert (known_of(book, 1).position is not None) is good
    assert (book.get(PIDS[2]) is not None) is good


def test_what_a_check_says_of_other_work_says_nothing() -> None:
    book = SeedBook()
    book.hear(record_of(1, address=PUBLIC, work=WORK), Scope.PUBLIC, PIDS[3], UNIX)
    book.checked(read_record(record_of(1, address=PUBLIC, work=bytes(31) + b"1")), good=True)
    assert not known_of(book, 1).checked


def test_a_remembered_record_needs_no_second_check_and_may_be_old() -> None:
    book = SeedBook()
    blob = record_of(1, UNIX - 1e6, PUBLIC, WORK)
    book.introduce(Introduced(PIDS[1], Scope.PUBLIC, (PUBLIC,), Origin.REMEMBERED, blob))
    assert known_of(book, 1).checked
    assert known_of(book, 1).blob == blob
    book.introduce(Introduced(PIDS[2], Scope.PUBLIC, (PUBLIC,), Origin.REMEMBERED, blob[:-1]))
    book.introduce(Introduced(PIDS[2], Scope.MACHINE, (HERE,), Origin.NAMED, blob))
    assert known_of(book, 2).record is None


@pytest.mark.parametrize(
    ("blob", "scope"),
    [
        (record_of(1)[:-1], Scope.MACHINE),
        (record_of(1), Scope.LAN),
        (record_of(1, UNIX - 27 * 3600), Scope.MACHINE),
        (record_of(1, UNIX + 3 * 3600), Scope.MACHINE),
    ],
    ids=["forged", "of another scope", "expired", "of the future"],
)
def test_records_that_are_wrong_are_left_out(blob: bytes, scope: Scope) -> None:
    book = SeedBook()
    book.hear(blob, scope, PIDS[0], UNIX)
    assert not len(book)


def test_of_two_records_the_later_counts_and_only_in_the_scope_of_the_seed() -> None:
    book = SeedBook()
    moved = parse("/ip4/127.0.0.9/tcp/4001")
    for blob in (record_of(1, UNIX), record_of(1, UNIX + 60, moved), record_of(1, UNIX + 30)):
        book.hear(blob, Scope.MACHINE, PIDS[0], UNIX)
    assert known_of(book, 1).addresses == (moved,)
    book.hear(record_of(1, UNIX + 90, PUBLIC), Scope.PUBLIC, PIDS[0], UNIX)
    assert known_of(book, 1).addresses == (moved,)
    named(book, 2)
    book.hear(record_of(2, UNIX, moved), Scope.MACHINE, PIDS[0], UNIX)
    assert known_of(book, 2).addresses == (HERE, moved), "what the person typed comes first"


def test_a_record_is_read_once() -> None:
    read: list[bytes] = []

    def reading(blob: bytes) -> SeedRecord:
        read.append(blob)
        return SeedRecord(KEYS[1].public, (HERE,), int(UNIX))

    book = SeedBook(reading, most=4)
    for _ in range(3):
        book.hear(b"one", Scope.MACHINE, PIDS[0], UNIX)
    assert read == [b"one"]
    for number in range(9):
        book.hear(bytes([number]), Scope.MACHINE, PIDS[0], UNIX)
    book.hear(b"one", Scope.MACHINE, PIDS[0], UNIX)
    assert read.count(b"one") == 2, "what was read is remembered within bounds"


def test_one_teller_is_believed_four_seeds_until_those_have_answered() -> None:
    book = SeedBook()
    for number in range(1, 9):
        book.hear(record_of(number), Scope.MACHINE, PIDS[0], UNIX)
    assert len(book) == 4
    book.proven(PIDS[1], 1.0)
    book.proven(PIDS[1], 2.0)
    book.hear(record_of(7), Scope.MACHINE, PIDS[0], UNIX)
    assert len(book) == 5
    book.hear(record_of(8), Scope.MACHINE, PIDS[0], UNIX)
    assert len(book) == 5
    book.hear(record_of(8), Scope.MACHINE, PIDS[50], UNIX)
    assert len(book) == 6, "another's word is another's"


def test_a_teller_of_seeds_that_are_not_there_is_believed_no_more_until_the_next_epoch() -> None:
    book = SeedBook()
    for number in range(1, 20):
        book.hear(record_of(number), Scope.MACHINE, PIDS[0], UNIX)
        book.failed(PIDS[number], 0.0)
    assert len(book) == 4
    book.hear(record_of(30), Scope.MACHINE, PIDS[0], UNIX + 600)
    assert len(book) == 5


def test_an_invented_seed_that_failed_is_left_alone_for_long() -> None:
    book = SeedBook()
    book.hear(record_of(1), Scope.MACHINE, PIDS[0], UNIX)
    book.failed(PIDS[1], 10.0)
    book.failed(PIDS[1], 40.0)
    assert known_of(book, 1).retry_at == 340.0


def test_a_seed_that_fails_is_tried_again_after_5_10_20_and_at_most_300_seconds() -> None:
    book, waits, now = SeedBook(), list[float](), 0.0
    known = named(book, 1)
    for _ in range(9):
        book.failed(PIDS[1], now)
        waits.append(known.retry_at - now)
        assert not known.is_usable(now)
        now = known.retry_at
        assert known.is_usable(now)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def visit(book: SeedBook, number: int, begin: float, end: float, *, answers: bool = True) -> float:
    book.up(PIDS[number], "", begin)
    if answers:
        book.proven(PIDS[number], begin)
    book.gone(PIDS[number], end, lost=True)
    return known_of(book, number).retry_at - end


def test_a_seed_that_had_answered_is_tried_again_at_once_unless_it_makes_a_habit_of_going() -> None:
    book = SeedBook()
    named(book, 1)
    assert visit(book, 1, 0.0, 10.0) == pytest.approx(0.5)
    assert visit(book, 1, 20.0, 21.0) == pytest.approx(0.5)
    assert [visit(book, 1, 30.0 + n, 30.5 + n) for n in range(3)] == [10.0, 20.0, 40.0]
    assert visit(book, 1, 100.0, 110.0) == pytest.approx(0.5)
    named(book, 2)
    assert visit(book, 2, 0.0, 10.0, answers=False) == 5.0


def test_a_seed_that_we_leave_may_be_tried_at_any_time() -> None:
    book = SeedBook()
    known = named(book, 1)
    book.up(PIDS[1], "network 1", 0.0)
    assert known.block == "network 1"
    book.gone(PIDS[1], 1.0, lost=False)
    assert known.is_usable(1.0)
    assert not known.guests


def test_what_is_said_of_seeds_nobody_knows_changes_nothing() -> None:
    book = SeedBook()
    book.up(PIDS[1], "", 0.0)
    book.gone(PIDS[1], 0.0, lost=True)
    book.failed(PIDS[1], 0.0)
    book.proven(PIDS[1], 0.0)
    book.rest(PIDS[1], 9.0)
    book.withdraw(PIDS[1])
    assert (len(book), book.version) == (0, 0)


def test_another_network_makes_all_worth_a_try() -> None:
    book = SeedBook()
    for number in range(3):
        named(book, number)
        book.failed(PIDS[number], 0.0)
    assert book.refresh(0.0) == 5.0
    book.retry_now()
    assert len(book.ranking(Scope.MACHINE, 0, 0.0)) == 3
    assert book.refresh(0.0) == float("inf")


def test_time_makes_a_seed_usable_again_and_the_version_tells() -> None:
    book = SeedBook()
    named(book, 1)
    book.failed(PIDS[1], 0.0)
    due, version = book.refresh(0.0), book.version
    assert book.refresh(4.9) == due == 5.0
    assert book.version == version
    assert book.refresh(5.0) == float("inf")
    assert book.version != version
    assert [known.pid for known in book.ranking(Scope.MACHINE, 0, 5.0)] == [PIDS[1]]


def test_the_ranking_is_by_place_and_the_unknown_come_last_and_the_local_seed_not_at_all() -> None:
    book = SeedBook()
    for number in range(8):
        named(book, number)
    named(book, 9, origin=Origin.LOCAL)
    named(book, 10, Scope.PUBLIC)
    book.failed(PIDS[3], 0.0)
    target = random.Random(1).getrandbits(256)
    places = [known.position for known in book.ranking(Scope.MACHINE, target, 0.0)]
    assert len(places) == 7
    assert places == sorted(places, key=lambda place: (place or 0) ^ target)
    book.introduce(Introduced(PIDS[11], Scope.PUBLIC, (PUBLIC,), Origin.REMEMBERED, record_of(11, UNIX, PUBLIC, WORK)))
    assert [known.pid for known in book.ranking(Scope.PUBLIC, 0, 0.0)] == [PIDS[11], PIDS[10]]
    assert book.local(0.0) == [PIDS[9]]
    assert len(book.seeds()) == 11


def test_named_seeds_are_missed_when_none_of_them_is_there() -> None:
    book = SeedBook()
    assert not book.named_are_silent()
    named(book, 5, origin=Origin.REMEMBERED)
    named(book, 1)
    named(book, 2)
    assert book.named_are_silent()
    assert book.named_retry(0.0) is None
    book.failed(PIDS[1], 0.0)
    book.failed(PIDS[2], 3.0)
    assert book.named_retry(3.0) == 5.0
    book.up(PIDS[2], "", 5.0)
    assert not book.named_are_silent()


def test_a_seed_that_answered_a_lookup_needs_nobodys_word() -> None:
    book = SeedBook()
    record = SeedRecord(KEYS[1].public, (HERE,), int(UNIX))
    book.found(Candidate.of(record, record_of(1)), Scope.MACHINE, 1.0)
    book.found(Candidate.of(record, record_of(1)), Scope.MACHINE, 1.0)
    assert known_of(book, 1).is_proven
    named(book, 2)
    book.found(Candidate(PIDS[2], (HERE,), ""), Scope.MACHINE, 1.0)
    assert known_of(book, 2).answered == 1.0


def test_the_book_is_bounded_and_hearsay_goes_first() -> None:
    book = SeedBook(most=10)
    for number in range(4):
        named(book, number)
    room = room_of("main", 3_000_000)
    book.lookups.note(room, (PIDS[10],))
    for number in range(10, 40):
        book.hear(record_of(number), Scope.MACHINE, PIDS[100 % 60], UNIX)
        book.proven(PIDS[number], float(number))
    assert len(book) == 10
    assert all(book.get(PIDS[number]) for number in (0, 1, 2, 3, 10)), "named, or found by a lookup"
    assert book.get(PIDS[39])
    for number in range(40, 52):
        named(book, number)
    assert all(book.get(PIDS[number]) for number in range(40, 52)), "whom a person names is never turned away"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["up", "gone", "lost", "failed", "tell", "net"]), st.integers(0, 5)), max_size=40
    )
)
def test_whatever_happens_nobody_is_lost_for_longer_than_five_minutes(moves: list[tuple[str, int]]) -> None:
    book, now = SeedBook(), 0.0
    for number in range(6):
        named(book, number)
    for move, number in moves:
        now += 1.0
        match move:
            case "up":
                book.up(PIDS[number], "", now)
            case "gone" | "lost":
                book.gone(PIDS[number], now, lost=move == "lost")
            case "failed":
                book.failed(PIDS[number], now)
            case "tell":
                book.proven(PIDS[number], now)
            case _:
                book.retry_now()
        due = book.refresh(now)
        assert due > now
        assert len(book.ranking(Scope.MACHINE, 0, now + 300.0)) == 6
