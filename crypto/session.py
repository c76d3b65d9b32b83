"""What a handshake leaves behind (protocol.md 5)."""

from dataclasses import dataclass, field
from typing import Self

from passerby.crypto.records import Opener, Sealer
from passerby.crypto.transcript import Secrets
from passerby.crypto.words import verification_emoji, verification_words


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One record stream each way, and what else is derived from the same secret.

    ``transcript`` is th3 (32 bytes), equal on both sides; ``version`` the one both chose; ``sas_key`` the 32 bytes that
    the verification words come from; ``resume_secret`` the 32 bytes that lead both back to each other after a loss.
    """

    sealer: Sealer = field(repr=False)
    opener: Opener = field(repr=False)
    transcript: bytes
    version: int
    sas_key: bytes = field(repr=False)
    resume_secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, secrets: Secrets, sealer: Sealer, opener: Opener, version: int) -> Self:
        """Take from the handshake's secrets what outlives it; the caller then drops them."""
        return cls(sealer, opener, secrets.transcript, version, secrets.key(b"sas"), secrets.key(b"resume"))

    @property
    def words(self) -> tuple[str, ...]:
        """Seven words, equal on both sides; with somebody in the middle, equal by a chance of 2^-42."""
        return verification_words(self.sas_key)

    @property
    def emoji(self) -> tuple[str, ...]:
        """The seven emoji that stand beside the words."""
        return verification_emoji(self.sas_key)
