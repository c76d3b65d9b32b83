"""Is this the py-libp2p that the cures of cures.py were written for? The version alone does not tell.

Each symbol that is replaced or relied upon, with the names of its parameters in 0.8.1.
"""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from types import MappingProxyType
from typing import Any, Final

from passerby.node.libp2p_081.importing import WrongLibp2pError

EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host.basic_host:BasicHost.run": "self listen_addrs task_status",
        "host.basic_host:BasicHost._swarm_stream_handler": "self net_stream",
        "host.basic_host:_IdentifyNotifee.connected": "self network conn",
        "identity.identify.identify:_mk_identify_protobuf": "host observed_multiaddr",
        "io.msgio:read_exactly": "reader n retry_count",
        "io.trio:TrioTCPStream.read": "self n",
        "io.trio:TrioTCPStream.write": "self data",
        "network.auto_connector:AutoConnector.record_disconnect": "self peer_id",
        "network.auto_connector:AutoConnector.run_background_task": "self nursery",
        "network.swarm:Swarm._notify": "self method args",
        "network.swarm:Swarm.dial_addr": "self addr peer_id source",
        "network.swarm:Swarm._handle_inbound_connection": "self read_write_closer maddr",
        "network.swarm:Swarm.upgrade_inbound_raw_conn": "self raw_conn maddr",
        "protocol_muxer.generic_selector:GenericMultistreamSelector.select": "self conn is_initiator negotiate_timeout",
        "protocol_muxer.multiselect:Multiselect.negotiate": "self communicator negotiate_timeout",
        "protocol_muxer.multiselect:Multiselect.handshake": "self communicator",
        "protocol_muxer.multiselect_communicator:read_delim": "reader",
        "security.noise.patterns:PatternXX.create_noise_state": "self prologue",
        "security.noise.patterns:PatternXX.make_handshake_payload": "self extensions",
        "security.noise.patterns:PatternXX.handshake_inbound": "self conn",
        "security.noise.patterns:PatternXX.handshake_outbound": "self conn remote_peer",
        "security.noise.patterns:SecureSession": (
            "local_peer local_private_key remote_peer remote_permanent_pubkey is_initiator conn"
        ),
        "security.noise.transport:Transport.get_pattern": "self",
        "security.noise.transport:Transport.secure_inbound": "self conn",
        "security.noise.transport:Transport.secure_outbound": "self conn peer_id",
        "stream_muxer.muxer_multistream:MuxerMultistream.new_conn": "self conn peer_id",
        "stream_muxer.yamux.yamux:Yamux._cleanup_on_error": "self",
        "stream_muxer.yamux.yamux:Yamux._write_frame": "self data",
        "stream_muxer.yamux.yamux:Yamux.start": "self",
        "stream_muxer.yamux.yamux:Yamux.handle_incoming": "self",
        "stream_muxer.yamux.yamux:YamuxStream._auto_tune_and_send_window_update": "self bytes_read",
        "stream_muxer.yamux.yamux:YamuxStream.close": "self",
        "tools.anyio_service.trio_manager:TrioManager.run_task": "self async_fn args daemon name _internal",
        "transport.tcp.tcp:TrioTCPStream": "stream",
        "transport.tcp.tcp:_set_reuse_flags": "sock",
    }
)


def check_library() -> None:
    """Make sure that this is the library that the cures were written for. Raises WrongLibp2pError."""
    for name, parameters in EXPECTED.items():
        module, _, path = name.partition(":")
        found: Any = import_module(f"libp2p.{module}")
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is None or " ".join(signature(found).parameters) != parameters:
            raise WrongLibp2pError(f"This is not the py-libp2p 0.8.1 that Passerby mends: {name} is not as it was.")
