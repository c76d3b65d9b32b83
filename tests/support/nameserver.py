"""A real name server on loopback, with the TXT records that a test gives it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trio


class NameServer:
    """Answers UDP and TCP; `asked` holds the names, in the order in which they were asked for."""

    def __init__(self, records: Mapping[str, Sequence[str]], *, truncates: bool = False) -> None:
        self._records = records
        self._truncates = truncates
        self.asked: list[str] = []
        self.address = ("127.0.0.1", 0)

    def answer(self, wire: bytes, *, over_udp: bool) -> bytes:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        reply = dns.message.make_response(query)
        if name not in self._records:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif over_udp and self._truncates:
            reply.flags |= dns.flags.TC
        else:
            texts = [f'"{text}"' for text in self._records[name]]
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *texts))
        return reply.to_wire()


@asynccontextmanager
async def name_server(
    records: Mapping[str, Sequence[str]], *, truncates: bool = False, is_mute: bool = False
) -> AsyncGenerator[NameServer]:
    """Serve `records`, by name; `truncates`: only over TCP; `is_mute`: never answer."""
    server = NameServer(records, truncates=truncates)

    async def serve_udp() -> None:
        while True:
            query, asker = await udp.recvfrom(4096)
            if not is_mute:
                await udp.sendto(server.answer(query, over_udp=True), asker)

    async def serve_tcp(stream: trio.SocketStream) -> None:
        query = await stream.receive_some()
        while len(query) < 2 + int.from_bytes(query[:2], "big"):
            query += await stream.receive_some()
        reply = server.answer(bytes(query[2:]), over_udp=False)
        await stream.send_all(len(reply).to_bytes(2, "big") + reply)

    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
        await udp.bind(("127.0.0.1", 0))
        server.address = udp.getsockname()
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(server.address[1], host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve_tcp, listeners)
            nursery.start_soon(serve_udp)
            yield server
            nursery.cancel_scope.cancel()
