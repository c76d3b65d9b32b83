"""Nothing but the message itself is accepted in its place: every bit, every length, every other message, every context.

Each attack runs a whole handshake with one thing changed on the way and names the sides that ended with a session.
What is changed in M1, M2 or M3 leaves both without one; M4 is sent when the responder has its session already, so
there it is the initiator that must have none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import pytest

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Refusal, Responder
from passerby.crypto.keys import EphemeralKey, peer_id_of
from passerby.crypto.messages import FAILURE, FirstMessage, Proof, encode_head
from passerby.crypto.transcript import Secrets, after_first, after_reply, commitment

Change = Callable[[bytes], bytes]
MESSAGES = ("M1", "M2", "M3", "M4")
SURVIVORS = {"M1": "", "M2": "", "M3": "", "M4": "R"}
ROOM = b"room" * 8
BINDING = Binding("main", peer_id_of(b"I" * 32), peer_id_of(b"R" * 32), b"c" * 32)


def unchanged(body: bytes) -> bytes:
    return body


@dataclass(frozen=True)
class Setting:
    """What both sides believe, each for itself, and what happens to the messages between them."""

    here: Binding = BINDING
    there: Binding = BINDING
    tags: tuple[bytes, bytes] = (b"tag:music", b"tag:music")
    versions: tuple[tuple[int, ...], tuple[int, ...]] = ((1,), (1,))
    stamp: bytes | None = None
    stamp_asked: bool = False
    changes: dict[str, Change] = field(default_factory=dict[str, Change])

    def change(self, message: str, change: Change) -> "Setting":
        return replace(self, changes={**self.changes, message: change})


PLAIN = Setting()
RICH = Setting(versions=((1, 2, 5), (1, 2, 3, 4)), stamp=b"s" * 16, stamp_asked=True)


def run(setting: Setting, sent: dict[str, bytes] | None = None) -> str:
    """Return the roles that ended with a session: "IR" if nothing was wrong. What was sent is put into ``sent``."""
    log: dict[str, bytes] = {} if sent is None else sent
    initiator = Initiator(setting.here, ROOM, setting.tags[0], versions=setting.versions[0])
    responder = Responder(setting.there, versions=setting.versions[1])
    accepted = ""

    def carry(message: str, body: bytes) -> bytes:
        log[message] = body
        return setting.changes.get(message, unchanged)(body)

    try:
        responder.receive_first(carry("M1", initiator.first_message(setting.stamp)), stamp_asked=setting.stamp_asked)
        if responder.version is None:
            return accepted
        proof = initiator.receive_reply(carry("M2", responder.accept(setting.tags[1])))
        if isinstance(proof, Refusal):
            return accepted
        confirmation = responder.receive_proof(carry("M3", proof))
        assert responder.session
        accepted = "R"
        initiator.receive_confirmation(carry("M4", confirmation))
    except RemoteProtocolError as error:
        assert str(error) == FAILURE  # noqa: PT017 (an attack may fail at any of the steps)
        return accepted
    return "IR"


SETTINGS = pytest.mark.parametrize("setting", [PLAIN, RICH], ids=["plain", "rich"])
EACH = pytest.mark.parametrize("message", MESSAGES)


def size_of(setting: Setting, message: str) -> int:
    sent: dict[str, bytes] = {}
    run(setting, sent)
    return len(sent[message])


@SETTINGS
def test_the_honest_run_is_accepted(setting: Setting) -> None:
    assert run(setting) == "IR"


def flip(bit: int) -> Change:
    return lambda body: body[: bit // 8] + bytes([body[bit // 8] ^ 1 << bit % 8]) + body[bit // 8 + 1 :]


def put(place: int, value: int) -> Change:
    return lambda body: body[:place] + bytes([value]) + body[place + 1 :]


def cut(size: int) -> list[Change]:
    return [lambda body: body[:size], lambda body: body[len(body) - size :]]


def add(extra: bytes) -> list[Change]:
    return [lambda body: body + extra, lambda body: extra + body]


def instead(other: bytes) -> Change:
    return lambda _: other


@SETTINGS
@EACH
def test_every_bit_counts(setting: Setting, message: str) -> None:
    for bit in range(8 * size_of(setting, message)):
        assert run(setting.change(message, flip(bit))) == SURVIVORS[message], bit


@SETTINGS
@EACH
def test_no_small_number_stands_for_another(setting: Setting, message: str) -> None:
    """Counts and versions are small: one flipped bit alone would miss many of their other values."""
    for place, value in product(range(16), range(16)):
        sent: dict[str, bytes] = {}
        accepted = run(setting.change(message, put(place, value)), sent)
        assert accepted == ("IR" if sent[message][place] == value else SURVIVORS[message]), (place, value)


@SETTINGS
@EACH
def test_every_truncation_is_refused(setting: Setting, message: str) -> None:
    for size in range(size_of(setting, message)):
        for change in cut(size):
            assert run(setting.change(message, change)) == SURVIVORS[message], size


@pytest.mark.parametrize("setting", [PLAIN, replace(PLAIN, stamp_asked=True), RICH], ids=["plain", "asked", "rich"])
@EACH
def test_every_addition_is_refused(setting: Setting, message: str) -> None:
    """16 more bytes make a stamped M1 of a plain one: it parses where a stamp was asked for, and then fails."""
    for more in range(1, 65):
        for change in (*add(bytes(more)), *add(b"\xff" * more)):
            assert run(setting.change(message, change)) == SURVIVORS[message], more


CHOICES = [chosen for count in range(1, 5) for chosen in combinations(MESSAGES, count)]


@SETTINGS
@pytest.mark.parametrize("replaced", CHOICES, ids="+".join)
def test_messages_of_another_session_between_the_same_two_are_refused(
    setting: Setting, replaced: tuple[str, ...]
) -> None:
    """A replay of one message, of one side, of both: same peers, same channel, same room, same tag."""
    earlier: dict[str, bytes] = {}
    assert run(setting, earlier) == "IR"
    for message in replaced:
        setting = setting.change(message, instead(earlier[message]))
    assert run(setting) == SURVIVORS[replaced[0]]


@SETTINGS
@pytest.mark.parametrize(("expected", "given"), [(a, b) for a, b in product(MESSAGES, MESSAGES) if a != b])
def test_one_message_is_never_taken_for_another(setting: Setting, expected: str, given: str) -> None:
    """Swapped in order or in role: M3 for M4 and the like, of this run where it exists already, else of an earlier."""
    earlier: dict[str, bytes] = {}
    run(setting, earlier)
    now: dict[str, bytes] = {}
    assert run(setting.change(expected, lambda _: now.get(given, earlier[given])), now) == SURVIVORS[expected]


def test_an_initiator_that_talks_to_its_own_responder_is_refused() -> None:
    """Reflection: the same peer on both ends, the second stream opened by the other side."""
    reflected = replace(BINDING, initiator=BINDING.responder, responder=BINDING.initiator)
    assert run(replace(PLAIN, there=reflected)) == ""


@pytest.mark.parametrize(
    "there",
    [
        replace(BINDING, network="mail"),
        replace(BINDING, network="main\0"),
        replace(BINDING, initiator=peer_id_of(b"J" * 32)),
        replace(BINDING, responder=peer_id_of(b"J" * 32)),
        replace(BINDING, channel_binding=b"c" * 31 + b"d"),
    ],
    ids=["network", "longer network", "initiator", "responder", "channel"],
)
def test_another_context_is_refused(there: Binding) -> None:
    assert run(replace(PLAIN, there=there)) == ""
    assert run(replace(PLAIN, here=there, there=BINDING)) == ""


@pytest.mark.parametrize("tag", [b"", b"tag:musik", b"tag:musi", b"tag:music\0", b"lang:music"])
def test_another_tag_is_refused(tag: bytes) -> None:
    assert run(replace(PLAIN, tags=(tag, PLAIN.tags[1]))) == ""
    assert run(replace(PLAIN, tags=(PLAIN.tags[0], tag))) == ""


def test_another_room_is_refused() -> None:
    """Somebody in the middle moves the initiator to another room of the responder's, of the same tag."""
    assert run(PLAIN.change("M1", lambda body: body.replace(ROOM, b"moor" * 8))) == ""


