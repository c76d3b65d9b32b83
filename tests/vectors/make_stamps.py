"""Write stamps.json anew: ``python tests/vectors/make_stamps.py``.

Stamps of docs/protocol.md 7 between the two peers of the handshake "anybody" in pby1.json, on its connection. The
search for each begins at 0, so it comes out the same each time. Bytes are hexadecimal; fields are named as there.
"""

import json
from pathlib import Path
from typing import Any, Final

from passerby.crypto.stamp import Parties, Personal, argon2id, solve

FILE: Final = Path(__file__).with_name("stamps.json")
HANDSHAKE: Final = "anybody"
CASES: Final = {
    "chat": (Personal.CHAT, 4, 1),
    "chat, asked again": (Personal.CHAT, 4, 2),
    "chat, dearest": (Personal.CHAT, 6, 1),
    "chat, free": (Personal.CHAT, 0, 1),
    "enter": (Personal.ENTER, 4, 1),
    "enter, much asked": (Personal.ENTER, 5, 0x01020304),
}


def stamps() -> dict[str, Any]:
    """Solve each case."""
    handshakes = json.loads(FILE.with_name("pby1.json").read_text(encoding="utf-8"))["handshakes"]
    keys = next(case for case in handshakes if case["name"] == HANDSHAKE)
    cb, asker, payer = (bytes.fromhex(keys[name]) for name in ("cb", "pid_R", "pid_I"))
    made: dict[str, Any] = {}
    for name, (personal, difficulty, count) in CASES.items():
        chal = Parties(personal, cb, asker, payer).challenge(difficulty, count)
        stamp = solve(chal, difficulty, 0, lambda: True)
        assert stamp is not None
        work = argon2id(chal + stamp[8:], chal[:16])
        made[name] = {
            "personal": personal.value.decode(),
            "d": difficulty,
            "count": count,
            "chal": chal.hex(),
            "stamp": stamp.hex(),
            "work": work.hex(),
        }
    return {"cb": cb.hex(), "asker": asker.hex(), "payer": payer.hex(), "stamps": made}


def document() -> str:
    """Return the file's text."""
    return json.dumps(stamps(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
