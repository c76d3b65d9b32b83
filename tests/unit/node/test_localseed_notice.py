"""Whom a local seed lets in, and which notices of one are believed: of this boot, and within reach."""

import os
from collections.abc import Callable

import msgspec
import pytest
import trio
import trio.testing
from filelock import FileLock

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.seeding.beacon import mark_of
from passerby.node import home
from passerby.node.firstcontacts import localseed
from passerby.node.firstcontacts.localseed import MACHINE, SILENT, LocalSeed, Notice, Reach
from passerby.node.seeding.seed import Place, Seed

PATIENCE = 20.0
PEER = peer_id_text(peer_id_of(SigningKey.from_seed(bytes(32)).public))
BOOT = "0f5c"
LOOPBACK = f"/ip4/127.0.0.1/tcp/40001/p2p/{PEER}"
NEAR = f"/ip4/10.0.0.5/tcp/40001/p2p/{PEER}"
FAR = f"/ip4/8.8.8.8/tcp/40001/p2p/{PEER}"
LAN = Reach("lan-seed", Scope.LAN, ("/ip4/127.0.0.1/tcp/0",))


async def visited(content: bytes, reach: Reach = MACHINE) -> set[Address]:
    """Return whom somebody visits who finds the lock taken and this notice beside it, time and again."""
    folders, there = home.locate(os.environ), set[Address]()
    name = home.ensure_folder(folders.run, folders) / f"{reach.name}-{mark_of('test')}"
    name.with_suffix(".json").write_bytes(content)
    name.with_suffix(".json").chmod(0o600)

    async def visit(address: Address, heard: Callable[[], None]) -> None:
        there.add(address)
        heard()

    with FileLock(name.with_suffix(".lock")), trio.move_on_after(SILENT / 2):
        await LocalSeed("test", folders, print, reach).attend(visit)
    return there


@pytest.fixture
def boot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path_factory.mktemp("proc") / "boot_id"
    file.write_text(f"{BOOT}\n")
    monkeypatch.setattr(localseed, "BOOT_ID", file)


def notice(address: str, boot: str = BOOT) -> bytes:
    return msgspec.json.encode(Notice(1, address, boot))


@pytest.mark.parametrize(("reach", "address"), [(MACHINE, LOOPBACK), (LAN, NEAR)])
async def test_a_notice_of_this_boot_within_reach_is_believed(
    reach: Reach, address: str, boot: None, autojump_clock: trio.testing.MockClock
) -> None:
    assert await visited(notice(address), reach) == {parse(address)}


@pytest.mark.parametrize(
    ("reach", "content"),
    [
        (MACHINE, notice(FAR)),
        (MACHINE, notice(NEAR)),
        (LAN, notice(FAR)),
        (LAN, notice(LOOPBACK)),
        (MACHINE, notice(LOOPBACK, "another")),
        (MACHINE, notice(LOOPBACK, "")),
        (MACHINE, notice("nonsense")),
        (MACHINE, b"{"),
        (MACHINE, b'{"pid":1,"x":' + b"[" * 1000),
        (MACHINE, notice(LOOPBACK).replace(b"{", b'{"x":"' + b"x" * 1024 + b'",')),
    ],
    ids=["far", "near", "far of LAN", "machine of LAN", "boot", "no boot", "no address", "no JSON", "nested", "long"],
)
async def test_what_else_stands_there_is_passed_over(
    reach: Reach, content: bytes, boot: None, autojump_clock: trio.testing.MockClock
) -> None:
    assert await visited(content, reach) == set()


@pytest.mark.parametrize(
    ("reach", "within", "beyond"),
    [
        (MACHINE, ("127.0.0.1", "127.9.9.9", "::1"), ("10.0.0.5", "fd00::5", "8.8.8.8", "2600::1")),
        (LAN, ("127.0.0.1", "10.0.0.5", "192.168.1.2", "fd00::5"), ("8.8.8.8", "2600::1", "::ffff:8.8.8.8")),
    ],
    ids=["machine", "LAN"],
)
async def test_a_local_seed_lets_in_who_is_within_its_reach(
    reach: Reach, within: tuple[str, ...], beyond: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[Place] = []
    real = Seed.open

    def note(key: bytes, listen: tuple[str, ...], place: Place) -> object:
        places.append(place)
        return real(key, listen, place)

    async def visit(address: Address, heard: Callable[[], None]) -> None:
        nursery.cancel_scope.cancel()
        await trio.sleep_forever()

    monkeypatch.setattr(Seed, "open", note)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await LocalSeed("test", home.locate(os.environ), print, reach).attend(visit)
    (place,) = places
    assert [host for host in within + beyond if place.admit(host, 4001)] == list(within)
