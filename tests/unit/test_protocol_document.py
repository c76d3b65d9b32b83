"""docs/protocol.md says what the code does: its examples are the vectors, and the real code reads and writes them.

A fenced block ```hex file:key:…``` shows one value of tests/vectors/file.json; with a `*` in the path it shows one
value a line, whose name stands for the `*`. Numbers, words, personalisations and sections cited are compared too.
"""

import json
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any, Final

import pytest
from vectors import make_chat, make_lobby, make_stamps
from vectors.make_pby1 import chosen_headers

from passerby.crypto import stamp
from passerby.crypto.handshake import Binding, Initiator, Refusal, RefusalCode, Responder, order
from passerby.crypto.keys import SIGNATURE_BYTES, EphemeralKey, blake2b, length_prefixed, peer_id_of
from passerby.crypto.messages import parse_reply
from passerby.crypto.records import Opener
from passerby.crypto.transcript import Secrets
from passerby.crypto.words import TABLE
from passerby.discovery import asking, dhtwire, frames, lobbycodes, tags, wire
from passerby.discovery import limits as discovery
from passerby.discovery.rooms import epoch_of, room_of
from passerby.discovery.seeding import service
from passerby.discovery.seedrecord import check_work, read_record
from passerby.discovery.tickets import read_ticket
from passerby.node import config, messages
from passerby.node import limits as node
from passerby.node.libp2p_081 import inbound
from passerby.node.seeding import crowd, dialback

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
VECTORS: Final[dict[str, Any]] = {
    name: json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("pby1", "lobby", "chat", "stamps")
}
SOURCES: Final = [path for folder in ("crypto", "discovery", "node") for path in (ROOT / folder).rglob("*.py")]
WORKED: Final = "pby1:handshakes:anybody"


