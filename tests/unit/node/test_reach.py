"""How far chats reach: this machine, with `--lan` the local network, nothing beyond; and what a stranger sees."""

from dataclasses import dataclass

import pytest

from passerby.discovery.addresses import Scope, parse
from passerby.node.firstcontacts.reach import exposure, is_open, refusal


@pytest.mark.parametrize(
    ("scope", "without", "with_lan"),
    [(Scope.MACHINE, True, True), (Scope.LAN, False, True), (Scope.PUBLIC, False, False), (Scope.TOR, False, False)],
)
def test_what_is_open(scope: Scope, without: bool, with_lan: bool) -> None:
    assert (is_open(scope, lan=False), is_open(scope, lan=True)) == (without, with_lan)


def test_why_a_seed_is_not_used() -> None:
    near, far = refusal(parse("/ip4/10.0.0.1/tcp/1"), Scope.LAN), refusal(parse("/ip4/1.1.1.1/tcp/1"), Scope.PUBLIC)
    assert (near.code, near.exit_code, "--lan" in near.hint) == ("needs-lan", 7, True)
    assert (far.code, far.exit_code) == ("needs-relay", 7)


@dataclass(frozen=True)
class Ends:
    remote_address: tuple[str, int] | None
    local_host: str | None


@pytest.mark.parametrize(
    ("ends", "seen"),
    [
        (Ends(("127.0.0.1", 1), "127.0.0.1"), ("machine", None)),
        (Ends(("192.168.1.9", 1), "192.168.1.5"), ("lan", "192.168.1.5")),
        (Ends(("1.1.1.1", 1), "192.168.1.5"), ("direct", "192.168.1.5")),
        (Ends(None, None), ("direct", None)),
    ],
)
def test_what_a_stranger_sees(ends: Ends, seen: tuple[str, str | None]) -> None:
    assert exposure(ends) == seen
