"""A child of the benchmarks: a loopback with a delay, in a network namespace of its own that leads nowhere else.

Run by `unshare --net`. All that processes in the namespace send to 127.0.0.0/8, over whatever protocol, goes out by a
TUN device; this process holds each packet for a while and puts it back, so that one way takes that long and a round
trip twice. The kernel's netem does the same, where it has been built in.

Told `delay SECONDS` it holds packets for so long from then on, at first not at all. Others enter by this process's id.
"""

import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

from benchmarks.telling import tell

DEVICE: Final = "far0"
TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
PACKET_BYTES: Final = 64 * 1024
PRIORITY: Final = -10  # a packet must not wait for a processor beyond its time
# What is sent from here is looked up in table 100 and leaves by the device; what comes in is delivered as ever.
SET_UP: Final = (
    "link set lo up",
    f"link set {DEVICE} up txqueuelen 10000",
    "rule add pref 5 iif lo lookup 100",
    "rule add pref 10 lookup local",
    "rule del pref 0",
    f"route add 127.0.0.0/8 dev {DEVICE} src 127.0.0.1 table 100",
)
ROUTE_LOCALNET: Final = Path("/proc/sys/net/ipv4/conf") / DEVICE / "route_localnet"


def open_device() -> int:
    """Make the device and lead the namespace's traffic through it. Raises OSError, CalledProcessError."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH14x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    for words in SET_UP:
        subprocess.run(["ip", *words.split()], check=True, capture_output=True)
    ROUTE_LOCALNET.write_text("1")
    return device


class Line:
    """Packets on their way, the oldest first; a packet leaves after those that came before it."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._held: deque[tuple[float, bytes]] = deque()
        self.delay = 0.0

    def wait(self) -> float | None:
        """Seconds until the next packet is due, None if there is none."""
        return max(0.0, self._held[0][0] - time.monotonic()) if self._held else None

    def take(self) -> None:
        """Take what has been sent."""
        due = time.monotonic() + self.delay
        try:
            while True:
                self._held.append((due, os.read(self._device, PACKET_BYTES)))
        except BlockingIOError:
            pass

    def deliver(self) -> None:
        """Put back what is due."""
        while self._held and self._held[0][0] <= time.monotonic():
            os.write(self._device, self._held.popleft()[1])


def main() -> None:
    """Run until stdin is closed."""
    try:
        device = open_device()
        os.nice(PRIORITY)
    except (OSError, subprocess.CalledProcessError) as error:
        tell("failed", state=str(error))
        return
    tell("listening", address=str(os.getpid()))
    line = Line(device)
    stdin = sys.stdin.fileno()
    while True:
        readable, _, _ = select.select([device, stdin], [], [], line.wait())
        if device in readable:
            line.take()
        line.deliver()
        if stdin in readable:
            words = os.read(stdin, PACKET_BYTES).split()
            if not words:
                return
            line.delay = float(words[-1])
            tell("delayed")


if __name__ == "__main__":
    main()
