"""What a typed line means: text to send, or a slash command (product.md 3). Shared by the three front ends.

UI rules of this file:
- A line that begins with `/` is never sent by mistake: `//` sends a literal `/`, anything unknown is told, not sent.
- Commands are one word, in any case, and obeyed only if what follows them makes sense.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from typing import Final

from passerby.node.configvalues import INTERESTS, LANGUAGE, WrongValueError
from passerby.node.text import Rejected, admit, label

NONE: Final = "-"
GAP: Final = "  "  # between the columns of the list of /help; nothing else of ours has two spaces
WORD_SHOWN: Final = 24  # code points of a mistyped command that are shown again


class Action(Enum):
    """Commands without arguments."""

    NEXT = auto()
    STOP = auto()
    START = auto()
    WHO = auto()
    VERIFY = auto()
    QUIT = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """To be sent to the stranger; not yet judged (text.admit)."""

    text: str


@dataclass(frozen=True, slots=True)
class TypingSwitch:
    """`/typing`: whether ours is told, whether theirs is shown; None leaves it as it is."""

    send: bool | None
    show: bool | None


@dataclass(frozen=True, slots=True)
class Interests:
    """`/interests`: those to have from now on, in normal form; None only asks."""

    tags: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Language:
    """`/lang`: the one to have from now on, a primary subtag, or empty for none; None only asks."""

    lang: str | None


@dataclass(frozen=True, slots=True)
class Help:
    """`/help`, about one command or all of them: `text` is the answer, lines separated by LF."""

    text: str


@dataclass(frozen=True, slots=True)
class Mistaken:
    """Neither sent nor obeyed; `sentence` says why."""

    sentence: str


Typed = Action | Text | TypingSwitch | Interests | Language | Help | Mistaken


@dataclass(frozen=True, slots=True)
class _Spec:
    usage: str
    summary: str
    action: Action | None = None


_SPECS: Final = {
    "next": _Spec("/next", "leave this stranger, look for another", Action.NEXT),
    "stop": _Spec("/stop", "leave this stranger, or stop looking", Action.STOP),
    "start": _Spec("/start", "look for a stranger", Action.START),
    "who": _Spec("/who", "what they see of you, how long you have talked", Action.WHO),
    "verify": _Spec("/verify", "seven words to compare over another channel", Action.VERIFY),
    "interests": _Spec("/interests [TAG…]", "what you both should like, commas allowed; - none"),
    "lang": _Spec("/lang [xx]", "what you both should speak, as de; - none"),
    "typing": _Spec("/typing [send|show] on|off", "tell that you type, show that they do, or both"),
    "help": _Spec("/help [COMMAND]", "this list"),
    "quit": _Spec("/quit", "say goodbye and leave", Action.QUIT),
}
_ALIASES: Final = {"n": "next", "s": "stop", "q": "quit", "?": "help"}
COMMANDS: Final = tuple(f"/{name}" for name in _SPECS)


def parse(line: str) -> Typed:
    """The meaning of one line without its end."""
    if not line.startswith("/"):
        return Text(line)
    if line.startswith("//"):
        return Text(line[1:])
    word, *arguments = line[1:].split() or [""]
    name = _name(word)
    if name == "typing":
        return _typing(arguments)
    if name == "interests":
        return _interests(line[1:].partition(word)[2])
    if name == "lang":
        return _language(arguments)
    if name == "help":
        return _help(arguments)
    if name is None:
        return _unknown(word)
    action = _SPECS[name].action
    if action is None or arguments:
        return _misused(name)
    return action


def is_too_long(line: str) -> bool:
    """Whether `line` is a text that is refused for its length: a person wants to shorten it, not to write it anew."""
    typed = parse(line)
    admitted = admit(typed.text) if isinstance(typed, Text) else None
    return isinstance(admitted, Rejected) and admitted.code == "too-long"


def _name(word: str) -> str | None:
    word = word.casefold()
    name = _ALIASES.get(word, word)
    return name if name in _SPECS else None


def _typing(arguments: list[str]) -> Typed:
    match [argument.casefold() for argument in arguments]:
        case ["on" | "off" as switch]:
            return TypingSwitch(send=switch == "on", show=switch == "on")
        case ["send", "on" | "off" as switch]:
            return TypingSwitch(send=switch == "on", show=None)
        case ["show", "on" | "off" as switch]:
            return TypingSwitch(send=None, show=switch == "on")
        case _:
            return _misused("typing")


def _interests(rest: str) -> Typed:
    """Commas, where there are any, keep interests of several words together."""
    tags = [tag for tag in (rest.split(",") if "," in rest else rest.split()) if tag.strip()]
    if not tags:
        return Interests(None)
    try:
        return Interests(() if tags == [NONE] else INTERESTS.check(tags))
    except WrongValueError as error:
        return Mistaken(f"Not changed: {error}.")


def _language(arguments: list[str]) -> Typed:
    match arguments:
        case []:
            return Language(None)
        case [lang]:
            try:
                return Language("" if lang == NONE else LANGUAGE.check(lang))
            except WrongValueError as error:
                return Mistaken(f"Not changed: {error}.")
        case _:
            return _misused("lang")


def _help(arguments: list[str]) -> Typed:
    if not arguments:
        width = max(len(spec.usage) for spec in _SPECS.values())
        rows = [f"{spec.usage:<{width}}{GAP}{spec.summary}" for spec in _SPECS.values()]
        return Help("\n".join([*rows, f"{'//text':<{width}}{GAP}send a text that begins with /"]))
    name = _name(arguments[0].removeprefix("/"))
    if name is None:
        return _unknown(arguments[0].removeprefix("/"))
    spec = _SPECS[name]
    short = ", ".join(f"/{alias}" for alias, meant in _ALIASES.items() if meant == name)
    return Help(f"{spec.usage}: {spec.summary}" + (f" (short: {short})" if short else ""))


def _unknown(word: str) -> Mistaken:
    close = get_close_matches(word.casefold(), _SPECS, n=1)
    meant = f" Did you mean /{close[0]}?" if close else " /help lists what there is."
    return Mistaken(f"Not sent: unknown command /{label(word, WORD_SHOWN)}.{meant} // sends a text that begins with /.")


def _misused(name: str) -> Mistaken:
    return Mistaken(f"Not obeyed: it is written {_SPECS[name].usage}.")
