"""A searching peer: which rooms, which seeds, whom to dial (docs/protocol.md 2-4.1)."""
