"""One identity of a chatting peer: its key, host, lobby and slot. A peer takes a new one from time to time; a shell."""

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import trio

from passerby.crypto.keys import KEY_BYTES, SigningKey
from passerby.discovery.addresses import parse
from passerby.discovery.peerbook import PeerBook
from passerby.node.host import Host
from passerby.node.limits import CONNECTIONS
from passerby.node.lobby import Lobby
from passerby.node.matching import Matching, Talk

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
"""Direct chats are for this machine alone, until there are relays (protocol.md 6)."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What dies together when the identity is changed."""

    lobby: Lobby
    matching: Matching

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        network: str,
        met: PeerBook,
        blocked: PeerBook,
        talk: Talk,
        changed: Callable[[], None],
        is_welcome: Callable[[], bool] = lambda: True,
    ) -> AsyncGenerator["Presence"]:
        """Draw a key, kept in memory only, and be present under it until the block ends.

        `met` and `blocked` belong to the person and are shared by all their identities; `is_welcome` as in Matching.
        """
        key = secrets.token_bytes(KEY_BYTES)
        async with Host.open(key, listen=LISTEN, max_connections=CONNECTIONS) as host, trio.open_nursery() as nursery:
            lobby = Lobby(host, SigningKey.from_seed(key), network, met, blocked, changed)
            lobby.reachable_at(tuple(parse(address) for address in host.addresses))
            yield cls(lobby, Matching(host, lobby, network, nursery, talk, is_welcome))
            nursery.cancel_scope.cancel()

    def deadline(self) -> float | None:
        """Return when `advance` is due."""
        moments = (self.lobby.deadline(), self.matching.deadline())
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self) -> None:
        """Let time pass in every machine."""
        self.lobby.advance()
        self.matching.advance()
