"""How far chats reach in this release (protocol.md 6): which scopes are used, and what is said of the others. Pure."""

from typing import Protocol

from passerby.discovery.addresses import Address, Scope, scope_of
from passerby.discovery.searching.seednames import SeedName
from passerby.node.events import Failed
from passerby.node.exits import Exit


class Ends(Protocol):
    """What a connection knows of its two ends: text of addresses, the remote one with its port; None if hidden."""

    @property
    def remote_address(self) -> tuple[str, int] | None:
        """The other end."""
        ...

    @property
    def local_host(self) -> str | None:
        """Our end."""
        ...


def exposure(ends: Ends) -> tuple[str, str | None]:
    """Return how far a chat on a connection reaches, and what the stranger sees of our address where that tells them.

    On one machine it tells nothing.
    """
    scope = Scope.PUBLIC if ends.remote_address is None else scope_of(ends.remote_address[0])
    how = "direct" if scope is Scope.PUBLIC else scope.value
    return how, None if scope is Scope.MACHINE else ends.local_host


def is_open(scope: Scope, *, lan: bool) -> bool:
    """Tell whether strangers are met in a scope: on this machine, and with `--lan` in the local network."""
    return scope is Scope.MACHINE or (lan and scope is Scope.LAN)


def refusal(seed: Address | SeedName, scope: Scope) -> Failed:
    """Say why a seed that the person named is not used, and what to do about it; `scope` is where it stands."""
    if scope is Scope.LAN:
        return Failed(
            "needs-lan",
            f"The seed {seed} is in a local network. Strangers met there see your address in that network.",
            "Add --lan if they may, or leave that seed out to talk on this machine.",
            Exit.REFUSED,
        )
    return Failed(
        "needs-relay",
        f"The seed {seed} is not on this machine. Strangers met there would see your address, because this "
        "version has no relays yet.",
        "Leave that seed out to talk on this machine.",
        Exit.REFUSED,
    )
