"""What hearsay costs others: one dial of a host in ten minutes, few for one key; none who speaks himself waits."""

import pytest

from passerby.discovery.addresses import Address, Family, Scope
from passerby.discovery.limits import (
    RECORD_ADDRESSES,
    VERIFY_AGAIN,
    VERIFY_GAP,
    VERIFY_LATER,
    VERIFY_MEMORY,
    VERIFY_TRIES,
)
from passerby.discovery.seeding.spares import Spare
from passerby.discovery.seeding.verifylimits import CHECKS_PER_BLOCK, CHECKS_PER_SECOND, Checks, Dials
from passerby.discovery.seedrecord import SeedRecord
from support.seednet import UNIX, address_of, key_of

PUBLIC, MACHINE = Scope.PUBLIC, Scope.MACHINE


def at(number: int, scope: Scope = PUBLIC, port: int = 4001) -> Address:
    """Return where seed `number` is, at another port of its host."""
    address = address_of(number, scope)
    return address if scope is MACHINE else Address(Family.IP4, address.host, port)


def spare(
    number: int, *addresses: Address, home: str = "", later: int = 0, block: str = "", scope: Scope = PUBLIC
) -> Spare:
    """Return seed `number` as told of, with its own address or these; `block` is where it was seen if it knocked."""
    record = SeedRecord(key_of(number).public, addresses or (at(number, scope),), int(UNIX) + later)
    return Spare(record, b"", block, 0.0, bool(block), home)


def may(dials: Dials, one: Spare, now: float) -> bool:
    return bool(dials.permitted(one, one.record.addresses, now))


def dial(dials: Dials, one: Spare, now: float) -> None:
    dials.made(one, one.record.addresses, now)


def test_a_host_that_others_named_is_dialled_once_in_ten_minutes() -> None:
    dials = Dials()
    spares = [spare(n, at(7, port=4001 + n)) for n in range(1, 4)]
    assert may(dials, spares[0], 0.0)
    dial(dials, spares[0], 0.0)
    assert not any(may(dials, other, VERIFY_GAP - 1) for other in spares)
    assert may(dials, spares[1], VERIFY_GAP)


def test_of_many_addresses_those_may_be_dialled_that_were_not() -> None:
    dials = Dials()
    dial(dials, spare(7), 0.0)
    both = spare(1, at(7), at(8))
    assert dials.permitted(both, both.record.addresses, 1.0) == (at(8),)


def test_on_one_machine_every_port_is_a_host() -> None:
    dials = Dials()
    dial(dials, spare(1, scope=MACHINE), 0.0)
    assert may(dials, spare(2, scope=MACHINE), 0.0)
    assert not may(dials, spare(1, scope=MACHINE), 0.0)


def test_nobody_can_spend_the_dial_of_a_host_that_speaks_for_itself() -> None:
    dials = Dials()
    dial(dials, spare(9, at(1)), 0.0)
    assert not may(dials, spare(1), 1.0)
    host = dials.home_of(spare(1).record, at(1).host, 1.0)
    honest = spare(1, home=host)
    assert may(dials, honest, 1.0)
    dial(dials, honest, 1.0)
    assert not may(dials, honest, 2.0)  # once
    assert dials.home_of(spare(2, at(1)).record, host, 2.0) == ""
    assert dials.home_of(spare(2, at(1)).record, host, 1.0 + VERIFY_GAP) == host


def test_at_home_is_the_host_that_spoke_and_no_other_of_its_record() -> None:
    dials = Dials()
    dial(dials, spare(9, at(2)), 0.0)
    liar = spare(1, at(1), at(2), home=at(1).host)
    assert dials.permitted(liar, liar.record.addresses, 1.0) == (at(1),)
    assert dials.home_of(liar.record, at(3).host, 1.0) == ""


def test_only_where_it_answered_a_seed_is_known_to_be() -> None:
    dials = Dials()
    liar = spare(1, at(1), at(2))
    dial(dials, liar, 0.0)
    dials.answered(liar.record, (at(1),), 0.1)
    assert dials.home_of(spare(2).record, at(2).host, 1.0)
    assert may(dials, spare(2, home=at(2).host), 1.0)
    assert not may(dials, spare(3, at(1), home=at(1).host), 1.0)  # somebody else is there


def test_who_had_answered_comes_back_after_five_seconds_then_ten() -> None:
    dials = Dials()
    one = spare(1)
    where = one.record.addresses
    dials.answered(one.record, where, 0.0)
    assert not may(dials, one, VERIFY_AGAIN - 0.1)
    assert may(dials, one, VERIFY_AGAIN)
    dial(dials, one, VERIFY_AGAIN)
    assert dials.failed(one.record, where)
    assert not may(dials, one, 2 * VERIFY_AGAIN)
    assert may(dials, one, 3 * VERIFY_AGAIN)
    restarted = spare(1, later=9, home=dials.home_of(one.record, at(1).host, 9.0))
    assert may(dials, restarted, 2 * VERIFY_AGAIN)
    assert [dials.failed(one.record, where) for _ in range(VERIFY_TRIES)] == [True] * (VERIFY_TRIES - 1) + [False]
    assert not may(dials, restarted, VERIFY_GAP)
    assert may(dials, restarted, VERIFY_GAP + VERIFY_AGAIN)


