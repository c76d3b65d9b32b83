"""What both handshake machines share: one state at a time, and one face for every failure."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.messages import FAILURE


class Over:
    """The state that no method leads out of: refused, failed, or done."""


State = TypeVar("State")


class Machine:
    """Holds one state, and in it everything it still knows: to leave a state is to drop what the next does not take.

    A method takes the state out, works, and puts the next one in. Whatever goes wrong in between leaves the machine
    over for good.
    """

    def __init__(self, state: object) -> None:
        self._state = state

    def _take(self, kind: type[State]) -> State:
        state = self._state
        if not isinstance(state, kind):
            name = type(state).__name__.lstrip("_")
            raise LocalProtocolError(f"{type(self).__name__}: called out of order in state {name}")
        self._state = Over()
        return state


@contextmanager
def one_face() -> Generator[None]:
    """Show the caller one text for whatever the other side did wrong; the cause stays chained."""
    try:
        yield
    except RemoteProtocolError as error:
        raise RemoteProtocolError(FAILURE) from error
