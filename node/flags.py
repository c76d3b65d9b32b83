"""How commands describe themselves, and the flags that several have or that are many (product.md 2). Nothing heavy.

UI rules of this file:
- Help begins with examples.
- No secret is the value of a flag: other users of the machine see those.
"""

import shutil
from collections.abc import Callable
from functools import wraps
from math import inf
from pathlib import Path
from secrets import randbelow
from typing import Final, TypeVar

import click

from passerby.node.configvalues import NEVER
from passerby.node.lab.plan import Plan, allow_files

F = TypeVar("F", bound=Callable[..., object])

CODE_FROM_INPUT: Final = "-"
NARROW: Final = 52  # columns: what click's help needs at least
_NO_VALUE: Final = ""  # of --lobby
RANDOM_SEEDS: Final = 1_000_000  # as many as somebody likes to type again


def described(text: str, *examples: str) -> dict[str, str]:
    """The help of a command: examples, then `text`, whose first sentence stands in lists of commands."""
    shown = "\n".join(f"  {line}" for line in examples)
    return {"help": f"\b\nExamples:\n{shown}\n\n{text}", "short_help": text.partition(".")[0] + "."}


class ChatByDefault(click.Group):
    """`passerby [FLAGS]` is `passerby chat [FLAGS]`; its help fits narrow screens too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """As click does, which by itself never makes rows of help shorter than 50."""
        columns = shutil.get_terminal_size().columns
        if columns < NARROW:
            extra["terminal_width"] = max(1, columns - 1)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `chat` in front, unless a command or the program's own flag is there."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version")):
            args = ["chat", *args]
        return super().parse_args(ctx, args)


class _Seconds(click.ParamType[float]):
    """Seconds, or `never` where `may_never`; whether they are sensible is configvalues.py's to judge."""

    name = "seconds"

    def __init__(self, *, may_never: bool = False) -> None:
        self._may_never = may_never

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return inf if self._may_never and value == NEVER else float(value)
        except ValueError:
            self.fail(f"a number of seconds is needed{f', or {NEVER}' if self._may_never else ''}", param, ctx)


def _only_from_input(_context: click.Context, _parameter: click.Parameter, value: str | None) -> bool:
    if value == _NO_VALUE:
        raise click.BadParameter(f"write --lobby {CODE_FROM_INPUT} and you are asked for the code")
    if value not in (None, CODE_FROM_INPUT):
        raise click.BadParameter(
            f"the code is never written here, where others can see it: write --lobby {CODE_FROM_INPUT} and you are "
            "asked for it; a program gives it as the first line of input"
        )
    return value is not None


config_flag: Final = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Read this file first."
)


def common(*, verbose: str) -> Callable[[F], F]:
    """The flags of everything that runs for a while; `verbose` says what -v does there."""

    def decorate(command: F) -> F:
        quiet = click.option("-q", "--quiet", is_flag=True, help="Log errors only.")
        return quiet(click.option("-v", "--verbose", count=True, help=verbose)(config_flag(command)))

    return decorate


_CHAT: Final = (
    click.option("-i", "--interest", "interests", multiple=True, metavar="TAG",
                 help="Meet somebody who likes this too, or one of these: chess,tea (5 at most, a language counted as "
                      "one; may be repeated)."),
    click.option("--lang", metavar="xx",
                 help="Meet somebody who speaks this language too, as de; with interests: who likes one of these, or "
                      "speaks this."),
    click.option("--fallback", type=_Seconds(may_never=True), metavar="SEC",
                 help="With interests or a language: after SEC seconds (30) anybody will do. `never`: nobody else."),
    click.option("--lobby", metavar=CODE_FROM_INPUT, is_flag=False, flag_value=_NO_VALUE, callback=_only_from_input,
                 help="Meet only people who know a code; you are asked for it. Goes without interests and language."),
    click.option("--seed", "seeds", multiple=True, metavar="MULTIADDR", help="Look here for others (may be repeated)."),
    click.option("--lan", is_flag=True, default=None,
                 help="Meet people of your local network too; whom you talk to sees your address there."),
    click.option("--network", metavar="NAME", help="Meet only people who name the same network."),
    click.option("--timeout", type=_Seconds(), metavar="SEC", help="Leave if nobody is found within SEC seconds."),
    click.option("--once", is_flag=True, help="One chat, then leave."),
    click.option("--plain", is_flag=True, help="Line in, line out; for screen readers and pipes."),
    click.option("--json", is_flag=True, help="One JSON object a line; for programs."),
    click.option("--no-color", "color", is_flag=True, flag_value=False, default=True, help="No colours."),
    click.option("--no-input", is_flag=True, help="Never ask anything."),
)  # fmt: skip


EXIT_CODES: Final = (
    "Exit codes: 0 ended normally, 1 bug, 2 usage or consent missing, 3 no seed, 4 nobody before --timeout, "
    "5 stranger lost (with --once), 7 refused by the protocol, 78 bad configuration, 130 Ctrl-C, 143 TERM, 129 HUP."
)

_LAB: Final = (
    click.option("-n", "seeds", type=click.IntRange(min=1), default=40, show_default=True, metavar="N",
                 help="How many seeds."),
    click.option("--pairs", type=click.IntRange(min=1), default=20, show_default=True, metavar="P",
                 help="How many pairs of people."),
    click.option("--chaos", is_flag=True, help="Seeds die, are cut off, lie; clocks are wrong; all meet all the same."),
    click.option("--random-seed", type=click.IntRange(min=0), metavar="NUMBER",
                 help="What goes wrong is drawn from this number, which is told: so it can be had again."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object; what happens meanwhile goes to stderr."),
)  # fmt: skip


def lab_flags(command: Callable[[Plan, bool], int]) -> Callable[..., int]:
    """The flags of `lab`, handed on as a plan that this process can have the open files for, and `as_json`."""

    def planned(seeds: int, pairs: int, chaos: bool, random_seed: int | None, as_json: bool) -> int:
        plan = Plan(seeds, pairs, chaos, randbelow(RANDOM_SEEDS) if random_seed is None else random_seed)
        try:
            allow_files(plan)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        from passerby.node import hardening

        hardening.prepare(-1)
        return command(plan, as_json)

    for option in reversed(_LAB):
        planned = option(planned)
    return planned


def chat_flags(command: Callable[..., int]) -> Callable[..., int]:
    """The flags of `chat`: whom to look for and where, how long, and how it is shown."""

    @wraps(command)  # with the flags that it has already
    def checked(**given: object) -> int:
        if given["lobby"] and (given["interests"] or given["lang"]):
            raise click.UsageError(
                "--lobby: in a private lobby interests and a language do not count: leave --interest and --lang out"
            )
        return command(**given)

    for option in reversed(_CHAT):
        checked = option(checked)
    return checked
