"""Peer ids as text: ours are libp2p's own spelling, and nothing but an Ed25519 id is read."""

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.keys import peer_id_of
from passerby.discovery.peerids import parse_peer_id, peer_id_text

KEYS = st.binary(min_size=32, max_size=32)


@given(KEYS)
def test_text_is_that_of_another_implementation_and_reads_back(key: bytes) -> None:
    pid = peer_id_of(key)
    assert peer_id_text(pid) == base58.b58encode(pid).decode()
    assert parse_peer_id(peer_id_text(pid)) == pid


@given(st.text(max_size=60))
def test_garbage_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="peer"):
        parse_peer_id(text)


@given(st.binary(min_size=1, max_size=38))
def test_other_ids_are_a_value_error(pid: bytes) -> None:
    with pytest.raises(ValueError, match="peer"):
        parse_peer_id(peer_id_text(pid))


def test_a_long_text_is_refused_before_the_arithmetic() -> None:
    with pytest.raises(ValueError, match="52 letters"):
        parse_peer_id("z" * 53)


def test_no_letter_writes_no_byte() -> None:
    assert peer_id_text(b"") == ""
