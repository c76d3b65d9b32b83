"""`passerby chat` from settings to exit code: picks the front end, joins it to the peer, leaves nothing behind."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from passerby.node.config import Settings
from passerby.node.console.bridge import Bridge, Peer
from passerby.node.console.lifecycle import Lifecycle
from passerby.node.console.ndjson import Ndjson
from passerby.node.console.plain import Plain
from passerby.node.console.session import FrontEnd, Session
from passerby.node.console.streams import Streams, fill_closed
from passerby.node.events import Wishes
from passerby.node.wishes import private_wishes, wishes_of


@dataclass(frozen=True, slots=True)
class Options:
    """How a chat is shown and when it ends, and the code of a private lobby; the rest stands in Settings."""

    once: bool = False
    json: bool = False
    plain: bool = False
    color: bool = True
    code: str | None = field(default=None, repr=False)


def load_peer() -> Peer:
    """The real peer. Importing it takes half a second, of which walks through garbage that is none were a tenth."""
    gc.disable()
    try:
        from passerby.node.peer import run
    finally:
        gc.enable()
    return run


def chat(settings: Settings, options: Options, load: Callable[[], Peer] = load_peer) -> int:
    """Chat until somebody has enough; returns the exit code (product.md 6). Needs the main thread, for its signals."""
    fill_closed()
    loop = asyncio.new_event_loop()
    try:
        exit_code, is_clean = loop.run_until_complete(_chat(settings, options, load))
    finally:
        loop.close()
    if not is_clean:  # a thread that nobody can stop would keep the process: the import, or output that nobody reads
        os._exit(exit_code)
    return exit_code


async def _chat(settings: Settings, options: Options, load: Callable[[], Peer]) -> tuple[int, bool]:
    streams = None if _is_full_terminal(options) else await Streams.open()
    front_end = await _front_end(options, streams)
    bridge = Bridge(load, settings)
    lifecycle = Lifecycle(once=options.once, timeout=settings.timeout, keep=options.json)
    session = Session(bridge, lifecycle, settings, front_end)
    is_clean = True
    try:
        exit_code = await session.run(partial(_wishes, settings, options.code))
    finally:
        is_clean &= await bridge.close(session.grace)
        if streams is not None:
            is_clean &= await streams.close()
    return exit_code, is_clean


async def _wishes(settings: Settings, code: str | None) -> Wishes:
    """What is wished for at the start; a code is worked on in a thread, while another imports the peer."""
    if code is None:
        return wishes_of(settings.interests, settings.lang, settings.fallback)
    return await asyncio.to_thread(private_wishes, code, settings.network)


def _is_full_terminal(options: Options) -> bool:
    if options.json or options.plain or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout is not None and sys.stdout.isatty()


async def _front_end(options: Options, streams: Streams | None) -> FrontEnd:
    if streams is not None:
        return Ndjson(streams) if options.json else Plain(streams)
    from passerby.node.console.terminal import Terminal  # prompt_toolkit is for those who see it

    return Terminal(color=options.color and not os.environ.get("NO_COLOR"))
