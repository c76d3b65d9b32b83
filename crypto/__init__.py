"""PBY1 as pure machines: bytes in, bytes out. Imports nothing of the network and no event loop."""
