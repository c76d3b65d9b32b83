"""What befalls a seed from below: a network that loses everything, a process that is gone from one moment to the next.

Neither libp2p nor the seed is asked: the sockets of its port are found among this process's own, and the kernel does
the rest, as it would for a firewall that drops packets or after `kill -9`. What the seed itself dialled has ports of
its own, so a seed that is cut off still reaches others; but nobody reaches it.
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Final

CAN_CUT_OFF: Final = sys.platform == "linux"

_FILES: Final = "/dev/fd"
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # asm-generic/socket.h; Python names neither
_DROP_ALL: Final = struct.pack("=HBBI", 0x06, 0, 0, 0)  # linux/filter.h: BPF_RET | BPF_K, 0 bytes pass


def cut_off(port: int) -> None:
    """Have every packet to this port of ours lost, those of open connections too, until `reach`. Linux only."""
    code = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
    program = struct.pack("HP", 1, ctypes.addressof(code))
    for end in _sockets((port,)):
        end.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def reach(port: int) -> None:
    """Let packets pass again; what was lost is sent anew by TCP, to who still waits for it."""
    for end in _sockets((port,)):
        with suppress(OSError):  # it has none: it was opened by a packet that came just before
            end.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def tear_down(ports: Collection[int]) -> None:
    """End every connection to these ports, without farewell. Who listens there has to close by himself."""
    for end in _sockets(ports):
        if not end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            with suppress(OSError):  # it ended by itself
                end.shutdown(socket.SHUT_RDWR)


def _sockets(ports: Collection[int]) -> Iterator[socket.socket]:
    """Yield the sockets of this process whose own end is one of `ports`; they stay those of who opened them."""
    with os.scandir(_FILES) as files:
        numbers = [int(file.name) for file in files]
    for number in numbers:
        try:
            end = socket.socket(fileno=number)
        except OSError:
            continue  # a file of another kind, or the folder itself, which is closed by now
        try:
            address: object = end.getsockname()
            if isinstance(address, tuple) and address[1:2] and address[1] in ports:
                yield end
        finally:
            end.detach()
