"""Machines of one local network: network namespaces, each with a name, a cable to a common switch, and a home."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from passerby.node import consent
from passerby.node.home import locate
from support.programs import Program, chat

CABLE = "cable0"


def missing() -> str:
    """Return what this machine lacks for such a network, or nothing."""
    if shutil.which("ip") is None:
        return "the `ip` command (iproute2) is not installed"
    name = f"pb{secrets.token_hex(3)}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "network namespaces need root"
    ip("netns", "del", name)
    return ""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Machine:
    """One machine, at an IPv4 address of the network 10.77.0.0/24."""

    name: str
    home: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {**os.environ, "PASSERBY_HOME": str(self.home)}

    @property
    def within(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def chat(self, *arguments: str) -> AbstractAsyncContextManager[Program]:
        return chat(*arguments, within=self.within, env=self.env)

    def ip(self, *arguments: str) -> None:
        ip("-n", self.name, *arguments)

    def have(self, number: int) -> None:
        """Have the address 10.77.0.NUMBER, and no other."""
        self.ip("addr", "flush", "dev", CABLE)
        self.ip("addr", "add", f"10.77.0.{number}/24", "dev", CABLE)

    def read(self, file: str) -> str:
        """Return what the kernel tells in /proc/net about this machine."""
        done = subprocess.run([*self.within, "cat", f"/proc/net/{file}"], check=True, capture_output=True, text=True)
        return done.stdout

    def datagrams_sent(self) -> int:
        """Return how many UDP packets ever left a socket, of IPv4 or IPv6."""
        titles, values = (line.split() for line in self.read("snmp").splitlines() if line.startswith("Udp:"))
        six = dict(line.split() for line in self.read("snmp6").splitlines())
        return int(dict(zip(titles, values, strict=True))["OutDatagrams"]) + int(six["Udp6OutDatagrams"])

    def listening_beyond_loopback(self) -> list[str]:
        """Return the TCP and UDP sockets that others could send to, as the kernel writes them."""
        sockets = [line.split() for file in ("tcp", "udp") for line in self.read(file).splitlines()[1:]]
        sixes = [line.split() for file in ("tcp6", "udp6") for line in self.read(file).splitlines()[1:]]
        waiting = [each[1] for each in sockets + sixes if each[3] in ("0A", "07")]
        return [address for address in waiting if not address.startswith("0100007F:")]


@contextmanager
def lan(folder: Path, count: int) -> Generator[list[Machine]]:
    """Make machines 10.77.0.1 and following, whose owners have accepted what a chat means."""
    mark = secrets.token_hex(3)
    machines = [Machine(f"pb{mark}{number}", folder / f"home{number}") for number in range(1, count + 1)]
    switch = f"pb{mark}sw"
    with ExitStack() as stack:
        for name in (switch, *(machine.name for machine in machines)):
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
        ip("-n", switch, "link", "add", "switch0", "type", "bridge")
        ip("-n", switch, "link", "set", "switch0", "up")
        for number, machine in enumerate(machines, 1):
            ip(
                "link",
                "add",
                CABLE,
                "netns",
                machine.name,
                "type",
                "veth",
                "peer",
                "name",
                f"p{number}",
                "netns",
                switch,
            )
            ip("-n", switch, "link", "set", f"p{number}", "master", "switch0", "up")
            machine.ip("link", "set", "lo", "up")
            machine.ip("link", "set", CABLE, "up")
            machine.have(number)
            consent.accept(locate(machine.env))
        yield machines
