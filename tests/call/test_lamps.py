"""An agent's lamp on somebody's telephone, from SUBSCRIBE to the end of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from call.test_handoff import ask_for_a_person
from house import House

from ivr.config import HostPort, SipSettings
from ivr.sip.message import Request, Response, decode
from ivr.testing.phone import Answering


class Watcher(asyncio.DatagramProtocol):
    """Answers every NOTIFY, and keeps what it says."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.statuses: list[int] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    async def sees(self, state: str) -> None:
        async with asyncio.timeout(15):
            while not self.states or self.states[-1] != state:
                await asyncio.sleep(0.02)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = decode(data)
        if isinstance(message, Response):
            self.statuses.append(message.status)
        elif isinstance(message, Request):
            body = message.body.decode()
            state = body.partition("<state>")[2].partition("<")[0]
            if not self.states or self.states[-1] != state:
                self.states.append(state)
            copied = [f"{name}: {message.headers[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
            self.transport.sendto("\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""]).encode())


async def test_a_lamp_blinks_while_it_rings_burns_in_a_call_and_goes_out(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), trusted=("127.0.0.1",)))
    assert house.listening is not None
    port = house.listening.sip.port
    desk = await house.desk("desk1", answering=Answering(after=0.6))
    loop = asyncio.get_running_loop()
    transport, watcher = await loop.create_datagram_endpoint(Watcher, remote_addr=("127.0.0.1", port))
    try:
        own = transport.get_extra_info("sockname")[1]
        lines = [
            f"SUBSCRIBE sip:desk1@127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-lamp;rport",
            *("Max-Forwards: 70", "From: <sip:boss@127.0.0.1>;tag=b", f"To: <sip:desk1@127.0.0.1:{port}>"),
            *("Call-ID: lamp", "CSeq: 1 SUBSCRIBE", f"Contact: <sip:boss@127.0.0.1:{own}>", "Event: dialog"),
            *("Content-Length: 0", "", ""),
        ]
        transport.sendto("\r\n".join(lines).encode())
        call = await ask_for_a_person(house)
        await desk.item("connected")
        await watcher.sees("confirmed")
        await call.hang_up()
        await watcher.sees("")
        assert (watcher.statuses, watcher.states) == ([200], ["", "early", "confirmed", ""])
    finally:
        transport.close()
