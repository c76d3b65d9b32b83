"""What either side may offer, choose and refuse before any key is exchanged: versions, stamps, refusals."""

from collections.abc import Callable

import pytest

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Refusal, RefusalCode, Responder, Session, refusal
from passerby.crypto.keys import EphemeralKey, peer_id_of
from passerby.crypto.messages import FAILURE, Reply

ROOM = bytes(range(32))
TAG = b"tag:music"
BINDING = Binding("main", peer_id_of(b"I" * 32), peer_id_of(b"R" * 32), b"c" * 32)
STAMP = bytes(range(16))


def pair() -> tuple[Initiator, Responder]:
    return Initiator(BINDING, ROOM, TAG), Responder(BINDING)


def meet(initiator: Initiator, responder: Responder) -> tuple[Session, Session]:
    responder.receive_first(initiator.first_message())
    proof = initiator.receive_reply(responder.accept(TAG))
    assert isinstance(proof, bytes)
    return initiator.receive_confirmation(responder.receive_proof(proof)), responder.session


def assert_fails(step: Callable[[], object]) -> None:
    with pytest.raises(RemoteProtocolError, match=FAILURE):
        step()
    with pytest.raises(LocalProtocolError):
        step()


# ---- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "chosen"),
    [((1,), (1, 2), 1), ((1, 2), (1, 2), 2), ((1, 3, 5), (2, 3, 4), 3), (tuple(range(1, 9)), (8, 255), 8)],
)
def test_the_highest_common_version_is_chosen(ours: tuple[int, ...], theirs: tuple[int, ...], chosen: int) -> None:
    sessions = meet(Initiator(BINDING, ROOM, TAG, versions=ours), Responder(BINDING, versions=theirs))
    assert [session.version for session in sessions] == [chosen, chosen]


def test_without_a_common_version_there_is_nothing_to_accept() -> None:
    responder = Responder(BINDING, versions=(2, 3))
    responder.receive_first(pair()[0].first_message())
    assert responder.version is None
    with pytest.raises(LocalProtocolError):
        responder.accept(TAG)


@pytest.mark.parametrize(("chosen", "versions"), [(1, (1, 2)), (2, (1,)), (3, (2, 3)), (0, (1, 2))])
def test_any_other_choice_is_refused(chosen: int, versions: tuple[int, ...]) -> None:
    initiator = Initiator(BINDING, ROOM, TAG, versions=(1, 2))
    initiator.first_message()
    public = EphemeralKey.generate().public
    reply = Reply(version=chosen, versions=versions, features=0, nonce=bytes(32), public=public)
    assert_fails(lambda: initiator.receive_reply(reply.encode()))


@pytest.mark.parametrize("nothing_common", [0, 1, 3])
def test_a_choice_where_nothing_is_common_is_refused(nothing_common: int) -> None:
    initiator = Initiator(BINDING, ROOM, TAG, versions=(1, 2))
    initiator.first_message()
    public = EphemeralKey.generate().public
    reply = Reply(version=nothing_common, versions=(3,), features=0, nonce=bytes(32), public=public)
    assert_fails(lambda: initiator.receive_reply(reply.encode()))


BAD_LISTS = [b"\0", b"\1\0", b"\2\1\1", b"\2\2\1", b"\2\0\1", b"\x09" + bytes(range(1, 10)), b"\3\1\2", b"\xff"]


@pytest.mark.parametrize("versions", BAD_LISTS, ids=bytes.hex)
def test_a_malformed_version_list_is_refused_in_either_direction(versions: bytes) -> None:
    responder = Responder(BINDING)
    assert_fails(lambda: responder.receive_first(b"PBY1" + versions + bytes(4 + 32 + 32)))
    initiator = pair()[0]
    initiator.first_message()
    assert_fails(lambda: initiator.receive_reply(b"\1" + versions + bytes(4 + 32 + 32)))


@pytest.mark.parametrize("versions", [(), (0,), (2, 1), (1, 1), (256,), tuple(range(1, 10))])
def test_our_own_version_list_is_checked_too(versions: tuple[int, ...]) -> None:
    with pytest.raises(LocalProtocolError):
        Initiator(BINDING, ROOM, TAG, versions=versions)
    with pytest.raises(LocalProtocolError):
        Responder(BINDING, versions=versions)


def test_another_magic_is_refused() -> None:
    responder = Responder(BINDING)
    body = pair()[0].first_message()
    assert_fails(lambda: responder.receive_first(b"PBY2" + body[4:]))


# ---- refusals and stamps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "argument", "body"),
    [(RefusalCode.BUSY, 0, b"\1\0"), (RefusalCode.STAMP, 4, b"\2\4"), (RefusalCode.VERSION, 0, b"\3\0")],
)
def test_a_refusal_ends_the_attempt_and_is_no_failure(code: RefusalCode, argument: int, body: bytes) -> None:
    assert refusal(code, argument) == body
    initiator = pair()[0]
    initiator.first_message()
    assert initiator.receive_reply(body) == Refusal(code, argument)
    with pytest.raises(LocalProtocolError):
        initiator.receive_reply(body)


@pytest.mark.parametrize("body", [b"\0\0", b"\4\0", b"\xff\0", b"\1\1", b"\3\1"], ids=bytes.hex)
def test_a_malformed_refusal_is_a_failure(body: bytes) -> None:
    initiator = pair()[0]
    initiator.first_message()
    assert_fails(lambda: initiator.receive_reply(body))


@pytest.mark.parametrize(
    ("code", "argument"), [(RefusalCode.BUSY, 1), (RefusalCode.VERSION, 1), (RefusalCode.STAMP, -1), (2, 256)]
)
def test_a_refusal_that_cannot_be_encoded_is_our_own_mistake(code: int, argument: int) -> None:
    with pytest.raises(LocalProtocolError):
        refusal(RefusalCode(code), argument)


def test_a_stamp_that_nobody_asked_for_is_refused() -> None:
    responder = Responder(BINDING)
    body = pair()[0].first_message(STAMP)
    assert_fails(lambda: responder.receive_first(body))


def test_a_stamp_that_was_asked_for_may_still_be_missing_and_the_caller_sees_it() -> None:
    assert Responder(BINDING).receive_first(pair()[0].first_message(), stamp_asked=True).stamp is None


@pytest.mark.parametrize("size", [0, 15, 17])
def test_our_own_stamp_has_16_bytes(size: int) -> None:
    initiator, responder = pair()
    with pytest.raises(LocalProtocolError):
        initiator.first_message(bytes(size))
    meet(initiator, responder)
