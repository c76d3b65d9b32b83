"""The one place that mends py-libp2p 0.8.1; it refuses any other version.

`bare_host` assembles what `libp2p.new_host()` would for TCP. Each function in `CURES` then mends one thing in it, and
its docstring says what happens without it (all measured). `mended_host` applies them all; nothing else builds a host.
Each has a regression test that fails without it: tests/cures_off.py leaves them out one by one and expects just that.

The long parts have files of their own beside this one: importing.py (before the library is imported), expected.py (is
it the library we know?), noise.py (row 1), inbound.py (row 3), yamux.py with stream.py (row 5), reading.py, buffers.py,
negotiation.py and tasks.py.
"""
# ruff: noqa: SLF001 - to mend a library is to touch its private parts; nobody else may
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false

# before anything of libp2p:
from passerby.node.libp2p_081.importing import WrongLibp2pError  # isort: split

import logging
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import trio
from libp2p.abc import INetStream
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost, _IdentifyNotifee
from libp2p.identity.identify import identify
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.io import msgio
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.swarm import Swarm
from libp2p.network.tag_store import TagStoreNotifee
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.protocol_muxer import multiselect_communicator
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from libp2p.security.noise import patterns
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.security.security_multistream import SecurityMultistream
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.tools.anyio_service.trio_manager import TrioManager
from libp2p.transport.tcp import tcp
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.node.libp2p_081.buffers import BufferedSession, BufferedTCP
from passerby.node.libp2p_081.expected import check_library
from passerby.node.libp2p_081.inbound import AddressGate, Admit, InboundDoor
from passerby.node.libp2p_081.negotiation import OneFlightMultiselect, OneFlightSelector
from passerby.node.libp2p_081.noise import Ed25519Noise
from passerby.node.libp2p_081.reading import read_exactly, read_short_line
from passerby.node.libp2p_081.tasks import NoAutoConnector, PreparedXX, close_connections, notify, run_task, start_muxer
from passerby.node.libp2p_081.yamux import OnlyBoundedYamux
from passerby.node.limits import HANDSHAKE_TIMEOUT, HOST_CLOSE, NEGOTIATION_TIMEOUT

AGENT: Final = "passerby/1"  # the same for everybody, whatever the release: an agent string is a fingerprint

logger = logging.getLogger("passerby.libp2p")


