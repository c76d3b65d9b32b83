"""A PBY1 peer written from docs/protocol.md alone agrees with every vector, and chats with the shipped one.

So the page says all that a stranger needs. What the vectors cannot show is shown live: both roles, records both ways up
to a CLOSE from each side, refusals, and that the shipped end takes no message of the second with any one bit changed.
"""

import json
from pathlib import Path
from typing import TypedDict, cast

import pytest

from support import second_pby1 as second
from support.second_pby1 import PROTO, AwaitingM1, AwaitingM2, AwaitingM3, AwaitingM4, Given, Own, digest, expand
from support.second_records import FailureError, Opened, Rules, hchacha20

VECTORS = Path(__file__).parents[1] / "vectors"


class Record(TypedDict):
    inner: str
    minimum_bucket: int
    final: bool
    record: str


class Handshake(TypedDict):
    """The inputs of a vector; every other value of it is compared as it stands."""

    name: str
    network: str
    pid_I: str
    pid_R: str
    cb: str
    room: str
    tag: str
    stamp: str | None
    versions_I: list[int]
    versions_R: list[int]
    features_I: int
    features_R: int
    esk_I: str
    esk_R: str
    n_I: str
    n_R: str
    hdr_I: str
    hdr_R: str
    records: dict[str, list[Record]]


class RefusalVector(TypedDict):
    name: str
    code: int
    argument: int
    M2: str


class Pby1(TypedDict):
    protocol: str
    words: list[str]
    emoji: list[str]
    refusals: list[RefusalVector]
    handshakes: list[Handshake]


class Step(TypedDict):
    message: str
    k: str
    c: str
    i: str
    inner: str
    tag: str
    record: str


class Chat(TypedDict):
    inner: dict[str, str]
    handshake: str
    i2r: list[Step]


PBY1 = cast("Pby1", json.loads((VECTORS / "pby1.json").read_text(encoding="utf-8")))
CHAT = cast("Chat", json.loads((VECTORS / "chat.json").read_text(encoding="utf-8")))
x = bytes.fromhex
each_handshake = pytest.mark.parametrize("v", PBY1["handshakes"], ids=[v["name"] for v in PBY1["handshakes"]])


def ends(v: Handshake) -> tuple[Given, Own, Own]:
    """What the connection gives, and what each end of this vector speaks and draws."""
    given_ = Given(v["network"], x(v["pid_I"]), x(v["pid_R"]), x(v["cb"]))
    i = Own(tuple(v["versions_I"]), v["features_I"], x(v["esk_I"]), x(v["n_I"]), x(v["hdr_I"]))
    r = Own(tuple(v["versions_R"]), v["features_R"], x(v["esk_R"]), x(v["n_R"]), x(v["hdr_R"]))
    return given_, i, r


def played(v: Handshake) -> tuple[AwaitingM2, AwaitingM3, AwaitingM4, bytes, second.Session, second.Session]:
    """Both roles of one vector, from its inputs."""
    given_, own_i, own_r = ends(v)
    stamp = x(v["stamp"] or "")
    asked = second.initiate(given_, x(v["room"]), x(v["tag"]), own_i, stamp)
    promised = AwaitingM1(given_, {x(v["room"]): x(v["tag"])}, own_r, stamped=stamp != b"").receive(asked.m1)
    assert isinstance(promised, AwaitingM3)
    locked = asked.receive(promised.m2)
    assert isinstance(locked, AwaitingM4)
    m4, session_r = promised.receive(locked.m3)
    return asked, promised, locked, m4, locked.receive(m4), session_r


def derived(v: Handshake) -> dict[str, object]:
    """Every value of a vector that is not an input, by the formulas of the page."""
    given_, own_i, own_r = ends(v)
    asked, promised, locked, m4, session_i, session_r = played(v)
    prk = second.extract(second.exchange(own_i.esk, second.public(own_r.esk)), session_i.transcript)
    th1 = digest("pby1 t1", asked.th0 + asked.m1)
    picked = [second.table()[index] for index in second.picks(expand(prk, "sas"))]
    values = {
        "ord": given_.order().to_bytes(32, "big"),
        "epk_I": second.public(own_i.esk),
        "epk_R": second.public(own_r.esk),
        "head": promised.head,
        "head_hash": digest("pby1 head", asked.th0 + promised.head),
        "commit": promised.commit,
        "th0": asked.th0,
        "th1": th1,
        "th2": digest("pby1 t2", th1 + promised.m2),
        "th3": session_r.transcript,
        "shared": second.exchange(own_r.esk, second.public(own_i.esk)),
        "prk": prk,
        "M1": asked.m1,
        "M2": promised.m2,
        "M3": locked.m3,
        "M4": m4,
        "mac_I": locked.m3[88:],
        "mac_R": m4[24:],
    }
    return {
        **{name: value.hex() for name, value in values.items()},
        "version": session_i.version,
        "K": {label: expand(prk, label).hex() for label in ("i2r", "r2i", "kc i", "kc r", "sas", "resume")},
        "words": [word for word, _ in picked],
        "emoji": [emoji for _, emoji in picked],
    }


