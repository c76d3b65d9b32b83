"""From what a person likes to whom to look for, and back to what two strangers have in common. Pure (protocol.md 2, 5).

An interest, a language and a private lobby's code are all tags, and each tag has a room. Whoever has interests waits in
the rooms of those, and after `--fallback` seconds in the room of anybody too. In a private lobby there is one room, no
fallback, and nothing is told about interests: whoever is there came for somebody, not for something.
"""

from dataclasses import replace
from math import inf
from typing import Final

from passerby.discovery.lobbycodes import Work, argon2id, code_work
from passerby.discovery.tags import TAGS, TagError, interest, language, normal_form, primary_subtag
from passerby.node.events import State, StateChanged, Wishes
from passerby.node.messages import Hello

_RESTING: Final = (State.STARTING, State.STOPPED, State.MATCHED)


def wishes_of(interests: tuple[str, ...], lang: str, fallback: float) -> Wishes:
    """Return the wishes of somebody with these interests and this language (empty: none); `fallback` inf: never.

    Both as Settings has them. Raises TagError if one of them is not in order.
    """
    tags = (*map(interest, interests), *([language(lang)] if lang else []))
    if not tags:
        return Wishes()
    return Wishes(tags, interests, lang, None if fallback == inf else fallback)


def changed(wishes: Wishes, interests: tuple[str, ...] | None, lang: str | None, fallback: float) -> Wishes | None:
    """Return `wishes` with other interests or another language (None: as they are); None if they are too many."""
    interests = wishes.interests if interests is None else interests
    lang = wishes.lang if lang is None else lang
    return None if len(interests) + bool(lang) > TAGS else wishes_of(interests, lang, fallback)


def private_wishes(code: str, network: str, work: Work = argon2id) -> Wishes:
    """Return the wishes of a guest of a private lobby. Slow (lobbycodes.py). Raises TagError."""
    return Wishes((code_work(code, network, work),), private=True)


def hello_of(wishes: Wishes) -> Hello:
    """Return what is told to a stranger, once the chat is confirmed (protocol.md 5, HELLO)."""
    return Hello(lang=wishes.lang, interests=wishes.interests)


def in_common(wishes: Wishes, theirs: Hello) -> tuple[tuple[str, ...], str | None]:
    """Return the interests that both have, in our order and spelling, and the language if both gave the same."""
    their_interests = {_spelt(text) for text in theirs.interests}
    common = tuple(text for text in wishes.interests if text in their_interests)
    return common, wishes.lang if wishes.lang and wishes.lang == _language(theirs.lang) else None


def _spelt(text: str) -> str:
    try:
        return normal_form(text)
    except TagError:
        return ""  # no interest is empty


def _language(text: str) -> str:
    try:
        return primary_subtag(text)
    except TagError:
        return ""


def sought(change: StateChanged, wishes: Wishes, searched_for: float) -> StateChanged:
    """Return `change` with what is looked for, `searched_for` seconds into a search: nothing where anybody will do."""
    left = None if wishes.fallback is None else wishes.fallback - searched_for
    if change.state in _RESTING or (left is not None and left <= 0):
        return change
    return replace(change, interests=wishes.interests, lang=wishes.lang, private=wishes.private, fallback=left)
