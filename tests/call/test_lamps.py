"""An agent's lamp on somebody's telephone, from SUBSCRIBE to the end of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
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
        self.notified: list[Request] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def subscribe(self, port: int, package: str) -> None:
        own = self.transport.get_extra_info("sockname")[1]
        lines = [
            f"SUBSCRIBE sip:desk1@127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-{package};rport",
            *("Max-Forwards: 70", "From: <sip:boss@127.0.0.1>;tag=b", f"To: <sip:desk1@127.0.0.1:{port}>"),
            *(f"Call-ID: {package}", "CSeq: 1 SUBSCRIBE", f"Contact: <sip:boss@127.0.0.1:{own}>"),
            *(f"Event: {package}", "Content-Length: 0", "", ""),
        ]
        self.transport.sendto("\r\n".join(lines).encode())

    async def hears(self, package: str, text: str, *, after: int = 0) -> Request:
        """The first NOTIFY of a package with this text, behind the first `after` of all."""
        async with asyncio.timeout(15):
            while True:
                for one in self.notified[after:]:
                    if one.headers["Event"] == package and text in one.body.decode():
                        return one
                await asyncio.sleep(0.02)

    async def sees(self, state: str) -> None:
        async with asyncio.timeout(15):
            while not self.states or self.states[-1] != state:
                await asyncio.sleep(0.02)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = decode(data)
        if isinstance(message, Response):
            self.statuses.append(message.status)
        elif isinstance(message, Request):
            self.notified.append(message)
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
        watcher.subscribe(port, "dialog")
        call = await ask_for_a_person(house)
        await desk.item("connected")
        await watcher.sees("confirmed")
        await call.hang_up()
        await watcher.sees("")
        assert (watcher.statuses, watcher.states) == ([200], ["", "early", "confirmed", ""])
    finally:
        transport.close()


async def test_who_watches_an_agent_goes_on_to_be_told_after_a_restart(
    tmp_path: Path, prompts_folder: Path, free_port: int
) -> None:
    """No SUBSCRIBE comes again: the engine knows from its disk whom to tell."""
    sip = SipSettings(listen=HostPort("127.0.0.1", free_port), trusted=("127.0.0.1",))
    house = House(tmp_path / "var", prompts_folder, sip=sip)
    await house.start()
    loop = asyncio.get_running_loop()
    transport, watcher = await loop.create_datagram_endpoint(Watcher, remote_addr=("127.0.0.1", free_port))
    try:
        watcher.subscribe(free_port, "dialog")
        watcher.subscribe(free_port, "presence")
        before = await watcher.hears("dialog", 'version="0"')
        assert "<basic>closed</basic>" in (await watcher.hears("presence", "Logged Off")).body.decode()
        await house.desk("desk1")
        assert "<basic>open</basic>" in (await watcher.hears("presence", "Available")).body.decode()
        await house.stop()
        heard = len(watcher.notified)
        house = House(tmp_path / "var", prompts_folder, sip=sip)
        await house.start()
        again = await watcher.hears("dialog", 'state="full"', after=heard)
        assert again.call_id == before.call_id and again.cseq.sequence > before.cseq.sequence
        assert 'version="0"' not in again.body.decode()
        await watcher.hears("presence", "<note>", after=heard)
        desk = await house.desk("desk1", answering=Answering(after=60))
        heard = len(watcher.notified)
        await ask_for_a_person(house)
        await desk.item("alerting")
        await watcher.hears("dialog", "early", after=heard)
        await watcher.hears("presence", "on-the-phone", after=heard)
    finally:
        await house.stop()
        transport.close()
    assert watcher.statuses == [200, 200], "it has subscribed once"
