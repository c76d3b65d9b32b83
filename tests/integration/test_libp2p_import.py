"""The library is imported without what a chat does not use, whole for whoever uses the rest, and is the one we know."""
# pyright: reportPrivateUsage=false

import subprocess
import sys

import pytest
from libp2p.network.swarm import Swarm
from libp2p.transport.tcp import tcp

from passerby.node.libp2p_081 import importing
from passerby.node.libp2p_081.expected import check_library
from passerby.node.libp2p_081.importing import DEFERRED, LEFT_OUT, VERSION, WrongLibp2pError, check_version

HEAVY = ("aioquic", "httpx", "dns", "zeroconf", "miniupnpc", "libp2p.kad_dht", "libp2p.transport.websocket")


def run(program: str) -> str:
    """Run `program` in a process of its own, since an import happens once; return what it prints."""
    command = [sys.executable, "-W", "error::ImportWarning", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_a_host_is_imported_without_what_a_chat_does_not_use() -> None:
    for module in ("host", "connection", "libp2p_081.cures"):
        loaded = run(f"import sys, passerby.node.{module}; print(*sys.modules)").split()
        assert "libp2p.network.swarm" in loaded
        assert not {*HEAVY, *LEFT_OUT} & set(loaded)


def test_the_rest_of_the_library_is_there_for_who_asks() -> None:
    program = """
import passerby.node.host
import libp2p, libp2p.relay, multiaddr.resolvers
from libp2p.kad_dht.kad_dht import KadDHT
from libp2p.relay.circuit_v2.transport import CircuitV2Transport
from libp2p.security.tls.autotls.acme import ACMEClient
from libp2p.transport.quic.stream import QUICStream
print(libp2p.new_host().get_id() is not None, ACMEClient.__init__.__qualname__, QUICStream.__init__.__qualname__)
"""
    assert run(program).split() == ["True", "ACMEClient.__init__", "QUICStream.__init__"]


def test_who_imported_the_library_first_gets_a_host_too() -> None:
    assert run("import libp2p, passerby.node.host as host; print(host.Host.__name__)").strip() == "Host"


def test_a_name_is_resolved_by_the_real_resolver() -> None:
    program = """
import sys, trio, passerby.node.host
from multiaddr import Multiaddr
from libp2p.network.swarm import DNSResolver
try:
    trio.run(DNSResolver().resolve, Multiaddr("/ip4/127.0.0.1/tcp/1"))
finally:
    print("dns.asyncresolver" in sys.modules)
"""
    assert run(program).strip() == "True"


def test_another_version_is_refused() -> None:
    check_version(VERSION)
    with pytest.raises(WrongLibp2pError, match=r"refuses 0\.9\.0"):
        check_version("0.9.0")


def test_a_library_without_a_package_that_is_deferred_is_refused() -> None:
    with pytest.raises(WrongLibp2pError, match="missing"):
        importing._defer("libp2p.there_is_no_such_package")
    assert DEFERRED[0] == "libp2p"


def test_a_library_that_was_changed_in_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_library()

    async def dial_addr(self: Swarm, addr: object) -> None: ...

    monkeypatch.setattr(Swarm, "dial_addr", dial_addr)
    with pytest.raises(WrongLibp2pError, match="dial_addr is not as it was"):
        check_library()
    monkeypatch.undo()
    monkeypatch.delattr(tcp, "_set_reuse_flags")
    with pytest.raises(WrongLibp2pError, match="_set_reuse_flags is not as it was"):
        check_library()
