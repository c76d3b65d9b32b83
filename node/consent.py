"""Consent before the first chat: what the text says, and the record that it was accepted (product.md 7, security.md 1).

Only `chat` asks. A record of another version of the text counts as none: what was accepted is not what is meant now.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from passerby.node import home
from passerby.node.config import Folders
from passerby.node.invocation import program
from passerby.node.printing import say

VERSION: Final = 2  # raise it with every change of meaning of TEXT: everybody is asked again

TEXT: Final = """\
Passerby connects you with a stranger, for a talk between the two of you.

Your words are encrypted. Do not use this where being identified would endanger you.

- You must be 18 or older.
- Nobody moderates. No company and no person reads along, and nobody can ban anybody for good. You may meet insults, \
sexual talk, lies, advertising, bots. Leave at any moment: /next or /quit, or Esc twice.
- The stranger sees the text you type, and whatever you tell of yourself. They can copy it, photograph it and pass it \
on. Tell nothing that identifies you: no name, place, account, telephone number or picture of yours.
- In this release, chats are between terminals of one machine only, unless you ask for your local network with --lan; \
there strangers see your address in it. Nothing of a chat is written to disk.
- Seeds, where people find each other, see that you look for somebody.
- Nobody can prove to you who the stranger is, how old, or that they are human.\
"""
"""One line a paragraph: whoever shows it breaks the lines (printing.py)."""

QUESTION: Final = "Type yes if you are 18 or older and accept this:"


def accept_command() -> str:
    """Return the command that accepts, as it can be typed here."""
    return f"{program()} consent --accept-18"


def _record_path(folders: Folders) -> Path:
    return folders.state / "consent.json"


def is_accepted(folders: Folders) -> bool:
    """Whether this version of the text was accepted. An unreadable or foreign record counts as none."""
    record = home.read(_record_path(folders), folders)
    try:
        content: object = json.loads(record or b"null")
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and cast("Mapping[str, object]", content).get("version") == VERSION


def accept(folders: Folders) -> None:
    """Record acceptance of this version, with the date. Raises HomeError."""
    record = {"version": VERSION, "date": datetime.now(UTC).date().isoformat()}
    home.update(_record_path(folders), folders, lambda _: json.dumps(record).encode() + b"\n")


def ask(folders: Folders, *, may_ask: bool) -> bool:
    """The consent screen, on a terminal and on stderr: whether it was accepted, and recorded, by typing `yes`."""
    if not may_ask or not sys.stdin or not sys.stdin.isatty() or not sys.stderr.isatty():
        say(f"Before the first chat, read what it means and accept it. Run: {accept_command()}")
        return False
    say(f"{TEXT}\n\n{QUESTION}", end=" ")
    answer = sys.stdin.readline()
    if answer.strip().lower() not in ("", "yes", "no"):
        say("Please type the three letters yes, or press Ctrl-C.")
        answer = sys.stdin.readline()
    if answer.strip().lower() != "yes":
        end_of_line = "" if answer.endswith("\n") else "\n"  # Ctrl-D leaves the cursor behind the question
        say(f"{end_of_line}Not accepted; nothing was started.")
        return False
    accept(folders)
    return True