@each_handshake
def test_every_value_of_a_handshake_is_the_same(v: Handshake) -> None:
    computed = derived(v)
    assert {name: value for name, value in v.items() if name not in Handshake.__annotations__} == computed
    _, _, _, _, session_i, session_r = played(v)
    assert list(session_i.words) == list(session_r.words) == computed["words"]
    assert session_i.version == session_r.version
    assert session_i.features == session_r.features == v["features_I"] & v["features_R"]
    assert session_i.transcript == session_r.transcript


@each_handshake
def test_every_record_is_the_same_and_opens(v: Handshake) -> None:
    _, _, _, _, session_i, session_r = played(v)
    paths = {"i2r": (session_i.sealer, session_r.opener), "r2i": (session_r.sealer, session_i.opener)}
    assert paths.keys() == v["records"].keys()
    for direction, (sealer, opener) in paths.items():
        for r in v["records"][direction]:
            assert sealer.seal(x(r["inner"]), r["minimum_bucket"], r["final"]).hex() == r["record"]
            assert opener.open(x(r["record"]))[:2] == (x(r["inner"]), r["final"])


def test_the_words_the_name_and_the_refusals_are_the_same() -> None:
    assert second.table() == tuple(zip(PBY1["words"], PBY1["emoji"], strict=True))
    assert PBY1["protocol"].encode() == PROTO
    for r in PBY1["refusals"]:
        assert second.refused(x(r["M2"])) == second.Refusal(r["code"], r["argument"])
        assert second.Refusal(r["code"], r["argument"]).body().hex() == r["M2"]


def test_the_chat_of_the_page_goes_through_the_same_states() -> None:
    v = next(v for v in PBY1["handshakes"] if v["name"] == CHAT["handshake"])
    _, _, _, _, session_i, session_r = played(v)
    rules = Rules()
    for step in CHAT["i2r"]:
        for stream in (session_i.sealer.stream, session_r.opener.stream):
            state = (stream.k.hex(), stream.c.to_bytes(4, "little").hex(), stream.i.hex())
            assert state == (step["k"], step["c"], step["i"])
        minimum = 1024 if step["message"] == "hello" else 256
        record = session_i.sealer.seal(x(step["inner"]), minimum, step["tag"] == "03")
        assert record.hex() == step["record"]
        rules.check(session_r.opener.open(record))


@pytest.mark.parametrize("hello", ["hello", "full hello"])
def test_every_inner_message_of_the_page_is_one(hello: str) -> None:
    rules = Rules()
    rules.sent = 1
    rules.check(Opened(x(CHAT["inner"][hello]), final=False, bucket=1024))
    others = [name for name in CHAT["inner"] if "hello" not in name]
    for name in sorted(others, key=lambda name: name == "close"):
        rules.check(Opened(x(CHAT["inner"][name]), final=name == "close", bucket=256))


@pytest.mark.parametrize(
    "inner",
    [
        "00",
        "08",
        "7f",
        "0100000001",  # the second TEXT is number 2
        "0100000002ff",
        "0100000002" + "61" * 2001,
        "0202",
        "02",
        "04" + "00" * 7,
        "05" + "00" * 9,
        "0600000000",
        "0600000002",  # one was sent
        "0300",  # without FINAL
        "0700000000",  # again
    ],
)
def test_what_is_no_inner_message_is_a_failure(inner: str) -> None:
    rules = Rules()
    rules.sent = 1
    rules.check(Opened(x("0700000000"), final=False, bucket=1024))
    rules.check(Opened(x("0100000001"), final=False, bucket=256))
    rules.check(Opened(x("80ffff"), final=False, bucket=256))
    with pytest.raises(FailureError):
        rules.check(Opened(x(inner), final=False, bucket=256))


@pytest.mark.parametrize(
    "inner",
    [
        "0200",  # not HELLO
        "07",
        "0700",
        "07000000",
        "0700000009" + "0161" * 9,
        "070009" + "61" * 9 + "0000",
        "070001ff0000",  # lang is not ASCII
        "07000001aa00",  # a relay of 1 byte
        "0700000001",
        "070000000100",  # an empty interest
        "07000000013161",
        "070000000000",
    ],
)
def test_what_is_no_hello_is_a_failure(inner: str) -> None:
    with pytest.raises(FailureError):
        Rules().check(Opened(x(inner), final=False, bucket=1024))


def test_hello_is_taken_in_no_other_bucket() -> None:
    with pytest.raises(FailureError):
        Rules().check(Opened(x("0700000000"), final=False, bucket=256))


def test_hchacha20_is_that_of_its_draft() -> None:
    key, nonce = bytes(range(32)), x("000000090000004a0000000031415927")  # draft-irtf-cfrg-xchacha-03, 2.2.1
    assert hchacha20(key, nonce).hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
