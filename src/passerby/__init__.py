"""Passerby: anonymous one-to-one chat with a random stranger, with no server in the middle."""

__version__ = "0.1.0"