def bare_host(key: KeyPair, max_connections: int) -> BasicHost:
    """Assemble a host as `libp2p.new_host()` does for TCP, with nothing mended: the ground that the cures stand on."""
    peer_id = ID.from_pubkey(key.public_key)
    store = PeerStore()
    store.add_key_pair(peer_id, key)
    upgrader = TransportUpgrader(
        {
            NOISE: NoiseTransport(key, noise_privkey=create_noise_key_pair().private_key),
            TProtocol(PLAINTEXT_PROTOCOL_ID): InsecureTransport(key, peerstore=store),
        },
        {TProtocol(YAMUX): Yamux},
    )
    config = ConnectionConfig(
        max_connections=max_connections,
        high_watermark=max_connections,
        low_watermark=min(ConnectionConfig.low_watermark, max_connections),
        min_connections=min(ConnectionConfig.min_connections, max_connections // 2),
    )
    return BasicHost(Swarm(peer_id, store, upgrader, transports=[tcp.TCP()], connection_config=config))


def swarm_of(host: BasicHost) -> Swarm:
    """Return the host's network, whose type the library's interface hides."""
    network = host.get_network()
    if not isinstance(network, Swarm):
        raise WrongLibp2pError("This is not the py-libp2p 0.8.1 that Passerby mends: its network is not a Swarm.")
    return network


def _replace(target: object, name: str, replacement: object) -> None:
    """Put `replacement` in place of an attribute that is there."""
    getattr(target, name)
    setattr(target, name, replacement)


def only_noise(host: BasicHost) -> None:
    """Row 1. The library also offers plaintext: who answers at the dialled address can pose as any peer."""
    key = KeyPair(host.get_private_key(), host.get_public_key())
    noise = Ed25519Noise(key, noise_privkey=create_noise_key_pair().private_key)
    security = SecurityMultistream({NOISE: noise})
    swarm_of(host).upgrader.security_multistream = security
    if list(security.transports) != [NOISE] or set(security.multiselect.handlers) - {None} != {NOISE}:
        raise WrongLibp2pError("A second security protocol is registered beside Noise.")


def guard_handlers(host: BasicHost) -> None:
    """Row 2. An exception in a stream's handler ends the whole host."""
    handle = host._swarm_stream_handler

    async def guarded(stream: INetStream) -> None:
        try:
            await handle(stream)
        except Exception:  # the handler is anybody's; what it raises ends its own stream
            logger.debug("a stream handler failed", exc_info=True)
            await stream.reset()

    swarm_of(host).set_stream_handler(guarded)


def free_slots(host: BasicHost) -> None:
    """Row 3. Each inbound connection keeps its slot and task for ever: after 250 in total everybody is refused."""
    swarm = swarm_of(host)
    _replace(swarm, "_handle_inbound_connection", InboundDoor(swarm).take)


def dial_once(host: BasicHost) -> None:
    """Row 4. An address is tried four times; `connect`, which host.py does without, takes 250 ms besides."""
    swarm_of(host).retry_config = RetryConfig(max_retries=0)


def bounded_yamux(host: BasicHost) -> None:
    """Row 5. The receive window is not enforced, frames of 16 MiB are read whole, streams are not counted."""
    swarm_of(host).upgrader.muxer_multistream = OnlyBoundedYamux(int(HANDSHAKE_TIMEOUT))


def close_at_exit(host: BasicHost) -> None:
    """Row 6. Leaving `run` leaves the connections open for the other side."""
    run = host.run

    @asynccontextmanager
    async def run_and_close(listen: Sequence[Multiaddr]) -> AsyncGenerator[None, None]:
        async with run(listen):
            try:
                yield
            finally:
                with trio.move_on_after(HOST_CLOSE) as scope:
                    scope.shield = True
                    await close_connections(swarm_of(host))
                    await host.close()

    def replacement(listen_addrs: Sequence[Multiaddr]) -> AbstractAsyncContextManager[None]:
        return run_and_close(listen_addrs)

    _replace(host, "run", replacement)


def quiet_logs(host: BasicHost) -> None:
    """Row 7. Warnings go to stderr and destroy a terminal; LIBP2P_DEBUG prints handshake bytes."""
    for name in [name for name in os.environ if name.startswith("LIBP2P_DEBUG")]:
        del os.environ[name]
    for name in ("libp2p", "libp2p.network.auto_connector", "multiaddr"):
        library = logging.getLogger(name)
        library.handlers[:] = [logging.NullHandler()]
        library.setLevel(logging.CRITICAL)
        library.propagate = False
    root = logging.getLogger()  # some of its lines go to the root logger, which prints warnings if it has no handler
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def no_auto_connect(host: BasicHost) -> None:
    """Row 8. Every peer with a known address is dialled, every 30 s and 5 s after a disconnect."""
    swarm = swarm_of(host)
    swarm.connection_config.min_connections = swarm.connection_config.low_watermark = 0
    swarm.auto_connector = NoAutoConnector(swarm)


def own_port(host: BasicHost) -> None:
    """Row 9. Two nodes on one port both start (SO_REUSEPORT) and steal each other's connections.

    Without that flag the kernel is the lock: it gives a port to one listener. That nothing listens then is told by
    host.py, which compares what was asked for with what there is.
    """
    _replace(tcp, "_set_reuse_flags", _reuse_address)


def _reuse_address(sock: trio.socket.SocketType) -> None:
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT may be taken again
    if sock.family == trio.socket.AF_INET6:  # else /ip6/:: takes the port of IPv4 too, and /ip4/0.0.0.0 finds it busy
        sock.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)


def short_negotiation(host: BasicHost) -> None:
    """Beyond the table. A multistream message may claim any length, before any handshake, and is read whole."""
    swarm_of(host).connection_config.inbound_stream_protocol_negotiation_timeout = NEGOTIATION_TIMEOUT
    swarm_of(host).connection_config.inbound_upgrade_timeout = HANDSHAKE_TIMEOUT
    _replace(multiselect_communicator, "read_delim", read_short_line)


