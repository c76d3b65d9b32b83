"""Every state and every end in words: what is the case, then the next step (product.md 4). The English in one place.

UI rules of this file:
- Never a bare spinner: each sentence says what is waited for.
- Never more than is known: counts are of the last minute, "left" only where the goodbye was authenticated; and
  nobody is called the only one, for who talks or waits for somebody in particular is not seen.
- No command is named that this release does not have.
- What comes from a peer (addresses, interests) is cleaned again here, where it is put on a screen.
"""

import re
from typing import Final

from passerby.discovery.tags import TAGS
from passerby.node.console.lifecycle import Moment
from passerby.node.events import Ended, EndReason, Failed, Matched, Scope, State, StateChanged, Wishes
from passerby.node.text import label
from passerby.node.wrapping import wrap

ADDRESS_SHOWN: Final = 60  # code points: a v6 address with its port has 47
INTEREST_SHOWN: Final = 48
HELD_SHOWN: Final = 40  # cells

NO_CHAT: Final = "You are talking to nobody. /next looks for a stranger."
NOBODY_YET: Final = "Nobody yet; still looking."
NOT_SENT: Final = "Not sent: you are talking to nobody. /next looks for a stranger."
ALREADY_TALKING: Final = "You are talking to a stranger. /next leaves them and looks for another."
ALREADY_LOOKING: Final = "Still looking. /stop ends that."
ALREADY_STOPPED: Final = "Nothing to stop. /next looks for a stranger, /quit leaves."
TOO_MANY: Final = "Not sent: too many messages wait to be sent already."
AGAIN_TO_QUIT: Final = "Ctrl-C again to quit."
LINE_TOO_LONG: Final = "Not sent: the line is longer than any message may be. Send it in parts."
PASTE_TOO_LONG: Final = "Not sent: a paste of more than 100 lines. Send it in parts."
TOO_MANY_WISHES: Final = f"Not changed: {TAGS} interests are allowed, a language counted as one."
_NEAR: Final = {
    Scope.MACHINE: ("this machine", "on this machine"),
    Scope.LAN: ("this local network", "in this local network"),
}
VERIFY_RULE: Final = "Compare over another channel; inside this chat it proves nothing."


# ---- states -------------------------------------------------------------------------------------------------------


def of_state(change: StateChanged, *, is_scope_known: bool = False) -> str:
    """The sentence of a state, with its scope where that matters and was not said already."""
    note = "" if is_scope_known and change.state is not State.NO_SEED else _scope_note(change)
    if note and change.state is State.SEARCHING:
        return note  # it says that we look, and where
    return f"{_state(change)}{note and _behind(change.state)}{note}"


def _behind(state: State) -> str:
    """What stands between the words of `state` and the note on its scope: those of some end with a full stop."""
    return " " if state in (State.NO_SEED, State.NO_NETWORK) else " · "


def _state(change: StateChanged) -> str:
    match change.state:
        case State.STARTING:
            return "Getting ready…"
        case State.NO_NETWORK:
            return f"No network.{_retry(change.retry)}"
        case State.NO_SEED:
            return f"{_no_seed(change.named)}{_retry(change.retry)}"
        case State.EMPTY:
            return _empty(change)
        case State.UNREACHABLE:
            return f"{_people(change.seen)} seen, none could be reached from here · trying again{_fallback(change)}"
        case State.BUSY:
            return _busy(change.seen) + _fallback(change)
        case State.SEARCHING:
            return f"Looking for {_whom(change)}…"
        case State.STOPPED:
            return "/next for another stranger, /quit to leave"
        case _:  # MATCHED
            return "You are talking to a stranger."


def _no_seed(named: int) -> str:
    match named:
        case 0:
            return "No seed answers, and none was named (--seed)."
        case 1:
            return "The seed you named does not answer."
        case _:
            return f"None of {named} seeds answers."


def _retry(seconds: float | None) -> str:
    return " Trying again." if seconds is None else f" Trying again in {max(1, round(seconds))} s."


def _empty(change: StateChanged) -> str:
    if change.met:
        return _only_met(change.met) + _fallback(change)
    comma = "," if change.interests and change.lang else ""
    nobody = f"Nobody {_who(change)}{comma}" if _is_choosy(change) else "Nobody"
    return f"{nobody} is free to talk right now. You will be matched as soon as somebody comes{_fallback(change)}"


def _fallback(change: StateChanged) -> str:
    """When anybody will do: nobody should wait for a room's few without knowing how long."""
    return "" if change.fallback is None else f" · in {max(1, round(change.fallback))} s anybody will do"


def _is_choosy(wanted: StateChanged | Wishes) -> bool:
    return bool(wanted.private or wanted.interests or wanted.lang)


def _whom(wanted: StateChanged | Wishes) -> str:
    return f"somebody {_who(wanted)}" if _is_choosy(wanted) else "somebody"


def _who(wanted: StateChanged | Wishes) -> str:
    """Like "who likes chess or tea, or speaks de"."""
    if wanted.private:
        return "who knows your code"
    speaks = [f"speaks {wanted.lang}"] if wanted.lang else []
    likes = [f"likes {_any_of(wanted.interests)}"] if wanted.interests else []
    return "who " + ", or ".join([*likes, *speaks])


def _any_of(interests: tuple[str, ...]) -> str:
    *others, last = (label(interest, INTEREST_SHOWN) for interest in interests)
    return f"{', '.join(others)} or {last}" if others else last


def has_fallen_back(before: StateChanged, change: StateChanged) -> bool:
    """Whether, from one state of a search to the next, anybody began to do."""
    return _is_choosy(before) and not _is_choosy(change)