def test_a_list_of_versions_cannot_be_shortened_on_the_way() -> None:
    """Downgrade: both speak 2, the middle lets each believe that the other speaks only 1."""
    both = replace(PLAIN, versions=((1, 2), (1, 2)))
    assert run(both) == "IR"
    shorter = both.change("M1", lambda body: body.replace(b"\2\1\2", b"\1\1", 1))
    assert run(shorter) == ""
    assert run(shorter.change("M2", lambda body: body.replace(b"\1\2\1\2", b"\1\1\1", 1))) == ""
    assert run(both.change("M2", lambda body: b"\1\1\1" + body[4:])) == ""
    assert run(both.change("M2", lambda body: b"\1" + body[1:])) == ""


# ---- an attacker who is a side itself and computes every hash rightly ------------------------------------------------

ZERO = bytes(32)
KEY = EphemeralKey(b"k" * 32)
HIGH_BIT = KEY.public[:31] + bytes([KEY.public[31] | 0x80])


NONCE = b"n" * 32


def attack_as_initiator(
    public: bytes,
    shared: Callable[[bytes], bytes],
    *,
    ephemeral: EphemeralKey | None = None,
    promised: tuple[bytes, bytes] | None = None,
) -> None:
    """Run M1 to M3 with this public key, the secret it gives, and all that follows from it computed rightly.

    The responder has the key ``ephemeral``; ``promised`` is the key and nonce under the commitment, if others.
    """
    responder = Responder(BINDING, ephemeral=ephemeral)
    th0 = BINDING.transcript(ROOM, b"")
    head = encode_head((1,), 0, ROOM)
    first = head + commitment(th0, head, *(promised or (public, NONCE)))
    assert FirstMessage.parse(first)
    responder.receive_first(first)
    reply = responder.accept(b"")
    secrets = Secrets.agree(shared(reply[-32:]), after_reply(after_first(th0, first), reply), public, NONCE)
    header = b"h" * 24
    responder.receive_proof(
        Proof(public=public, nonce=NONCE, header=header, mac=secrets.initiator_mac(header)).encode()
    )
    assert responder.session