def prompt_end(host: BasicHost) -> None:
    """Beyond the table. A socket that ended is read 100 times more: half of the CPU of a short connection."""
    _replace(msgio, "read_exactly", read_exactly)


def buffered_reads(host: BasicHost) -> None:
    """Beyond the table. The kernel is asked twice for each Noise message, and each byte passes through seven layers."""
    _replace(tcp, "TrioTCPStream", BufferedTCP)
    _replace(patterns, "SecureSession", BufferedSession)


def one_flight(host: BasicHost) -> None:
    """Beyond the table. Each line of a negotiation waits for the last: three round trips more for each connection."""
    upgrader = swarm_of(host).upgrader
    security, muxer = upgrader.security_multistream, upgrader.muxer_multistream
    _replace(security, "_selector", OneFlightSelector(security._selector))
    _replace(muxer, "_selector", OneFlightSelector(muxer._selector))
    _replace(host, "multiselect", OneFlightMultiselect(host.multiselect.handlers))


def plain_tasks(host: BasicHost) -> None:
    """Beyond the table. To start a task all others are looked through, and one that fails ends the network."""
    _replace(TrioManager, "run_task", run_task)


def quiet_muxer(host: BasicHost) -> None:
    """Beyond the table. Each connection has two loops more, which ping the other side and find nothing to sweep."""
    _replace(Yamux, "start", start_muxer)


def signed_once(host: BasicHost) -> None:
    """Beyond the table. The same signature and public key are computed for each handshake."""
    noise = swarm_of(host).upgrader.security_multistream.transports[NOISE]
    if isinstance(noise, NoiseTransport):
        pattern = PreparedXX(noise)
        _replace(noise, "get_pattern", lambda: pattern)


def no_listeners(host: BasicHost) -> None:
    """Beyond the table. Each connection and stream starts tasks that note down tags, which nobody reads."""
    swarm = swarm_of(host)
    swarm.notifees[:] = [notifee for notifee in swarm.notifees if not isinstance(notifee, TagStoreNotifee)]
    _replace(Swarm, "_notify", notify)


def discreet_identify(host: BasicHost) -> None:
    """Beyond the table. Each connection costs two streams and 10 ms to ask who is there, and tells the release."""
    swarm = swarm_of(host)
    swarm.notifees[:] = [notifee for notifee in swarm.notifees if not isinstance(notifee, _IdentifyNotifee)]
    _replace(identify, "AGENT_VERSION", AGENT)
    for protocol in host.multiselect.get_protocols():
        if protocol is not None and protocol != IDENTIFY:
            host.multiselect.remove_handler(protocol)  # ping answers for ever; identify/push fills the peer store


CURES: Final[dict[str, Callable[[BasicHost], None]]] = {
    "only-noise": only_noise,
    "guard-handlers": guard_handlers,
    "free-slots": free_slots,
    "dial-once": dial_once,
    "bounded-yamux": bounded_yamux,
    "close-at-exit": close_at_exit,
    "quiet-logs": quiet_logs,
    "no-auto-connect": no_auto_connect,
    "own-port": own_port,
    "short-negotiation": short_negotiation,
    "prompt-end": prompt_end,
    "buffered-reads": buffered_reads,
    "one-flight": one_flight,
    "plain-tasks": plain_tasks,
    "quiet-muxer": quiet_muxer,
    "signed-once": signed_once,
    "no-listeners": no_listeners,
    "discreet-identify": discreet_identify,
}


def mended_host(key: KeyPair, *, max_connections: int, admit: Admit) -> BasicHost:
    """Return a host with every cure applied; raises WrongLibp2pError if the library is not 0.8.1 as released.

    `admit` is asked for each inbound socket, before a byte is read.
    """
    check_library()
    host = bare_host(key, max_connections)
    swarm_of(host).connection_gate = AddressGate(admit)
    for cure in CURES.values():
        cure(host)
    return host
