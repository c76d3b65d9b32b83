"""`--json`: one object a line on stdout, one message or slash command a line on stdin (product.md 5).

UI rules of this file, for programs:
- Every line has `v`, `t` and `event`; docs/ndjson.schema.json fixes the types; fields may be added, never changed.
- A line is whole and flushed before the next event is looked at.
- Nothing else goes to stdout, and every state that a person would see is an event.
"""

import json
from datetime import UTC, datetime
from typing import Final

from passerby.node.console import sentences
from passerby.node.console.session import Session
from passerby.node.console.streams import Streams
from passerby.node.events import (
    Delivered,
    Ended,
    Event,
    Finished,
    Matched,
    MessageReceived,
    MessageSent,
    StateChanged,
    StrangerTyping,
    Warned,
)
from passerby.node.text import clean

VERSION: Final = 1

Field = str | int | float | bool | list[str] | None


def encode(event: Event, at: datetime) -> str | None:
    """`event` as a line with its end; None for what a program need not know. `at` is in UTC."""
    fields = _fields(event)
    if fields is None:
        return None
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"v": VERSION, "t": stamp, **fields}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _fields(event: Event) -> dict[str, Field] | None:
    match event:
        case StateChanged():
            return _state(event)
        case Matched():
            return _matched(event)
        case MessageReceived(number, text):
            return {"event": "message", "from": "stranger", "id": number, "text": clean(text)}
        case MessageSent(number, text):
            return {"event": "message", "from": "you", "id": number, "text": clean(text)}
        case Delivered(number):
            return {"event": "delivered", "id": number}
        case StrangerTyping(on):
            return {"event": "typing", "on": on}
        case Ended(reason, before_any_text):
            return {"event": "ended", "reason": reason.value, "before_any_text": before_any_text}
        case Warned(code, text):
            return {"event": "warning", "code": code, "text": text}
        case Finished():
            return None
        case _:  # Failed
            return {"event": "error", "code": event.code, "hint": sentences.of_failure(event)}


def _state(change: StateChanged) -> dict[str, Field]:
    return {
        "event": "state",
        "state": change.state.value,
        "scope": change.scope.value,
        "seeds": change.seeds,
        "waiting": change.waiting,
        "seen": change.seen,
        "met": change.met,
        "named": change.named,
        "retry": change.retry,
        "interests": [clean(interest) for interest in change.interests],
        "lang": clean(change.lang) or None,
        "private": change.private,
        "fallback": change.fallback,
        "text": sentences.of_state(change),
    }


def _matched(matched: Matched) -> dict[str, Field]:
    address = {} if matched.address is None else {"address": clean(matched.address)}
    return {
        "event": "matched",
        "exposure": matched.exposure,
        **address,
        "interests": [clean(interest) for interest in matched.interests],
        "lang": None if matched.lang is None else clean(matched.lang),
        "verify": " ".join(matched.verify),
        "ms": matched.milliseconds,
        "bot": matched.bot,
    }


class Ndjson:
    """The front end for programs."""

    for_people = False
    ctrl_c_is_signal = False

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def show(self, event: Event, session: Session) -> None:
        """Write one line."""
        line = encode(event, datetime.now(UTC))
        if line is not None:
            await self._streams.write(line)

    async def read(self, session: Session) -> None:
        """Hand over the lines of stdin, no faster than they can be kept."""
        await session.room()
        async for line in self._streams.lines():
            if line is None:
                await session.tell("too-long", sentences.LINE_TOO_LONG)
            else:
                await session.typed(line)
            await session.room()