def of_fallback(before: StateChanged) -> str:
    """What became of the search for somebody in particular."""
    return f"Nobody {_who(before)} came in time; from now on anybody will do."


def of_wishes(wishes: Wishes, moment: Moment) -> str:
    """The answer to `/interests` and `/lang`."""
    if wishes.private:
        return "You look for somebody who knows your code; interests and language do not count."
    parts = [f"{'You' if moment is Moment.NOW else 'From the next search on you'} look for {_anybody_or(wishes)}"]
    if _is_choosy(wishes):
        patience = wishes.fallback
        parts.append("nobody else will do" if patience is None else f"after {duration(patience)} anybody will do")
    if moment is Moment.RESTART:
        parts.append("/stop, then /start, begins one")
    return " · ".join(parts)


def _anybody_or(wishes: Wishes) -> str:
    return _whom(wishes) if _is_choosy(wishes) else "anybody"


def _only_met(met: int) -> str:
    who = "the stranger you met before is" if met == 1 else f"{met} strangers you met before are"
    return f"Only {who} here; you may be matched again in 15\N{NO-BREAK SPACE}s"


def _busy(seen: int) -> str:
    if seen == 1:
        return "1 person seen, just found somebody · you are next · looking again"
    return f"{_people(seen)} seen, all just found somebody · looking again"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _scope_note(change: StateChanged) -> str:
    """How near only is searched belongs to every state of searching: nobody should wait for the world."""
    if change.scope not in _NEAR or change.state in (State.STARTING, State.STOPPED, State.MATCHED):
        return ""
    where, within = _NEAR[change.scope]
    if change.state in (State.NO_SEED, State.NO_NETWORK):
        return f"T{where[1:]} is searched too." if change.named else ""
    if change.state is State.SEARCHING:
        return f"Looking for {_whom(change)} {within}…"
    return f"only {where} is searched"


# ---- a chat -------------------------------------------------------------------------------------------------------


def of_match(matched: Matched) -> str:
    """The first line of a chat: who sees what, and what is common."""
    parts = [f"You are talking to a stranger. They see: {exposure(matched)}"]
    return " · ".join([*parts, *_common(matched), *(["they say they are a bot"] if matched.bot else [])])


def exposure(matched: Matched) -> str:
    """What the stranger learns of where we are."""
    address = f" {label(matched.address, ADDRESS_SHOWN)}" if matched.address else ""
    match matched.exposure:
        case "machine":
            return "that you are on this machine, nothing else"
        case "lan":
            return f"your address in this local network{address}"
        case "direct":
            return f"your address{address}"
        case "tor":
            return "a Tor exit, not your address"
        case _:
            return "a relay, not your address"


def _common(matched: Matched) -> list[str]:
    interests = ", ".join(label(interest, INTEREST_SHOWN) for interest in matched.interests)
    likes = [f"you both like: {interests}"] if interests else []
    return [*likes, *([f"you both speak: {label(matched.lang, INTEREST_SHOWN)}"] if matched.lang else [])]


def who(matched: Matched, seconds: float) -> str:
    """The answer to `/who` in a chat that has lasted `seconds`."""
    return " · ".join(
        [f"They see: {exposure(matched)}", f"you have talked for {_unbroken(duration(seconds))}", *_common(matched)]
    )


def _unbroken(duration: str) -> str:
    return re.sub(r"(?<=\d) ", "\N{NO-BREAK SPACE}", duration)


def verify(matched: Matched) -> str:
    """The answer to `/verify`."""
    return f"{' '.join(matched.verify)} · {VERIFY_RULE}"


def duration(seconds: float) -> str:
    """In words: "40 s", "3 min 20 s", "2 h 5 min"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock(seconds: float) -> str:
    """As a clock: "00:42", "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def of_end(ended: Ended, undelivered: int) -> str:
    """How the chat ended; `undelivered` of our messages were not confirmed."""
    sentence = _end(ended)
    if not undelivered or ended.reason is EndReason.TIMEOUT:
        return sentence
    messages = "Your last message was" if undelivered == 1 else f"Your last {undelivered} messages were"
    return f"{sentence} {messages} not confirmed."


def _end(ended: Ended) -> str:
    match ended.reason:
        case EndReason.LEFT:
            return "Stranger left."
        case EndReason.LOST if ended.before_any_text:
            return "Connection lost; looking for somebody else."
        case EndReason.LOST:
            return "Connection lost (the stranger did not say goodbye)."
        case EndReason.YOU:
            return "You left."
        case EndReason.FLOOD:
            return "Closed: flooding."
        case EndReason.REFUSED:
            return "Closed: the other program broke the rules of the protocol."
        case _:  # TIMEOUT
            return "Nobody came in the time you gave."


def of_failure(failed: Failed) -> str:
    """What went wrong and the next step."""
    end = "" if failed.text.endswith((".", "?", "!", "…")) else "."  # what a system says of an error has none
    return f"{failed.text}{end} {failed.hint}".rstrip()


def held(text: str) -> str:
    """What becomes of a text for which there is nobody yet, and its beginning."""
    beginning, *rest = wrap(text, HELD_SHOWN + 1, 0)
    return f"Kept, and sent as soon as a stranger is there: {beginning}{'…' if rest else ''}"


def pasted(lines: int) -> str:
    """The question after a paste of several lines."""
    return f"{lines} lines pasted, nothing sent yet. y sends them as {lines} messages, n drops them."


def of_typing_switch(send: bool, show: bool) -> str:
    """How both switches stand after `/typing`."""
    told = "They see when you type" if send else "They do not see when you type"
    shown = "you see when they do." if show else "you do not see when they do."
    return f"{told}; {shown}"
