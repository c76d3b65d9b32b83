"""Keys of the full terminal that are ours; line editing is prompt_toolkit's (product.md 3)."""

from collections.abc import Awaitable, Callable
from functools import partial

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from passerby.node.console import sentences
from passerby.node.console.session import Session
from passerby.node.limits import OUTGOING_LINES


def bindings(
    session: Session, buffer: Buffer, pasted: list[str], do: Callable[[Callable[[], Awaitable[None]]], None]
) -> KeyBindings:
    """Bindings for `buffer`. `pasted` holds lines that wait for a yes; `do` queues what takes time."""
    keys = KeyBindings()
    asks = Condition(lambda: bool(pasted))

    @keys.add("escape", "escape", filter=~asks)
    def _(event: KeyPressEvent) -> None:
        do(session.stop_or_start)

    @keys.add("c-n", filter=~asks)
    def _(event: KeyPressEvent) -> None:
        do(partial(session.typed, "/next"))

    @keys.add("c-c", filter=~asks)
    def _(event: KeyPressEvent) -> None:
        session.interrupted(quietly=bool(buffer.text))
        buffer.reset()

    @keys.add("c-d", filter=~asks & Condition(lambda: not buffer.text))
    def _(event: KeyPressEvent) -> None:
        session.quit()

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        """Not into the line; and a program that sleeps looks like one that died to the stranger."""

    @keys.add(Keys.BracketedPaste, filter=~asks)
    def _(event: KeyPressEvent) -> None:
        lines = [line for line in event.data.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
        if len(lines) <= 1:
            buffer.insert_text("".join(lines))
        elif len(lines) > OUTGOING_LINES:
            do(partial(session.tell, "too-long", sentences.PASTE_TOO_LONG))
        else:
            pasted[:] = lines
            do(partial(session.tell, "paste", sentences.pasted(len(lines))))

    @keys.add("y", filter=asks, eager=True)
    @keys.add("Y", filter=asks, eager=True)
    def _(event: KeyPressEvent) -> None:
        for line in pasted:
            do(partial(session.say, line))  # as text, whatever it begins with
        pasted.clear()

    @keys.add("n", filter=asks, eager=True)
    @keys.add("N", filter=asks, eager=True)
    @keys.add("escape", filter=asks, eager=True)
    @keys.add("c-c", filter=asks, eager=True)
    def _(event: KeyPressEvent) -> None:
        pasted.clear()

    @keys.add(Keys.Any, filter=asks, eager=True)
    @keys.add("enter", filter=asks, eager=True)
    @keys.add(Keys.BracketedPaste, filter=asks, eager=True)
    def _(event: KeyPressEvent) -> None:
        """Anything else is no answer."""

    return keys
