"""Seed records as anybody may write them, signed by their writer or not (discovery/seedrecord.py).

Input: one byte, odd if the payload that follows is to be signed, even if the signature is part of the input.
"""

from typing import Final

from fuzz.framing import signed, signed_seeds

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import SIGNATURE_BYTES, SigningKey
from passerby.discovery.addresses import Family, Scope, may_dial, parse
from passerby.discovery.limits import CONTACT_BYTES, FAMILY_BYTES, RECORD_ADDRESSES, RECORD_BYTES
from passerby.discovery.rooms import NO_WORK
from passerby.discovery.seedrecord import SeedRecord, check_work, read_record, sign_record

MAX_BYTES: Final = 1_100
_KEY: Final = SigningKey(bytes(range(32)))
_PREFIX: Final = b"pby1 seed\0"
_UNIX: Final = 1_800_000_000


def seeds() -> list[bytes]:
    groups = (
        ("/ip4/127.0.0.1/tcp/7171", "/ip6/::1/tcp/7171"),
        ("/ip4/192.168.1.7/tcp/7171",),
        ("/ip4/8.8.8.8/tcp/443", "/ip6/2a00::7/tcp/4001", "/dns4/seed.example.org/tcp/4001"),
        (f"/dns4/{'n' * 63}.{'m' * 48}/tcp/65535",) * 4,
    )
    records = [SeedRecord(_KEY.public, tuple(map(parse, group)), _UNIX) for group in groups]
    records.append(
        SeedRecord(
            _KEY.public,
            (parse("/ip4/8.8.8.8/tcp/443"),),
            _UNIX,
            1 << 40,
            bytes(range(32)),
            (1, 2, 3, 4),
            relay=True,
            contact="c" * CONTACT_BYTES,
            family="f" * FAMILY_BYTES,
        )
    )
    blobs = [sign_record(_KEY, record) for record in records]
    unsigned = [blob[:-SIGNATURE_BYTES] for blob in blobs]
    aimed = [payload.replace(b"/8.8.8.8/", b"/0.0.0.0/") for payload in unsigned]
    return signed_seeds(blobs, (*unsigned, *aimed, b"\x91" * 900))


def execute(data: bytes) -> None:
    if not data:
        return
    blob = signed(data, _KEY, _PREFIX)
    try:
        record = read_record(blob)
    except RemoteProtocolError:
        return
    assert len(blob) <= RECORD_BYTES
    assert 0 < len(record.addresses) <= RECORD_ADDRESSES
    scopes = [scope for scope in Scope if record.fits(scope)]
    assert scopes in ([Scope.MACHINE], [Scope.LAN], [Scope.PUBLIC, Scope.TOR])
    for address in record.addresses:
        assert address.peer is None
        assert address.family in (Family.DNS4, Family.DNS6) or may_dial(address, scopes[0])
    if scopes[0] is not Scope.PUBLIC:
        assert record.work == NO_WORK
        assert check_work(record, "main", 255)
    record.is_current(_UNIX)
    if record.public == _KEY.public:
        assert read_record(sign_record(_KEY, record)) == record
