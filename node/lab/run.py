"""A lab from start to end: the town, its people, what befalls them, and what came of it; a shell."""

import random
import secrets
import signal
import sys
import tempfile
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Final

import trio

from passerby.node.exits import Exit
from passerby.node.lab import sockets
from passerby.node.lab.board import Board, Picture, Row, board
from passerby.node.lab.chaos import Act, Fate, Nature, Script, calm, chaos
from passerby.node.lab.patience import LATE, LOOK, Patience, stretched
from passerby.node.lab.people import Person, Standing, settings_of
from passerby.node.lab.plan import Plan
from passerby.node.lab.summary import Left, MatchTime, Spread, Summary, apart, counted, mismatched
from passerby.node.lab.town import Resident, Town, neighbours_of

JOIN_PATIENCE: Final = 30.0  # for all seeds to know those around them; people may come whether they do or not
ARRIVAL: Final = 0.2  # seconds between two people, on the average: a room that fills, not a starting gun
BEHIND: Final = 0.05  # seconds by which a process wakes up too late: less is little to a match of 150 ms
BREATH: Final = 5.0
LEFT: Final = 1  # the exit code: somebody who could have been matched was not
CONTACTS: Final = 2  # at most, of a seed or a person, drawn from those there are

_SIGNALS: Final = {signal.SIGINT: Exit.SIGINT, signal.SIGTERM: Exit.SIGTERM, signal.SIGHUP: Exit.SIGHUP}


class Lab:
    """One run, by `plan`."""

    def __init__(self, plan: Plan) -> None:
        """Draw what will go wrong, if anything."""
        self._plan = plan
        self._rng = random.Random(plan.random_seed)  # noqa: S311 - to be had again, not to be secret
        self.script: Final[Script] = chaos(plan, self._rng) if plan.chaos else calm(plan)
        self.people: Final = [
            Person(number, self.script.person_clocks.get(number, 0.0)) for number in range(plan.people)
        ]
        self.left: Final[list[Left]] = []
        self._rooms: set[bytes] = set()
        self._round = 0
        self._mismatched = self._apart = 0
        self._neighbours = Spread()
        self._began = trio.current_time()
        self._ended = self._began
        self._milestones: set[int] = set()
        self._late = 0.0

    async def run(self, told: Board) -> None:
        """Start everything, see all rounds through, and end everything."""
        self._board = told
        with tempfile.TemporaryDirectory(prefix="passerby-lab-") as folder:
            async with trio.open_nursery() as nursery:
                self.town = Town(f"lab-{secrets.token_hex(4)}", nursery)
                nursery.start_soon(self._watch)
                await self._settle()
                await self._invite(Path(folder), nursery)
                await self._gather(nursery)
                for person in self.people:
                    await person.leave()
                self._ended = trio.current_time()
                nursery.cancel_scope.cancel()

    # ---- seeds

    async def _settle(self) -> None:
        for number in range(self._plan.seeds):
            await breathe()
            await self.town.start(
                number,
                self._contacts(range(number)),
                self.script.natures.get(number, Nature.HONEST),
                self.script.seed_clocks.get(number, 0.0),
            )
        self._tell(f"{counted(self._plan.seeds, 'seed')} {'runs' if self._plan.seeds == 1 else 'run'}")
        with trio.move_on_after(JOIN_PATIENCE):
            await self.town.joined()
        self._neighbours = Spread.of(self.town.neighbours())
        self._tell(f"each knows {self._neighbours} others")

    async def _befall(self) -> None:
        """Have everything happen that the script has, in its order and at its time."""
        began = trio.current_time()
        for act in self.script.acts:
            await trio.sleep_until(began + act.at)
            await self._perform(act)

    async def _perform(self, act: Act) -> None:
        match act.fate:
            case Fate.KILLED:
                self.town.kill(act.seed)
            case Fate.STARTED:
                await self.town.start(act.seed, self._contacts(self.script.sound))
            case _ if not sockets.CAN_CUT_OFF:
                return
            case Fate.CUT_OFF:
                self.town.cut_off(act.seed)
            case Fate.REACHED:
                self.town.reach(act.seed)
        self._tell(f"seed {act.seed} {act.fate}")

    # ---- people

    async def _invite(self, folder: Path, nursery: trio.Nursery) -> None:
        for person in self.people:
            known = [self.town.residents[number].address for number in self._contacts(self.script.sound)]
            home = folder / str(person.number)
            nursery.start_soon(person.live, settings_of(self.town.network, known, home))

    async def _gather(self, nursery: trio.Nursery) -> None:
        """Have everybody chat once, and again until all that the script has is past."""
        began = trio.current_time()
        nursery.start_soon(self._befall)
        while self._round < self._plan.rounds or trio.current_time() < began + self.script.end:
            self._round += 1
            self._milestones = {2 * round(self._plan.pairs * quarters / 4) for quarters in range(1, 5)} - {0}
            for person in self.people:
                person.standing = Standing.AWAY
            of = f" of {self._plan.rounds}" if self._round <= self._plan.rounds > 1 else ""
            self._tell(f"round {self._round}{of}: {self._plan.people} people come")
            await self._see_through()
            await self._count()

    async def _see_through(self) -> None:
        """Return once everybody has chatted, or nobody will any more."""
        async with trio.open_nursery() as waiting:
            async with trio.open_nursery() as chats:
                for person in self.people:
                    chats.start_soon(self._chat, person)
                    await trio.sleep(self._rng.expovariate(1 / ARRIVAL))
                    await breathe()
                waiting.start_soon(self._lose_patience, waiting.cancel_scope)
            waiting.cancel_scope.cancel()

    async def _lose_patience(self, round_: trio.CancelScope) -> None:
        patience = Patience(stretched(self._plan.patience, self._late), trio.current_time())
        matches = 0
        while not patience.is_over(trio.current_time(), matches):
            await trio.sleep(LOOK)
            matches = sum(len(person.part.matched) for person in self.people)
        round_.cancel()

    async def _chat(self, person: Person) -> None:
        await person.chat()
        done = sum(one.standing is Standing.DONE for one in self.people)
        if done in self._milestones:
            self._milestones.discard(done)
            have = "pair has" if self._plan.pairs == 1 else "pairs have"
            self._tell(f"{done // 2} of {self._plan.pairs} {have} talked")

    async def _count(self) -> None:
        """Take down how the round went; who is left gives up, and comes again in the next."""
        parts = [person.part for person in self.people]
        self._mismatched += mismatched(parts)
        self._apart += apart(parts)
        for person in self.people:
            if person.standing is not Standing.DONE:
                self.left.append(Left(self._round, person.number))
                self._tell(f"nobody for number {person.number}")
                await person.give_up()

    def _contacts(self, numbers: Sequence[int]) -> list[int]:
        return self._rng.sample(numbers, min(len(numbers), self._rng.randint(1, CONTACTS)))

    # ---- looking on

    async def _watch(self) -> None:
        while True:
            for resident in self.town.alive:
                if resident.seed is not None:
                    resident.most_connections = max(resident.most_connections, resident.seed.counts()[0])
                    self._rooms.update(room.id.key for room in resident.seed.rooms())
            self._board.show()
            due = trio.current_time() + LOOK
            await trio.sleep_until(due)
            self._note_late(trio.current_time() - due)

    def _note_late(self, late: float) -> None:
        if self._late <= LATE < late:
            self._tell("this machine is slow: whom that keeps apart is waited for, up to ten minutes a round")
        self._late = max(self._late, late)

    def _tell(self, news: str) -> None:
        self._board.tell(trio.current_time() - self._began, news)

    def picture(self) -> Picture:
        """Return what is to be seen now."""
        standings = [person.standing for person in self.people]
        return Picture(
            trio.current_time() - self._began,
            [_row(resident) for resident in self.town.residents.values()],
            len(self.people),
            standings.count(Standing.SEARCHING),
            standings.count(Standing.CHATTING),
            self._round,
            self._matches(),
        )

    def _matches(self) -> int:
        return sum(len(person.meetings) for person in self.people) // 2

    def summary(self) -> Summary:
        """Return what came of it."""
        script, residents = self.script, self.town.residents.values()
        fates = [act.fate for act in script.acts]
        return Summary(
            seeds=self._plan.seeds,
            people=self._plan.people,
            rounds=self._round,
            matches=self._matches(),
            mismatched=self._mismatched,
            apart=self._apart,
            match_ms=MatchTime.of([meeting.milliseconds for person in self.people for meeting in person.meetings]),
            rooms=len(self._rooms),
            neighbours=self._neighbours,
            connections=Spread.of(resident.most_connections for resident in residents),
            killed=fates.count(Fate.KILLED),
            cut_off=fates.count(Fate.CUT_OFF) if sockets.CAN_CUT_OFF else 0,
            started=fates.count(Fate.STARTED),
            liars=len(script.natures),
            wrong_clocks=len(script.seed_clocks) + len(script.person_clocks),
            left=tuple(self.left),
            seconds=round(self._ended - self._began, 1),
            random_seed=self._plan.random_seed,
            chaos=self._plan.chaos,
        )


