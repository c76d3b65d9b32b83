"""People remembered: for their time, up to a number, and never in the clear."""

import math

from passerby.discovery.searching.peerbook import PeerBook


def test_remembers_for_its_lifetime_only() -> None:
    book = PeerBook(bytes(32), 10.0)
    book.add(b"a", 100.0)
    assert book.has(b"a", 109.9)
    assert not book.has(b"a", 110.0)
    assert not book.has(b"b", 100.0)


def test_entered_again_lives_anew() -> None:
    book = PeerBook(bytes(32), 10.0)
    book.add(b"a", 0.0)
    book.add(b"a", 8.0)
    assert book.has(b"a", 17.0)
    assert len(book) == 1


def test_the_oldest_goes_when_it_is_full() -> None:
    book = PeerBook(bytes(32), math.inf, capacity=2)
    for moment, pid in enumerate([b"a", b"b", b"a", b"c"]):
        book.add(pid, float(moment))
    assert [book.has(pid, 1e9) for pid in (b"a", b"b", b"c")] == [True, False, True]


def test_holds_no_peer_id() -> None:
    book = PeerBook(bytes(32), 10.0)
    book.add(b"somebody", 0.0)
    assert "somebody" not in repr(vars(book))


def test_two_salts_give_two_marks() -> None:
    first, second = PeerBook(bytes(32), 10.0), PeerBook(b"\1" * 32, 10.0)
    first.add(b"a", 0.0)
    second.add(b"a", 0.0)
    assert vars(first)["_entered"] != vars(second)["_entered"]