@pytest.mark.parametrize("is_at_home", [False, True])
def test_who_was_late_is_dialled_once_more_and_nobody_else_there(is_at_home: bool) -> None:
    dials = Dials()
    home = at(1).host if is_at_home else ""
    slow, other = spare(1, home=home), spare(2, at(1), home=home)
    again = VERIFY_LATER + 3
    dial(dials, slow, 0.0)
    assert not may(dials, slow, again)  # it was refused, or somebody else answered
    dials.late(slow.record, slow.record.addresses, 3.0)
    dials.late(other.record, other.record.addresses, 3.0)
    assert not may(dials, slow, again - 0.1)
    assert may(dials, slow, again)
    assert not may(dials, other, again)
    dial(dials, slow, again)
    dials.late(slow.record, slow.record.addresses, again + 3)
    assert not may(dials, slow, again + VERIFY_GAP - 1)
    assert may(dials, slow, again + VERIFY_GAP)


def test_who_was_late_at_one_host_of_two_is_dialled_at_both_once_more() -> None:
    dials = Dials()
    slow = spare(1, at(1), at(2))
    dial(dials, slow, 0.0)
    dials.late(slow.record, slow.record.addresses, 0.0)
    assert dials.permitted(slow, slow.record.addresses, VERIFY_LATER) == (at(1), at(2))


def test_a_host_that_refused_is_not_late_because_another_of_the_same_seed_is() -> None:
    dials = Dials()
    victim, mute = spare(1, at(1)), spare(1, at(2), later=1)
    dial(dials, victim, 0.0)
    dial(dials, mute, 0.0)
    dials.late(spare(1, at(1), at(2), later=2).record, mute.record.addresses, 3.0)
    again = 3.0 + VERIFY_LATER
    assert may(dials, mute, again)
    assert not may(dials, victim, again)


def test_being_late_gives_one_key_no_further_hosts() -> None:
    dials = Dials()
    hosts = [at(number) for number in range(2, 3 + RECORD_ADDRESSES)]
    for host in hosts[:-1]:
        dial(dials, spare(1, host), 0.0)
        dials.late(spare(1, host).record, [host], 0.0)
    for host in hosts[:-1]:
        dial(dials, spare(1, host), VERIFY_LATER)
    assert not may(dials, spare(1, hosts[-1]), VERIFY_LATER)


def test_who_never_answered_is_tried_once() -> None:
    dials = Dials()
    one = spare(1)
    assert not dials.failed(one.record, one.record.addresses)
    dial(dials, one, 0.0)
    assert not dials.failed(one.record, one.record.addresses)
    dials.answered(spare(2, at(1)).record, (at(1),), 0.0)
    assert not dials.failed(one.record, one.record.addresses)


def test_one_key_aims_us_at_no_more_hosts_than_a_record_names() -> None:
    dials = Dials()
    for number in range(RECORD_ADDRESSES):
        moving = spare(1, at(number + 1), later=number)
        assert may(dials, moving, 0.0)
        dial(dials, moving, float(number))
    assert not may(dials, spare(1, at(9), later=9), VERIFY_GAP - 1)
    assert may(dials, spare(1, at(9), later=9), VERIFY_GAP)
    assert may(dials, spare(1, at(9), home=at(9).host), 5.0)


def test_there_is_an_end_to_dialling_hosts_that_others_name_but_none_for_who_speaks_himself() -> None:
    dials = Dials()
    for number in range(1, VERIFY_MEMORY + 1):
        dial(dials, spare(number), float(number) / 10)
    stranger = VERIFY_MEMORY + 1
    assert not may(dials, spare(stranger), 200.0)
    assert may(dials, spare(stranger, home=at(stranger).host), 200.0)
    assert may(dials, spare(stranger), VERIFY_GAP + 1)
    for number in range(1, VERIFY_MEMORY + 2):
        dial(dials, spare(number, home=at(number).host), 200.0)
    assert may(dials, spare(1, home=at(1).host), 201.0)  # forgotten, and no harm to others
    assert not may(dials, spare(2, home=at(2).host), 201.0)


def test_the_work_of_a_key_is_checked_once_in_ten_minutes() -> None:
    checks = Checks()
    assert checks.permits(spare(1), 0.0)
    checks.made(spare(1), 0.0)
    assert not checks.permits(spare(1, later=9), VERIFY_GAP - 1)
    assert checks.permits(spare(1), VERIFY_GAP)


def test_work_is_checked_twenty_times_a_second() -> None:
    checks = Checks()
    for number in range(CHECKS_PER_SECOND):
        assert checks.permits(spare(number), 0.5)
        checks.made(spare(number), 0.5)
    assert not checks.permits(spare(99), 1.4)
    assert checks.permits(spare(99), 1.5)


def test_who_knocks_from_one_block_is_checked_ten_times_in_ten_minutes_and_others_do_not_pay_for_it() -> None:
    checks = Checks()
    for number in range(CHECKS_PER_BLOCK):
        one = spare(number, block="one")
        assert checks.permits(one, float(number))
        checks.made(one, float(number))
    assert not checks.permits(spare(99, block="one"), 60.0)
    assert checks.permits(spare(99, block="two"), 60.0)
    assert checks.permits(spare(99), 60.0)
