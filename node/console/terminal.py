"""The full terminal: messages scroll above, the line being typed stays below them (product.md 3).

UI rules of this file:
- The half-typed line survives every event: output goes above it, never through it.
- Who speaks is told by text (`You:`, `Stranger:`, `*`); colour only repeats it.
- Peer text cannot start a row, move the cursor or colour anything: rows are ours (wrapping.py) and cleaned again.
- One bottom line: state, exposure, time, whether the stranger types. Nothing blinks, nothing scrolls by itself.
- Nothing leaves by accident: several pasted lines ask first, Ctrl-C asks twice, commands are never sent as text.
- Log lines (-v) go above the input line like everything else, unless stderr is not the terminal.
- What was typed is remembered in memory only.
- Whatever ends us, the terminal is as before: it is given back by leaving `read`.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, TextIO

from prompt_toolkit.application import Application, in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.layout import BufferControl, Dimension, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style

from passerby.node.console.commands import COMMANDS, is_too_long
from passerby.node.console.keys import Job, bindings
from passerby.node.console.keystrokes import Keystrokes, Pasting
from passerby.node.console.session import Session
from passerby.node.console.transcript import OURS, STRANGER, YOU, Line, Transcript, rows
from passerby.node.events import Event

INPUT_ROWS: Final = 5  # a longer line scrolls inside them
ESCAPE_TWICE: Final = 1.0  # seconds between the two (product.md 3)
ESCAPE_ALONE: Final = 0.1  # seconds after which an Esc byte is no longer the beginning of an arrow key
TICK: Final = 1.0  # seconds: the clock on the bottom line
_STYLES: Final = {YOU: "class:you", STRANGER: "class:stranger", OURS: "class:ours"}
_STYLE: Final = Style.from_dict(
    {"you": "ansicyan", "stranger": "ansigreen bold", "ours": "ansiyellow", "bottom": "reverse"}
)


class Terminal:
    """The front end for people at a terminal."""

    for_people = True
    ctrl_c_is_signal = False  # it is a key here; a SIGINT comes from elsewhere and is meant

    def __init__(self, *, color: bool) -> None:
        self._output = create_output()
        if isinstance(self._output, Vt100_Output):
            self._output.enable_cpr = False  # its answer may come after we left, and be typed into the shell
        self._depth = self._output.get_default_color_depth() if color else ColorDepth.DEPTH_1_BIT
        self._transcript = Transcript()

    # ---- output ---------------------------------------------------------------------------------------------------

    async def show(self, event: Event, session: Session) -> None:
        """Print the rows of an event above the input line, if it is news."""
        lines = self._transcript.lines(event, session.status.undelivered)
        if lines:
            async with in_terminal():
                for line in lines:
                    self._print(line)

    def _print(self, line: Line) -> None:
        style = _STYLES[line[0]]
        first, *others = rows(line, self._output.get_size().columns)
        head = first[: len(line[0])]  # the prefix, or on the narrowest screens all of its row
        text = "\n".join([first[len(head) :], *others, ""])
        fragments = FormattedText([(style, head), ("", text)])
        print_formatted_text(self._output, fragments, _STYLE, color_depth=self._depth)

    # ---- input ----------------------------------------------------------------------------------------------------

    async def read(self, session: Session) -> None:
        """Own the terminal and hand over what is typed, until cancelled or until the terminal is gone."""
        jobs: asyncio.Queue[Job] = asyncio.Queue()
        keystrokes = Keystrokes()
        application = self._application(session, jobs, keystrokes)
        errors = sys.stderr
        with patch_stdout(raw=True), contextlib.redirect_stderr(sys.stderr if _is_screen(errors) else errors):
            helpers = [
                asyncio.create_task(_work(jobs)),
                asyncio.create_task(_tick(application, session, keystrokes)),
            ]
            running = asyncio.create_task(application.run_async(handle_sigint=False, set_exception_handler=False))
            try:
                await asyncio.wait([running, *helpers], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in helpers:
                    task.cancel()
                await _leave(application, running)
                await asyncio.gather(*helpers, return_exceptions=True)

    def _application(self, session: Session, jobs: asyncio.Queue[Job], keystrokes: Keystrokes) -> Application[None]:
        def accept(buffer: Buffer) -> bool:
            if buffer.text.strip():
                jobs.put_nowait(partial(session.typed, buffer.text))
            return is_too_long(buffer.text)  # if so it stays in the line; all else is cleared, and an arrow key away

        def changed(buffer: Buffer) -> None:
            _tell_typing(session, keystrokes.changed(buffer.text, session.now))

        buffer = Buffer(
            accept_handler=accept,
            on_text_changed=changed,
            history=InMemoryHistory(),
            completer=WordCompleter(list(COMMANDS), sentence=True),
            multiline=False,
        )
        pasting = Pasting()
        application = Application[None](
            layout=_layout(buffer, lambda: _bottom(session, pasting)),
            key_bindings=bindings(session, buffer, pasting, jobs.put_nowait),
            style=_STYLE,
            color_depth=self._depth,
            output=self._output,
            erase_when_done=True,
        )
        application.timeoutlen = ESCAPE_TWICE
        application.ttimeoutlen = ESCAPE_ALONE
        return application


def _is_screen(errors: TextIO | None) -> bool:
    """Whether what goes to stderr is seen here and so must stand above the input line; a file gets it as it is."""
    return errors is not None and errors.isatty()


def _layout(buffer: Buffer, bottom: Callable[[], str]) -> Layout:
    line = Window(
        BufferControl(buffer, input_processors=[BeforeInput(YOU)]),
        height=Dimension(min=1, max=INPUT_ROWS),
        dont_extend_height=True,
        wrap_lines=True,
    )
    return Layout(HSplit([line, Window(FormattedTextControl(bottom), height=1, style="class:bottom")]), line)


def _bottom(session: Session, pasting: Pasting) -> str:
    return f" {pasting.bottom() if pasting.lines else session.status.bottom(session.now)}"


async def _work(jobs: asyncio.Queue[Job]) -> None:
    while True:
        await (await jobs.get())()


async def _tick(application: Application[None], session: Session, keystrokes: Keystrokes) -> None:
    while True:
        await asyncio.sleep(TICK)
        _tell_typing(session, keystrokes.paused(session.now))
        application.invalidate()


def _tell_typing(session: Session, typing: bool | None) -> None:
    if typing is not None:
        session.typing(typing)


async def _leave(application: Application[None], running: "asyncio.Task[None]") -> None:
    if application.is_running and application.future is not None and not application.future.done():
        application.exit()
    await asyncio.gather(running, return_exceptions=True)
