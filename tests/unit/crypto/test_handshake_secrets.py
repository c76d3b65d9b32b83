"""What a machine forgets on its way, and what no repr shows."""

import gc
import types

import pytest

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, RefusalCode, Responder, Session, refusal
from passerby.crypto.keys import EphemeralKey, peer_id_of
from passerby.crypto.transcript import Secrets

ROOM = bytes(range(32))
TAG = b"tag:music"
BINDING = Binding("main", peer_id_of(b"I" * 32), peer_id_of(b"R" * 32), b"c" * 32)


def pair() -> tuple[Initiator, Responder]:
    return Initiator(BINDING, ROOM, TAG), Responder(BINDING)


def meet(initiator: Initiator, responder: Responder) -> tuple[Session, Session]:
    responder.receive_first(initiator.first_message())
    proof = initiator.receive_reply(responder.accept(TAG))
    assert isinstance(proof, bytes)
    return initiator.receive_confirmation(responder.receive_proof(proof)), responder.session


def knows(machine: Initiator | Responder) -> list[object]:
    """Everything that can be reached from a machine."""
    found: dict[int, object] = {}
    pending: list[object] = [machine]
    while pending:
        thing = pending.pop()
        if id(thing) not in found and not isinstance(thing, type | types.ModuleType | types.FunctionType):
            found[id(thing)] = thing
            pending.extend(gc.get_referents(thing))
    return list(found.values())


def knows_any(machine: Initiator | Responder, *kinds: type) -> bool:
    return any(isinstance(thing, kinds) for thing in knows(machine))


def test_the_ephemeral_key_goes_with_the_exchange_and_the_key_of_keys_with_the_last_message() -> None:
    initiator, responder = pair()
    responder.receive_first(initiator.first_message())
    reply = responder.accept(TAG)
    assert knows_any(initiator, EphemeralKey)
    assert knows_any(responder, EphemeralKey)
    proof = initiator.receive_reply(reply)
    assert isinstance(proof, bytes)
    assert knows_any(initiator, Secrets)
    assert not knows_any(initiator, EphemeralKey)
    confirmation = responder.receive_proof(proof)
    assert knows_any(responder, Session)
    assert not knows_any(responder, EphemeralKey, Secrets)
    initiator.receive_confirmation(confirmation)
    assert not knows_any(initiator, EphemeralKey, Secrets, Session)


def test_a_failure_or_a_refusal_drops_everything() -> None:
    initiator, responder = pair()
    nonce = b"a nonce that nobody shall know. "
    initiator = Initiator(BINDING, ROOM, TAG, nonce=nonce)
    responder.receive_first(initiator.first_message())
    assert nonce in knows(initiator)
    initiator.receive_reply(refusal(RefusalCode.BUSY))
    assert not knows_any(initiator, EphemeralKey, Secrets)
    assert nonce not in knows(initiator)
    responder.accept(TAG)
    with pytest.raises(RemoteProtocolError):
        responder.receive_proof(bytes(120))
    assert not knows_any(responder, EphemeralKey, Secrets)


def test_no_repr_shows_a_secret() -> None:
    secret = EphemeralKey.generate()
    initiator = Initiator(BINDING, ROOM, TAG, ephemeral=secret, nonce=b"n" * 32)
    responder = Responder(BINDING)
    session, _ = meet(initiator, responder)
    shown = " ".join(map(repr, (initiator, responder, session, session.sealer, session.opener)))
    for hidden in (session.sas_key, session.resume_secret, b"n" * 32):
        assert repr(hidden)[2:-1] not in shown
        assert hidden.hex() not in shown
