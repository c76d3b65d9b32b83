"""Keys of the full terminal that are ours; line editing is prompt_toolkit's (product.md 3)."""

from collections.abc import Awaitable, Callable
from functools import partial

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
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
from passerby.node.console.keystrokes import Pasting
from passerby.node.console.session import Session
from passerby.node.limits import OUTGOING_LINES

Job = Callable[[], Awaitable[None]]


def bindings(session: Session, buffer: Buffer, pasting: Pasting, do: Callable[[Job], None]) -> KeyBindingsBase:
    """Bindings for `buffer`. `pasting` holds lines that wait for a yes; `do` queues what takes time."""
    asks = Condition(lambda: bool(pasting.lines))
    ordinary = [_ordinary(session, buffer, do), _line(session, buffer, pasting, do)]
    return merge_key_bindings(
        [
            ConditionalKeyBindings(merge_key_bindings(ordinary), ~asks),
            ConditionalKeyBindings(_answers(session, buffer, pasting, do), asks),
        ]
    )


def _ordinary(session: Session, buffer: Buffer, do: Callable[[Job], None]) -> KeyBindings:
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

    return keys


def _line(session: Session, buffer: Buffer, pasting: Pasting, do: Callable[[Job], None]) -> KeyBindings:
    """What else would put into the line, or send, what was not meant to be."""
    keys = KeyBindings()

    @keys.add("tab", filter=Condition(lambda: not buffer.text.startswith("/")))
    def _(event: KeyPressEvent) -> None:
        """Completes commands only; in a text it separates words, as in a paste that the terminal did not mark."""
        if buffer.text:
            buffer.insert_text(" ")

    @keys.add("enter", filter=Condition(lambda: pasting.ends_answer(buffer.text, session.now)))
    def _(event: KeyPressEvent) -> None:
        text, cursor = pasting.restored()
        buffer.document = Document(text, cursor)

    @keys.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        lines = [line for line in event.data.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
        if len(lines) <= 1:
            buffer.insert_text("".join(lines))
        elif len(lines) > OUTGOING_LINES:
            do(partial(session.tell, "too-long", sentences.PASTE_TOO_LONG))
        else:
            pasting.ask(lines)
            do(partial(session.tell, "paste", sentences.pasted(len(lines))))

    return keys


def _answers(session: Session, buffer: Buffer, pasting: Pasting, do: Callable[[Job], None]) -> KeyBindings:
    """While a paste waits: y, n, and nothing else."""

    def answer(word: str) -> list[str]:
        return pasting.answer(word, buffer.text, buffer.cursor_position, session.now)

    keys = KeyBindings()

    @keys.add("y", eager=True)
    @keys.add("Y", eager=True)
    def _(event: KeyPressEvent) -> None:
        for line in answer("yes"):
            do(partial(session.say, line))  # as text, whatever it begins with

    @keys.add("n", eager=True)
    @keys.add("N", eager=True)
    @keys.add("escape", eager=True)
    @keys.add("c-c", eager=True)
    def _(event: KeyPressEvent) -> None:
        answer("no")

    @keys.add(Keys.Any, eager=True)
    @keys.add("enter", eager=True)
    @keys.add(Keys.BracketedPaste, eager=True)
    def _(event: KeyPressEvent) -> None:
        pasting.insist()

    return keys
