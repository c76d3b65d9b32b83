"""Interests, language and private lobbies between real peers: who meets whom, and what both are told."""

import trio

from passerby.discovery.tags import normal_form
from passerby.node.config import Settings
from passerby.node.events import Matched, Search, StateChanged, Stop, Wishes
from passerby.node.wishes import private_wishes, wishes_of
from support.people import Person, ended, matched, person, settings

PATIENCE = 30.0
NEVER = float("inf")
SOON = 0.5  # seconds until anybody will do


def liking(*interests: str, lang: str = "", fallback: float = NEVER) -> Search:
    return Search(wishes_of(tuple(map(normal_form, interests)), lang, fallback))


def guest_of(code: str, of: Settings) -> Search:
    return Search(private_wishes(code, of.network))


async def together(*people: Person) -> list[Matched]:
    return [await someone.expect(Matched) for someone in people]


async def test_two_who_like_the_same_meet_and_are_told_what_it_is() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other, person(settings()) as third:
            await third.do(liking("gardening"))
            await one.do(liking("chess", "tea"))
            await other.do(liking("Tea", "opera"))
            first, second = await together(one, other)
            assert first.interests == second.interests == ("tea",)
            assert not third.all(Matched)


async def test_a_language_is_a_room_of_its_own() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await one.do(liking(lang="pt"))
            await other.do(liking("chess", lang="pt"))
            first, second = await together(one, other)
            assert (first.lang, second.lang, first.interests) == ("pt", "pt", ())


async def test_after_a_while_anybody_will_do() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other:
            await one.do(liking("chess", fallback=SOON))
            await one.expect(StateChanged, lambda event: event.interests == ("chess",) and event.fallback is not None)
            await other.do(Search())
            first, second = await together(one, other)
            assert first.interests == second.interests == ()
            assert first.milliseconds >= 1000 * SOON


async def test_who_wants_somebody_particular_does_not_meet_just_anybody() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as picky, person(settings()) as one, person(settings()) as other:
            await picky.do(liking("chess"))
            await matched(one, other)
            assert not picky.all(Matched)


async def test_a_private_lobby_is_for_those_who_know_its_code() -> None:
    with trio.fail_after(PATIENCE):
        of = settings()
        async with person(of) as one, person(of) as other, person(of) as stranger:
            await stranger.do(guest_of("another code altogether", of))
            await one.do(guest_of("seven kites over the harbour", of))
            await other.do(guest_of("Seven kites over the harbour", of))
            first, second = await together(one, other)
            assert first.verify == second.verify
            assert not stranger.all(Matched)


async def test_the_next_search_is_for_what_is_wished_then() -> None:
    with trio.fail_after(PATIENCE):
        async with person(settings()) as one, person(settings()) as other, person(settings()) as third:
            await one.do(liking("chess"))
            await other.do(liking("chess"))
            await together(one, other)
            await one.do(Stop())
            await ended(one)
            await third.do(liking("opera"))
            await one.do(liking("opera"))
            first, second = await together(one, third)
            assert first.interests == second.interests == ("opera",)


def test_wishes_for_anybody_are_the_default() -> None:
    assert liking() == Search() == Search(Wishes())
