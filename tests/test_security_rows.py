"""Each row of the hardening list has tests; here they are by name, so that none goes missing unnoticed."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

ROWS: dict[str, tuple[str, ...]] = {
    "1 what may reach a terminal is allowed by code point, at receipt and at render": (
        "unit/node/test_text.py::test_no_code_point_yields_anything_but_what_may_be_shown",
        "unit/node/test_text.py::test_cleaning_twice_changes_nothing",
        "unit/node/test_wrapping.py::test_rows_are_cleaned_once_more",
        "e2e/test_hostile_text.py::test_received_text_is_clean_although_the_stranger_cleans_nothing",
    ),
    "2 bidi overrides and isolates are made visible": (
        "unit/node/test_text.py::test_bidi_embeddings_overrides_and_isolates_are_made_visible",
    ),
    "3 zero-width, tags and fillers go; joiners stay after a base only": (
        "unit/node/test_text.py::test_zero_width_tags_and_fillers_are_dropped",
        "unit/node/test_text.py::test_nothing_hangs_on_nothing",
    ),
    "4 four combining marks a base": (
        "unit/node/test_text.py::test_zalgo_is_cut_to_four_marks",
        "unit/node/test_text.py::test_ordinary_text_is_unchanged",
    ),
    "5 forty rows a message": ("unit/node/test_wrapping.py::test_at_most_forty_rows_and_a_mark_where_it_was_cut",),
    "6 UTF-8 strict": (
        "unit/node/test_messages.py::test_what_is_no_message_is_refused",
        "unit/node/test_text_admit.py::test_invalid_utf8_is_refused",
    ),
    "7 only legal lengths, before a byte is kept": (
        "unit/crypto/test_handshake.py::test_only_legal_lengths_are_read",
        "unit/crypto/test_records.py::test_the_legal_lengths",
        "unit/discovery/test_frames.py::test_a_length_is_judged_before_the_body_is_read",
        "unit/node/test_attempt.py::test_a_length_is_judged_before_the_body",
    ),
    "8 no compression": ("test_security_rows.py::test_nothing_is_compressed",),
    "9 a deadline on every read": (
        "integration/test_host.py::test_a_silent_socket_is_closed",
        "integration/test_host.py::test_a_listener_that_says_nothing_costs_the_timeout_and_no_more",
        "integration/test_host_dials.py::test_a_dial_that_is_dropped_at_any_moment_leaves_no_connection",
        "integration/test_host_limits.py::test_a_stream_whose_negotiation_stops_is_reset",
        "integration/test_deadlines.py::test_a_body_follows_its_header_at_once",
        "integration/test_deadlines.py::test_a_frame_of_the_lobby_follows_its_length_at_once",
        "integration/test_deadlines.py::test_an_answer_that_is_late_ends_the_lobby_stream",
        "unit/node/test_matchmaking.py::test_what_waits_has_a_deadline_and_falls_at_it",
        "e2e/test_main_job.py::test_a_frozen_stranger_is_lost_within_ninety_seconds",
    ),
    "10 streams and connections are counted": (
        "integration/test_libp2p_cures.py::test_bounded_yamux",
        "integration/test_libp2p_cures.py::test_free_slots",
        "integration/test_host.py::test_the_fifth_stream_of_a_peer_and_protocol_is_reset",
        "integration/test_host_limits.py::test_strangers_fill_three_quarters_of_the_places_and_the_rest_is_ours_to_dial_with",
        "integration/test_host_limits.py::test_a_peer_and_a_seed_have_the_places_that_are_theirs",
        "integration/test_host_limits.py::test_the_oldest_of_too_many_handshakes_gives_way",
        "integration/test_host_limits.py::test_a_seed_counts_the_streams_of_one_connection_together",
        "unit/node/test_matchmaking.py::test_pending_streams_are_bounded_and_one_per_peer",
    ),
    "11 yamux: 256 KiB a stream, 1 MiB a connection, frames of 1 MiB": (
        "integration/attacks/test_flood.py::test_others_are_served_and_memory_holds",
        "integration/test_libp2p_cures.py::test_bounded_yamux",
        "integration/test_host_limits.py::test_a_connection_holds_a_mebibyte_unread_over_all_its_streams",
        "integration/test_host_limits.py::test_a_frame_of_more_than_a_mebibyte_ends_the_connection",
        "integration/test_host_limits.py::test_the_limits_are_those_that_are_promised",
    ),
    "12 addresses of others: four a record, 128 bytes, a few shapes, names in seeds' own records only": (
        "unit/discovery/test_addresses.py::test_every_shape_reads_back",
        "unit/discovery/test_addresses.py::test_long_addresses_of_others_are_not_dialled",
        "unit/discovery/test_addresses.py::test_names_of_others_are_not_dialled",
        "unit/discovery/test_seedrecord.py::test_a_limit_broken_makes_it_malformed",
        "unit/discovery/test_seedrecord.py::test_an_address_that_may_not_be_dialled_makes_the_record_unreadable",
    ),
    "13 nothing outside its scope is dialled on another's word, and no port of the machine's services": (
        "unit/discovery/test_addresses.py::test_in_its_scope_and_no_other_an_address_of_others_is_dialled",
        "unit/discovery/test_addresses.py::test_special_addresses_are_never_dialled_on_anothers_word",
        "unit/discovery/test_addresses.py::test_low_ports_are_not_dialled",
    ),
    "14 a ticket carries no public address": (
        "unit/discovery/test_tickets.py::test_no_ticket_of_a_public_address_can_be_made",
        "unit/discovery/test_tickets.py::test_a_ticket_fits_the_scope_that_its_addresses_are_of",
    ),
    "15 answers of 16 KiB, to a request, over an authenticated connection": (
        "unit/discovery/test_wire.py::test_the_longest_answer_there_can_be_fits",
        "integration/test_deadlines.py::test_an_answer_to_nothing_ends_the_lobby_stream",
        "integration/test_libp2p_cures.py::test_only_noise",
    ),
    "16 Ed25519 peer ids only": (
        "integration/test_host.py::test_a_peer_with_an_rsa_identity_is_refused",
        "unit/crypto/test_keys.py::test_only_ed25519_peer_ids_have_a_public_key",
    ),
    "20 no core dump, not dumpable": (
        "unit/node/test_hardening.py::test_no_core_dump_and_no_debug_switches_of_libp2p",
    ),
    "22 an epoch and its neighbour, nothing else by wall time": (
        "unit/discovery/test_rooms.py::test_a_seed_accepts_the_neighbour_only_within_three_minutes_of_the_edge",
        "unit/discovery/test_lobby_together.py::test_at_every_moment_around_the_edge_one_who_waits_is_handed_out",
    ),
    "23 the queues between asyncio and trio are bounded": (
        "unit/console/test_bridge.py::test_a_console_that_does_not_look_stops_the_peer",
        "unit/console/test_bridge.py::test_a_peer_that_does_not_listen_stops_the_typing",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_of_a_row_exist(row: str) -> None:
    for name in ROWS[row]:
        file, _, function = name.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert function in names, name


def test_nothing_is_compressed() -> None:
    """Row 8: lengths must not depend on what is said, so no module of ours can reach a compressor."""
    for folder in ("crypto", "discovery", "node"):
        for file in (TESTS.parent / folder).rglob("*.py"):
            imported = {
                alias.name.partition(".")[0]
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in ([ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
            }
            assert not imported & {"zlib", "gzip", "bz2", "lzma", "zipfile", "compression", "brotli", "zstandard"}, file
