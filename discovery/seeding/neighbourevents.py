"""What crosses the border of a seed's view of other seeds: events in, effects out (neighbours.py)."""

from dataclasses import dataclass

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address
from passerby.discovery.seedrecord import SeedRecord

# ---- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Introduced:
    """A first contact: a person, a name server or a shipped list says that a seed answers at these addresses."""

    pid: bytes
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A seed record of an earlier run."""

    record: bytes


@dataclass(frozen=True, slots=True)
class Knocked:
    """The peer `pid` asked us something from the observed `host` and brought a seed record.

    `host` is an IP address as text, or empty for who came through a relay: that counts for nothing.
    """

    pid: bytes
    host: str
    record: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """The seed answered our call, on a connection that we dialled.

    `address` is that of the Call, bare, at which it was reached; `block` is that of the host which we observed there.
    """

    pid: bytes
    block: str
    address: Address
    answer: dhtwire.Answer


@dataclass(frozen=True, slots=True)
class Silent:
    """Our call failed: not reached, no answer in time, or nonsense for one.

    `late`: its patience had run out, so that the seed may only have been slow, or we.
    """

    pid: bytes
    late: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection that we dialled to the seed ended; no answer to a call of ours will come."""

    pid: bytes


@dataclass(frozen=True, slots=True)
class CheckedWork:
    """The check of this record, asked for by CheckWork, is done."""

    record: SeedRecord
    passed: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """Our own addresses changed: our record is to be signed anew."""


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What to add to `now` to have seconds since 1970; only the age of records depends on it."""

    unix_minus_now: float


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline passed."""


Event = Introduced | Remembered | Knocked | Told | Silent | Gone | CheckedWork | Moved | ClockSet | Tick

# ---- effects ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """Ask a seed, on the connection that we dialled to it, or on a new one to one of these addresses.

    To be reported once, within `patience` seconds: Told, Silent or Gone. The connection is kept until HangUp.
    """

    pid: bytes
    addresses: tuple[Address, ...]
    request: dhtwire.Find | dhtwire.Ping
    patience: float


@dataclass(frozen=True, slots=True)
class CheckWork:
    """Run `seedrecord.check_work`, off the event loop, and report CheckedWork."""

    record: SeedRecord


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection that we dialled to the seed, if there is one."""

    pid: bytes


Effect = Call | CheckWork | HangUp
