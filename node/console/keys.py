"""Keys of the full terminal that are ours; line editing is prompt_toolkit's (product.md 3)."""

from collections.abc import Awaitable, Callable
from functools import partial

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import (
    ConditionalKeyBindings,
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
    merge_key_bindings,
)
from prompt_toolkit.keys import Keys

from passerby.node.console import sentences
from passerby.node.console.session import Session
from passerby.node.limits import OUTGOING_LINES

Job = Callable[[], Awaitable[None]]


def bindings(session: Session, buffer: Buffer, pasted: list[str], do: Callable[[Job], None]) -> KeyBindingsBase:
    """Bindings for `buffer`. `pasted` holds lines that wait for a yes; `do` queues what takes time."""
    asks = Condition(lambda: bool(pasted))
    ordinary = ConditionalKeyBindings(_ordinary(session, buffer, pasted, do), ~asks)
    return merge_key_bindings([ordinary, ConditionalKeyBindings(_answers(session, pasted, do), asks)])


def _ordinary(session: Session, buffer: Buffer, pasted: list[str], do: Callable[[Job], None]) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "escape")
    def _(event: KeyPressEvent) -> None:
        do(session.stop_or_start)

    @keys.add("c-n")
    def _(event: KeyPressEvent) -> None:
        do(partial(session.typed, "/next"))

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        session.interrupted(quietly=bool(buffer.text))
        buffer.reset()

    @keys.add("c-d", filter=Condition(lambda: not buffer.text))
    def _(event: KeyPressEvent) -> None:
        session.quit()

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        """Not into the line; and a program that sleeps looks like one that died to the stranger."""

    @keys.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        lines = [line for line in event.data.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
        if len(lines) <= 1:
            buffer.insert_text("".join(lines))
        elif len(lines) > OUTGOING_LINES:
            do(partial(session.tell, "too-long", sentences.PASTE_TOO_LONG))
        else:
            pasted[:] = lines
            do(partial(session.tell, "paste", sentences.pasted(len(lines))))

    return keys


def _answers(session: Session, pasted: list[str], do: Callable[[Job], None]) -> KeyBindings:
    """While a paste waits: y, n, and nothing else."""
    keys = KeyBindings()

    @keys.add("y", eager=True)
    @keys.add("Y", eager=True)
    def _(event: KeyPressEvent) -> None:
        for line in pasted:
            do(partial(session.say, line))  # as text, whatever it begins with
        pasted.clear()

    @keys.add("n", eager=True)
    @keys.add("N", eager=True)
    @keys.add("escape", eager=True)
    @keys.add("c-c", eager=True)
    def _(event: KeyPressEvent) -> None:
        pasted.clear()

    @keys.add(Keys.Any, eager=True)
    @keys.add("enter", eager=True)
    @keys.add(Keys.BracketedPaste, eager=True)
    def _(event: KeyPressEvent) -> None:
        """Anything else is no answer."""

    return keys
