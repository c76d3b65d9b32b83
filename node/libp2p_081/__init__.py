"""The one place that mends py-libp2p 0.8.1; begin at cures.py."""
