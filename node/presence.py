"""One identity of a chatting peer: its key, host, lobby and slot. A peer takes a new one from time to time; a shell."""

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Final

import trio

from passerby.crypto.keys import KEY_BYTES, SigningKey
from passerby.discovery.addresses import Scope, parse, scope_of
from passerby.discovery.limits import TICKET_ADDRESSES
from passerby.discovery.searching.searchevents import Interests, Reachable
from passerby.node.events import Wishes
from passerby.node.host import Host
from passerby.node.limits import CONNECTIONS
from passerby.node.lobby import Lobby, Person
from passerby.node.matching import Matching, Talk
from passerby.node.wishes import hello_of

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
"""Direct chats are for this machine, and for the local network of who asked for it (protocol.md 6)."""


class Presence:
    """What dies together when the identity is changed."""

    def __init__(self, lobby: Lobby, matching: Matching) -> None:
        self.lobby: Final = lobby
        self.matching: Final = matching
        self.wishes = Wishes()
        self._advanced = trio.current_time()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        person: Person,
        talk: Talk,
        changed: Callable[[], None],
        is_welcome: Callable[[], bool] = lambda: True,
        listen: Sequence[str] = LISTEN,
    ) -> AsyncGenerator["Presence"]:
        """Draw a key, kept in memory only, and be present under it until the block ends; `is_welcome` as in Matching.

        What belongs to the `person` is shared by all their identities. All addresses to `listen` at are of this machine
        or of a local network. OSError if one of them cannot be had.
        """
        key = secrets.token_bytes(KEY_BYTES)
        async with (
            Host.open(key, listen=listen, max_connections=CONNECTIONS, admit=_is_near) as host,
            trio.open_nursery() as nursery,
        ):
            lobby = Lobby(host, SigningKey.from_seed(key), person, nursery, changed)
            for scope, group in groupby(map(parse, host.addresses), lambda address: address.scope):
                if scope is not None:
                    lobby.handle(Reachable(scope, addresses=tuple(group)[:TICKET_ADDRESSES]))
            yield cls(lobby, Matching(host, lobby, person.network, nursery, talk, is_welcome, changed))
            nursery.cancel_scope.cancel()

    def search(self, wishes: Wishes) -> None:
        """Look for somebody; `wishes` hold until the next call. LocalProtocolError unless nothing is under way."""
        self.wishes = wishes
        self.lobby.handle(Interests(wishes.tags, wishes.fallback))
        self.matching.start(hello_of(wishes))

    def deadline(self) -> float | None:
        """Return when `advance` is due."""
        moments = (self.lobby.deadline(self._advanced), self.matching.deadline())
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self) -> None:
        """Let time pass in every machine."""
        self._advanced = trio.current_time()
        self.lobby.advance()
        self.matching.advance()


def _is_near(host: str, _port: int) -> bool:
    """Let nobody in from further away than we listen for: a router may hand on what comes from the Internet."""
    return scope_of(host) in (Scope.MACHINE, Scope.LAN)