def test_the_attacker_is_accepted_with_a_good_key() -> None:
    """Else the next tests would prove nothing."""
    attack_as_initiator(KEY.public, KEY.exchange)


@pytest.mark.parametrize(
    "promised", [(EphemeralKey(b"p" * 32).public, NONCE), (KEY.public, b"p" * 32)], ids=["key", "nonce"]
)
def test_an_initiator_cannot_change_its_mind_after_the_reply(promised: tuple[bytes, bytes]) -> None:
    """Else it could search, once it knows the responder's key, for one that gives the words it wants."""
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        attack_as_initiator(KEY.public, KEY.exchange, promised=promised)


@pytest.mark.parametrize("point", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_a_key_of_small_order_is_refused_though_its_proof_is_right(point: int) -> None:
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        attack_as_initiator(point.to_bytes(32, "little"), lambda _: ZERO)


def test_a_key_with_its_highest_bit_set_is_refused_though_its_proof_is_right() -> None:
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        attack_as_initiator(HIGH_BIT, KEY.exchange)


def test_the_responders_own_key_is_refused_though_its_proof_is_right() -> None:
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        attack_as_initiator(KEY.public, KEY.exchange, ephemeral=KEY)


@pytest.mark.parametrize("public", [ZERO, HIGH_BIT, KEY.public], ids=["small order", "highest bit", "its own"])
def test_an_initiator_refuses_such_keys_in_the_reply(public: bytes) -> None:
    initiator = Initiator(BINDING, ROOM, b"", ephemeral=KEY)
    responder = Responder(BINDING)
    responder.receive_first(initiator.first_message())
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        initiator.receive_reply(responder.accept(b"")[:-32] + public)
