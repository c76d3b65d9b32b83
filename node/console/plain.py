"""Line in, line out: pipes, `--plain`, dumb terminals, screen readers (product.md 3).

UI rules of this file:
- Who speaks is told by text at the start of the row. No colour, nothing redrawn, no clock.
- Peer text cannot start a row: on a terminal we break rows ourselves and indent them behind their prefix.
- What a person typed on a terminal stands there already and is not repeated.
- Everything is done by slash commands; Ctrl-C on a terminal asks once more.
"""

import os

from passerby.node.console import sentences
from passerby.node.console.session import Session
from passerby.node.console.streams import Streams
from passerby.node.console.transcript import Transcript, rows
from passerby.node.events import Event, MessageSent


class Plain:
    """The front end for streams."""

    for_people = True

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._transcript = Transcript()
        self._is_typed = os.isatty(0)
        self.ctrl_c_is_signal = self._is_typed

    async def show(self, event: Event, session: Session) -> None:
        """Write the rows of an event, if it is news."""
        if isinstance(event, MessageSent) and self._is_typed:
            return
        columns = _columns()
        lines = self._transcript.lines(event, session.status.undelivered)
        if lines:
            await self._streams.write("".join(f"{row}\n" for line in lines for row in rows(line, columns)))

    async def read(self, session: Session) -> None:
        """Hand over the lines of stdin, no faster than they can be kept; a blank one is nothing."""
        await session.room()
        async for line in self._streams.lines():
            if line is None:
                await session.tell("too-long", sentences.LINE_TOO_LONG)
            elif line.strip():
                await session.typed(line)
            await session.room()


def _columns() -> int | None:
    try:
        return os.get_terminal_size(1).columns
    except OSError:  # not a terminal
        return None