def shown() -> Iterator[tuple[str, str]]:
    """Yield path and hex of every value that the document shows."""
    for path, text in re.findall(r"^```hex (\S+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL):
        bare = re.sub(r"#.*", "", text)
        if "*" not in path:
            yield path, "".join(bare.split())
            continue
        # a row begins with a name at the margin; two spaces or the end of the line part it from the value
        for name, value in re.findall(r"^(\S+(?: \S+)*)(?:  +|$)(.*(?:\n +\S+)*)", bare, re.MULTILINE):
            label = re.sub(r'^K\("(.*)"\)$', r"K:\1", name)
            yield path.replace("*", label), "".join(value.split())


def vector(path: str) -> Any:
    """Return what stands at a path in the vector files."""
    return reduce(step, path.split(":"), VECTORS)


def step(value: Any, key: str) -> Any:
    """Return a value of an object, or an element of a list by its number or its name."""
    if hasattr(value, "keys"):
        return value[key]
    return value[int(key)] if key.isdigit() else next(item for item in value if item["name"] == key)


SHOWN: Final = dict(shown())


def raw(path: str) -> bytes:
    """Return the bytes that the document shows for a path."""
    return bytes.fromhex(SHOWN[path])


def worked(name: str) -> bytes:
    return raw(f"{WORKED}:{name}")


# ---- the examples are the vectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHOWN)
def test_an_example_is_the_vector(path: str) -> None:
    assert SHOWN[path] == vector(path)


def test_no_value_is_shown_twice() -> None:
    assert len(list(shown())) == len(SHOWN)


def test_nothing_is_left_out() -> None:
    handshake = vector(WORKED)
    values = {key for key, value in handshake.items() if isinstance(value, str)} - {"name", "network"}
    wanted = {f"{WORKED}:{key}" for key in values} | {f"{WORKED}:K:{label}" for label in handshake["K"]}
    wanted |= {f"pby1:refusals:{refusal['name']}:M2" for refusal in VECTORS["pby1"]["refusals"]}
    wanted |= {f"lobby:frames:{name}:frame" for name in VECTORS["lobby"]["frames"]}
    wanted |= {f"lobby:dht:{name}:frame" for name in VECTORS["lobby"]["dht"]}
    wanted |= {f"lobby:tickets:{name}:ticket" for name in VECTORS["lobby"]["tickets"]}
    wanted |= {f"lobby:records:{name}:record" for name in VECTORS["lobby"]["records"]}
    wanted |= {f"chat:inner:{name}" for name in VECTORS["chat"]["inner"]}
    wanted |= {
        f"chat:i2r:{number}:{key}"
        for number, record in enumerate(VECTORS["chat"]["i2r"])
        for key in record.keys() - {"message"}
    }
    assert wanted <= SHOWN.keys()


@pytest.mark.parametrize("maker", [make_lobby, make_chat, make_stamps], ids=["lobby", "chat", "stamps"])
def test_a_vector_file_is_what_its_maker_writes(maker: Any) -> None:
    assert maker.FILE.read_text(encoding="utf-8") == maker.document()


# ---- the real code reads and writes the examples --------------------------------------------------------------------


def binding() -> Binding:
    return Binding(vector(f"{WORKED}:network"), worked("pid_I"), worked("pid_R"), worked("cb"))


def test_the_worked_handshake() -> None:
    initiator = Initiator(
        binding(), worked("room"), worked("tag"), ephemeral=EphemeralKey(worked("esk_I")), nonce=worked("n_I")
    )
    responder = Responder(binding(), ephemeral=EphemeralKey(worked("esk_R")), nonce=worked("n_R"))
    with chosen_headers(worked("hdr_I"), worked("hdr_R")):
        assert initiator.first_message() == worked("M1")
        assert responder.receive_first(worked("M1")).room == worked("room")
        assert responder.accept(worked("tag")) == worked("M2")
        assert initiator.receive_reply(worked("M2")) == worked("M3")
        assert responder.receive_proof(worked("M3")) == worked("M4")
    session = initiator.receive_confirmation(worked("M4"))
    assert session.transcript == responder.session.transcript == worked("th3")
    assert f"| | {' | '.join(session.words)} |" in DOCUMENT
    assert order(worked("cb"), worked("pid_I")) == int.from_bytes(worked("ord"), "big")


def test_the_keys_of_the_worked_handshake() -> None:
    assert binding().transcript(worked("room"), worked("tag")) == worked("th0")
    shared = EphemeralKey(worked("esk_R")).exchange(worked("epk_I"))
    assert shared == EphemeralKey(worked("esk_I")).exchange(worked("epk_R")) == worked("shared")
    secrets = Secrets.agree(shared, worked("th2"), worked("epk_I"), worked("n_I"))
    assert (secrets.transcript, secrets.prk) == (worked("th3"), worked("prk"))
    for label in VECTORS["pby1"]["handshakes"][0]["K"]:
        assert secrets.key(label.encode()) == worked(f"K:{label}")


@pytest.mark.parametrize("code", RefusalCode)
def test_a_refusal(code: RefusalCode) -> None:
    refusal = parse_reply(raw(f"pby1:refusals:{code.name.lower()}:M2"))
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert f"| `{code:02x}` | " in DOCUMENT


def test_the_records() -> None:
    opener = Opener(worked("K:i2r"), worked("hdr_I"))
    for number, _ in enumerate(VECTORS["chat"]["i2r"]):
        record = raw(f"chat:i2r:{number}:record")
        length, ciphertext = int.from_bytes(record[:2], "big"), record[2:]
        final = raw(f"chat:i2r:{number}:tag") == b"\x03"
        assert opener.open(length, ciphertext) == (raw(f"chat:i2r:{number}:inner"), final)


@pytest.mark.parametrize("name", VECTORS["chat"]["inner"])
def test_an_inner_message(name: str) -> None:
    inner = raw(f"chat:inner:{name}")
    message = messages.decode(inner)
    assert messages.encode(message) == inner
    assert f"| `{inner[0]:02x}` | {type(message).__name__.upper()} | " in DOCUMENT


@pytest.mark.parametrize("name", VECTORS["lobby"]["frames"])
def test_a_lobby_frame(name: str) -> None:
    frame = raw(f"lobby:frames:{name}:frame")
    expected = VECTORS["lobby"]["frames"][name]["type"]
    is_request = expected in {kind.__name__ for kind in (wire.Enter, wire.Sample, wire.Leave)}
    length, decode = (
        (frames.request_length, wire.decode_request) if is_request else (frames.answer_length, wire.decode_answer)
    )
    assert length(frame[:2]) == len(frame) - 2
    message = decode(frame[2:])
    assert not isinstance(message, wire.Unknown)
    assert type(message).__name__ == expected
    assert wire.encode(message) == frame
    assert f"| {frame[3]} | {expected} | " in DOCUMENT


@pytest.mark.parametrize("name", VECTORS["lobby"]["dht"])
def test_a_dht_frame(name: str) -> None:
    frame = raw(f"lobby:dht:{name}:frame")
    expected = VECTORS["lobby"]["dht"][name]["type"]
    message: object
    if expected in {kind.__name__ for kind in (dhtwire.Find, dhtwire.Ping, dhtwire.Dialback)}:
        assert frames.request_length(frame[:2]) == len(frame) - 2
        message = dhtwire.decode_request(frame[2:])
    else:
        assert frames.answer_length(frame[:2]) == len(frame) - 2
        message = dhtwire.decode_answer(frame[2:])
    assert message == make_lobby.DHT_MESSAGES[name]
    assert dhtwire.encode(make_lobby.DHT_MESSAGES[name]) == frame
    assert type(message).__name__ == expected
    assert f"| {frame[3]} | {expected} | " in DOCUMENT


@pytest.mark.parametrize("name", VECTORS["lobby"]["records"])
def test_a_seed_record(name: str) -> None:
    shown_as = f"lobby:records:{name}"
    record = read_record(raw(f"{shown_as}:record"))
    assert record == make_lobby.RECORDS[name]
    assert make_lobby.key_of(name).public == raw(f"{shown_as}:key")
    assert make_lobby.seed_of(name) == raw(f"{shown_as}:seed")
    assert (record.pid, record.work, record.position) == tuple(
        raw(f"{shown_as}:{key}") for key in ("pid", "work", "position")
    )
    assert check_work(record, "main", discovery.PUZZLE_BITS)


@pytest.mark.parametrize("name", VECTORS["lobby"]["tickets"])
def test_a_ticket(name: str) -> None:
    ticket = read_ticket(raw(f"lobby:tickets:{name}:ticket"))
    assert ticket.room == room_of("main", epoch_of(make_lobby.UNIX))
    assert [str(address) for address in ticket.addresses] == VECTORS["lobby"]["tickets"][name]["addresses"]
    assert ticket.pid == peer_id_of(make_lobby.key_of(name).public)


def test_the_key_and_peer_id_of_a_ticket() -> None:
    key = make_lobby.key_of("ana")
    assert raw("lobby:peer_ids:ana:seed") == make_lobby.seed_of("ana")
    assert raw("lobby:peer_ids:ana:key") == key.public
    assert raw("lobby:peer_ids:ana:pid") == peer_id_of(key.public)


@pytest.mark.parametrize(("name", "personal"), [("chat", stamp.Personal.CHAT), ("enter", stamp.Personal.ENTER)])
def test_a_stamp(name: str, personal: stamp.Personal) -> None:
    parties = stamp.Parties(personal, *(raw(f"stamps:{key}") for key in ("cb", "asker", "payer")))
    chal, paid = raw(f"stamps:stamps:{name}:chal"), raw(f"stamps:stamps:{name}:stamp")
    assert parties.challenge(vector(f"stamps:stamps:{name}:d"), vector(f"stamps:stamps:{name}:count")) == chal
    assert stamp.passes_gate(chal, paid)
    assert stamp.verify(chal, paid, vector(f"stamps:stamps:{name}:d"))
    assert stamp.argon2id(chal + paid[8:], chal[:16]) == raw(f"stamps:stamps:{name}:work")


def test_the_room() -> None:
    room = room_of("main", epoch_of(make_lobby.UNIX))
    assert (raw("lobby:rooms:main:tid"), raw("lobby:rooms:main:room")) == (room.tid, room.key)


@pytest.mark.parametrize("name", [path.split(":")[2] for path in SHOWN if path.startswith("lobby:tags:")])
def test_a_tag(name: str) -> None:
    typed, tag_of = make_lobby.TAGS[name]
    assert tag_of(typed) == raw(f"lobby:tags:{name}:tag")
    assert f"`{typed}`" in DOCUMENT


def test_a_private_lobby() -> None:
    network, code = make_lobby.CODES["words"]
    assert blake2b(b"pby1 lobby", length_prefixed(network.encode()))[:16] == raw("lobby:codes:words:salt")
    assert lobbycodes.code_work(code, network) == raw("lobby:codes:words:tag")
    assert f"The code `{code}` on `{network}`:" in DOCUMENT


def test_the_name_of_the_local_seeds_files() -> None:
    assert raw("lobby:local:main") == blake2b(b"pby1 local", length_prefixed(b"main"))


# ---- tables and citations -------------------------------------------------------------------------------------------


def test_the_table_of_words() -> None:
    cells = re.findall(r"(?<=\| )(\d+) \| ([a-z]+) \| (\S+)(?= \|)", DOCUMENT)
    assert {int(number): (word, emoji) for number, word, emoji in cells} == dict(enumerate(TABLE))


SENTENCES: Final = (
    f"Unix time in seconds divided by {discovery.EPOCH}",
    f"within the {discovery.EDGE_ENTER:.0f} s before the edge",
    f"leaves the old one {discovery.EDGE_LEAVE[0]:.0f} to {discovery.EDGE_LEAVE[1]:.0f} s after",
    f"but not twice within {discovery.ASK_GAP:.0f} s",
    f"the neighbouring one within {discovery.EDGE_ACCEPT:.0f} s",
    f"| ≤ {discovery.ENTER_ALL_SEEDS} | all of them",
    f"| {discovery.ENTER_ALL_SEEDS + 1} to {discovery.LOOKUP_ABOVE} | the R nearest",
    f"| {discovery.ROOM_SEEDS} | at level 0, for the first tag",
    f"| {discovery.FURTHER_TAG_SEEDS} | at level 0, for further tags",
    f"| {discovery.DEEP_ROOM_SEEDS} | above level 0",
    f"| {discovery.WIDE_ROOM_SEEDS} | all, for a search that is unmatched",
    f"not connected after {discovery.CONNECT_PATIENCE:.0f} s",
    f"has not answered Enter after {discovery.ENTER_PATIENCE:.0f} s",
    f"is in the old room with its {discovery.EDGE_SEEDS} nearest seeds alone",
    f"At most {discovery.LOBBY_SEEDS} seeds in all",
    f"At most {discovery.ROOMS_PER_STREAM} rooms on one stream",
    f"for its **next** search, for {discovery.LEVEL_MEMORY / 60:.0f} min",
    f"is lower by {discovery.LEVEL_STEP} or more",
    f"more than {discovery.CLOCK_ERROR / 60:.0f} min off their median",
    f"of one seed at most {discovery.UNPROVEN_SEEDS} are taken",
    f"left alone for {discovery.LONGEST_RETRY:.0f} s",
    f"dialled again {discovery.COME_BACK} s later",
    f"goes within {discovery.SETTLED:.0f} s time and again, after {discovery.FIRST_RETRY:.0f} s",
    f"level ≤ {discovery.LEVELS}",
    f"in normal form, of 1 to {tags.TAG_BYTES} bytes",
    f"or of more than {tags.TEXT_LOOKED_AT:_} code points has no normal form",
    f"A search has at most {tags.TAGS} tags",
    f"in this release {config.FALLBACK_AFTER:.0f} s if the person does not say otherwise",
    f"it is taken in normal form, of 1 to {lobbycodes.CODE_BYTES} bytes",
    f"memory {lobbycodes.WORK_BYTES:_} bytes, passes {lobbycodes.WORK_PASSES}, ",
    f"{asking.AT_ONCE} of a stream at once, which is twice what entering every room takes",
    f"as they come at {asking.PACE:.0f} a second",
    f"whose first request does not come within {asking.FIRST_REQUEST:.0f} s",
    f"whose next request does not come within {asking.IDLE} s of an answer",
    f"of a lobby stream that is not *in* (3.4), within {service.OUTSIDE:.0f} s",
    f"whose peer does not take an answer within {discovery.BODY_TIMEOUT:.0f} s",
    f"for {dialback.PATIENCE:.0f} s at most, and the asker's peer id must be proven",
    f"It does {dialback.AT_ONCE} at once, and one in {dialback.INTERVAL:.0f} s for each block",
    f"of {dialback.BLOCKS:_} blocks at most",
    f"| {node.STREAMS_PER_CONNECTION} streams a connection |",
    f"| {discovery.STREAMS_PER_PEER} streams of one protocol and one peer id;",
    f"| {inbound.HALF_OPEN} inbound handshakes at once",
    f"| {inbound.IDLE:.0f} s, or up to {2 * inbound.IDLE_LOOK:.0f} s more, that an inbound",
    f"{inbound.IDLE_MOST} such connections at once",
    f"| {node.CONNECTIONS} connections of a chatting peer, {node.SEED_CONNECTIONS:_} of a seed",
    f"a block (0.2) that has most, and {crowd.FAIR_SHARE} or more, gets no further one",
    f"When more than {discovery.ENTER_STAMP_RATE:.0f} connections a second have asked to come in",
    f"at most {discovery.REQUEST_BYTES:_} for a request, {discovery.ANSWER_BYTES:_} for an answer",
    f"must arrive within {discovery.BODY_TIMEOUT:.0f} s of it",
    f"does not come within {discovery.ANSWER_TIMEOUT:.0f} s",
    f"at most {discovery.OUTSTANDING} requests without an answer",
    f"at most {discovery.STREAMS_PER_PEER} streams of this protocol",
    f"ticket (bin {SIGNATURE_BYTES + 1}-{discovery.TICKET_BYTES})",
    f"≤ {discovery.TICKETS_PER_ANSWER} tickets (bin {SIGNATURE_BYTES + 1}-{discovery.TICKET_BYTES})",
    f"≤ {discovery.RECORDS_PER_ANSWER} records (bin ≤ {discovery.RECORD_BYTES:_})",
    f"≤ {discovery.NEARER_PER_ANSWER} nearer seeds (bin ≤ {discovery.RECORD_BYTES:_})",
    f"≤ {discovery.BUSY_SEEDS} other seeds (bin ≤ {discovery.RECORD_BYTES:_})",
    f"≤ {discovery.NODES_PER_ANSWER} records (bin ≤ {discovery.RECORD_BYTES:_})",
    f"nonce (bin {discovery.PING_BYTES}); port u16 ≥ {discovery.LOWEST_PORT}",
    f"array of 1-{discovery.RECORD_ADDRESSES} str",
    f"each at most {discovery.ADDRESS_BYTES} bytes of ASCII",
    f"versions | array of 1-{discovery.RECORD_VERSIONS} u8",
    f"contact | str ≤ {discovery.CONTACT_BYTES} bytes",
    f"family | str ≤ {discovery.FAMILY_BYTES} bytes",
    f"at most {discovery.RECORD_AHEAD // 3600} h ahead and {discovery.RECORD_BEHIND // 3600} h behind",
    f"memory {stamp.WORK_BYTES:_} bytes, passes {stamp.WORK_PASSES}, ",
    f"On the network `main` d = {discovery.PUZZLE_BITS};",
    f"decays by 1/e in tau = {discovery.RATE_DECAY:.0f} s",
    f"counting at most {discovery.RATE_PER_BLOCK} of one block (0.2) within {discovery.RATE_WINDOW:.0f} s",
    f"T = {discovery.RATE_TARGET:.0f}/s",
    f"younger than {discovery.OPINION_AGE:.0f} s with `n` < {discovery.OPINION_AGE:.0f} T",
    f"with `n` ≥ {discovery.HINT_ENTERS:.0f}, else the median of the {discovery.HINTS_JUDGED} freshest",
    f"none that is older than {discovery.HINT_AGE:.0f} s",
    f"`max` u8 ≤ {discovery.TICKETS_PER_ANSWER}; `interval` u8, 1-{discovery.LONGEST_INTERVAL}",
    f"array of 1-{discovery.TICKET_VERSIONS} u8",
    f"within {discovery.HEARD_WINDOW} × the interval",
    f"({discovery.FIRST_INTERVAL} s before the first Sample)",
    f"After {discovery.SILENCE:.0f} s of silence",
    f"holds at most {discovery.ROOM_TICKETS} tickets",
    f"at most {discovery.ROOMS_PER_STREAM} rooms for one stream, {discovery.BLOCK_STREAMS} lobby streams of one block",
    f"above {discovery.BUSY_SHARE:.0%} of all".replace("%", " %"),
    f"other refusals in {discovery.SEED_RETRY:.0f} s",
    f"`Sample(room, {discovery.SAMPLE_TICKETS})`",
    f"begins with {stamp.GATE_BITS} zero bits",
    f"within {discovery.STAMP_VALIDITY:.0f} s of it, whatever comes of that try",
    f"where {discovery.STAMP_CHECKS} stamps wait for that",
    f"P may count on d ≤ {discovery.STAMP_MOST_BITS}",
    f"than {node.CHAT_TOLL_RATE * discovery.TOLL_WINDOW:.0f} calls came within {discovery.TOLL_WINDOW:.0f} s",
    f"({node.CHAT_TOLL_RATE:.0f} a second), d is {discovery.STAMP_FIRST_BITS}",
    f"one stamp at a time, in {node.SOLVE_TIMEOUT:.0f} s at most",
    f"every {discovery.FIRST_INTERVAL} s, and every {discovery.LATER_INTERVAL} s after the first minute",
    f"within the last {discovery.MET_MEMORY / 60:.0f} min are put aside",
    f"nobody else has been seen for {discovery.MET_WAIT:.0f} s",
    f"| a refusal | {discovery.BUSY_AVOID:.0f} s |",
    f"| a failure or a timeout | {discovery.FAILED_AVOID:.0f} s, ",
    f"| a dial that failed | {discovery.UNREACHABLE_AVOID:.0f} s, ",
    f"twice as long each time, at most {discovery.LONGEST_AVOID:.0f} s |",
    f"is tried {discovery.BUSY_PAUSE[0] * 1000:.0f}-{discovery.BUSY_PAUSE[1] * 1000:.0f} ms later",
    f"at least {discovery.RESAMPLE_GAP} s after the last",
    f"failed, or {node.DIAL_TIMEOUT:.0f} s → SEEK/free",
    f"dialled {node.HEDGE_AFTER} s after the first",
    f"further ones {node.HEDGE_GAP} s after the newest",
    f"at most {node.DIALS_AT_ONCE} at once",
    f"or {node.ASKED_TIMEOUT} s + own estimate of the round trip",
    f"end of stream, or {node.LOCK_TIMEOUT:.0f} s: reset s",
    f"end of stream, or {node.PAIRED_TIMEOUT:.0f} s: reset s",
    f"refuse instead of yielding for {node.YIELD_PAUSE:.0f} s",
    f"within {node.EARLY_LOSS:.0f} s of *matched*",
    f"M1 {node.M1_TIMEOUT:.0f} s (",
    f"at most {node.PENDING_CHAT_STREAMS} chat streams that are not yet confirmed",
    f"must arrive within {node.RECORD_HEADER_TIMEOUT:.0f} s of its length",
    f"at most {node.TEXT_BYTES:_} bytes and {node.TEXT_CODE_POINTS:_} code points",
    f"| TEXT | {node.SEND_RATE:.0f}/s, after a burst of {node.SEND_BURST} |",
    f"| TEXT without ACK | {node.TEXT_UNACKNOWLEDGED}, and {node.SEND_BYTES // 1024} KiB",
    f"| TYPING | one in {node.CONTROL_INTERVAL:.0f} s",
    f"TEXT at {node.RECEIVE_RATE:.0f}/s with a burst of {node.RECEIVE_BURST}",
    f"and {node.RECEIVE_BYTES // 1024} KiB in {node.BYTES_WINDOW:.0f} s over all records",
    f"stops reading for {node.STRIKE_PAUSE:.0f} s",
    f"third strike within {node.STRIKE_WINDOW:.0f} s",
    f"every {node.PING_INTERVAL[0]:.0f}-{node.PING_INTERVAL[1]:.0f} s",
    f"not pulled a record for {node.SILENCE:.0f} s",
    f"until end of stream or {node.CLOSE_TIMEOUT:.0f} s",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_number_is_the_one_that_the_code_uses(sentence: str) -> None:
    assert sentence.replace("_", " ") in " ".join(DOCUMENT.split())


def test_every_personalisation_is_listed() -> None:
    table = DOCUMENT.split("| personalisation | section |")[1].split("\n\n")[0]
    listed = re.findall(r"`(pby1 [^`]+)`", table)
    assert len(set(listed)) == len(listed)
    used = {p.decode() for path in SOURCES for p in re.findall(rb'b"(pby1 [a-z0-9 ]+)"', path.read_bytes())}
    used.add("pby1 local")  # shown above; the document is the only place that needs it in one piece
    assert used == set(listed)


def test_every_section_that_is_cited_exists() -> None:
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", DOCUMENT, re.MULTILINE))
    cited = {
        section
        for path in SOURCES
        for section in re.findall(r"protocol\.md (\d+(?:\.\d+)?)", path.read_text(encoding="utf-8"))
    }
    # within the document a section is any 5.12 that is no measure, no version and no section of an RFC
    cited |= set(re.findall(r"(?<![\d.])(?<!\d, )(?<!select )(\d\.\d+)(?!\d|\.\d| s\b| ×)", DOCUMENT))
    assert cited - sections == set()