async def breathe() -> None:
    """Wait until this process keeps up with what goes on in it, a few seconds at most.

    All these hosts share one core: what is asked for while they are behind would measure that, and nothing else.
    """
    with trio.move_on_after(BREATH):
        behind = inf
        while behind > BEHIND:
            due = trio.current_time() + BEHIND
            await trio.sleep_until(due)
            behind = trio.current_time() - due


def _row(resident: Resident) -> Row:
    if resident.seed is None or resident.fate is Fate.KILLED:
        return Row(resident.number, str(resident.fate), 0, 0, 0, 0)
    connections, guests, rooms = resident.seed.counts()
    marks = [str(resident.fate)] if resident.fate in (Fate.CUT_OFF, Fate.REACHED) else []
    marks += [str(resident.nature)] if resident.nature is not Nature.HONEST else []
    marks += [f"clock {resident.clock_error:+.0f} s"] if resident.clock_error else []
    return Row(resident.number, ", ".join(marks), neighbours_of(resident), guests, rooms, connections)


def main(plan: Plan, *, as_json: bool) -> int:
    """Run a lab and say what came of it; return the exit code."""
    return trio.run(_main, plan, as_json)


async def _main(plan: Plan, as_json: bool) -> int:
    lab = Lab(plan)
    with board(lab.picture, as_json=as_json) as told:
        interrupted = await _until_signal(lab, told)
    if interrupted is not None:
        return interrupted
    summary = lab.summary()
    sys.stdout.write("\n".join([summary.as_json()] if as_json else summary.lines()) + "\n")
    return Exit.OK if summary.is_good else LEFT


async def _until_signal(lab: Lab, told: Board) -> int | None:
    """Run the lab to its end, or return the exit code of the signal that ended it."""
    code: int | None = None
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            nonlocal code
            with trio.open_signal_receiver(*_SIGNALS) as signals:
                async for number in signals:
                    code = _SIGNALS[signal.Signals(number)]
                    nursery.cancel_scope.cancel()

        nursery.start_soon(wait)
        await lab.run(told)
        nursery.cancel_scope.cancel()
    return code
