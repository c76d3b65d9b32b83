"""What must happen before `import libp2p`: the version is checked, and what a chat does not use is left out.

Half of the time of `import libp2p` goes into QUIC, ACME, mDNS, UPnP and DNS over HTTPS (measured: 0.67 s of CPU in all,
0.33 s without them), because every package of the library imports all it has. Two means:

- `DEFERRED` packages are entered without running their `__init__`, which only gathers names; it runs when somebody asks
  the package for a name, so `libp2p.new_host` is there as ever.
- `LEFT_OUT` modules are replaced while the parts in `NEEDED` are imported, because those name a few of their classes;
  then the replacements are taken away again, and who imports those modules later gets the real ones.

Whoever imported libp2p before us has paid already: then nothing is done. Import this module first in every file that
imports libp2p and may itself be imported first.
"""

import sys
from collections.abc import Mapping
from importlib import import_module, metadata
from importlib.util import find_spec, module_from_spec
from types import MappingProxyType, ModuleType
from typing import Any, Final

VERSION: Final = "0.8.1"

DEFERRED: Final = (
    "libp2p",
    "libp2p.transport",
    "libp2p.transport.quic",
    "libp2p.relay",
    "libp2p.relay.circuit_v2",
    "libp2p.discovery",
    "libp2p.discovery.bootstrap",
    "libp2p.discovery.mdns",
    "libp2p.discovery.upnp",
    "libp2p.security",
    "libp2p.security.tls",
    "libp2p.security.tls.autotls",
)
LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "libp2p.discovery.bootstrap.bootstrap": ("BootstrapDiscovery",),
        "libp2p.discovery.mdns.mdns": ("MDNSDiscovery", "create_mdns_discovery"),
        "libp2p.discovery.upnp.upnp": ("UpnpManager",),
        "libp2p.security.tls.autotls.acme": ("ACMEClient", "compute_b36_peer_id"),
        "libp2p.security.tls.autotls.broker": ("BrokerClient",),
        "libp2p.transport.quic.stream": ("QUICStream",),
    }
)
RESOLVERS: Final = "multiaddr.resolvers"
NEEDED: Final = (
    "libp2p.host.basic_host",
    "libp2p.network.swarm",
    "libp2p.transport.tcp.tcp",
    "libp2p.transport.upgrader",
    "libp2p.security.noise.transport",
    "libp2p.security.insecure.transport",
    "libp2p.stream_muxer.muxer_multistream",
    "libp2p.identity.identify.identify",
)


class WrongLibp2pError(ImportError):
    """Passerby mends py-libp2p 0.8.1 and refuses any other: install the versions of requirements.lock."""


class LeftOutError(ImportError):
    """A part of py-libp2p that a chat does not use was asked for by a part that it does."""


class _Deferred(ModuleType):
    """A package whose `__init__` runs when it is first asked for a name that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - plain now
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


class _LeftOut:
    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise LeftOutError(f"{type(self).__name__} is not part of a Passerby host")


class _LateResolver:
    """Stands for multiaddr's DNSResolver, whose import brings a QUIC and an HTTP client, until a name is resolved."""

    async def resolve(self, *arguments: Any, **named: Any) -> Any:
        return await import_module(RESOLVERS).DNSResolver().resolve(*arguments, **named)


def check_version(found: str) -> None:
    """Raise WrongLibp2pError unless `found` is the version that the cures were written for."""
    if found != VERSION:
        raise WrongLibp2pError(f"Passerby mends py-libp2p {VERSION} and refuses {found}: install requirements.lock.")


def _defer(name: str) -> None:
    spec = find_spec(name)
    if spec is None:
        raise WrongLibp2pError(f"This is not the py-libp2p {VERSION} that Passerby mends: {name} is missing.")
    module = module_from_spec(spec)
    module.__class__ = _Deferred
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _stand_in(name: str, content: Mapping[str, object]) -> None:
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


def _import_what_is_needed() -> None:
    stand_ins = [name for name in (*LEFT_OUT, RESOLVERS) if name not in sys.modules]
    for name in DEFERRED:
        _defer(name)
    for name, classes in LEFT_OUT.items():
        _stand_in(name, {each: type(each, (_LeftOut,), {}) for each in classes})
    if RESOLVERS in stand_ins:
        _stand_in(RESOLVERS, {"DNSResolver": _LateResolver})
    try:
        for name in NEEDED:
            import_module(name)
    finally:
        for name in stand_ins:
            del sys.modules[name]


check_version(metadata.version("libp2p"))
if "libp2p" not in sys.modules:
    _import_what_is_needed()
