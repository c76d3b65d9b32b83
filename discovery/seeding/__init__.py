"""A seed: who waits with it, and which other seeds there are (docs/protocol.md 3)."""
