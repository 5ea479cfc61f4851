"""SRTP: what is protected, what is proved, and what is thrown away."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from ivr.errors import IvrError
from ivr.media.messages import KeyHeard, LegClosed, PlayEnded, RecordingClosed, StreamFormat
from ivr.media.rtcp import RtcpReport
from ivr.media.rtp import RtpPacket
from ivr.media.wav import read_wav
from ivr.media.worker.recorder import BEEP_PLAY
from ivr.media.worker.secure import GRACE, Protection, Unproved

EIGHTY, THIRTY_TWO = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
OURS, THEIRS = bytes(range(30)), bytes(range(100, 130))
SILENCE = b"\xff" * 160


def form(suite: str = EIGHTY, send: bytes = OURS, receive: bytes = THEIRS, **more: Any) -> StreamFormat:
    keys = [base64.b64encode(key).decode() for key in (send, receive)]
    return StreamFormat(suite=suite, send_key=keys[0], receive_key=keys[1], **more)


def protection(suite: str = EIGHTY, send: bytes = OURS, receive: bytes = THEIRS) -> Protection:
    made = Protection()
    made.use(form(suite, send, receive), 0.0)
    return made


def packet(number: int = 1, *, ssrc: int = 7) -> bytes:
    return RtpPacket(0, number, number * 160, ssrc, SILENCE).encode()


@pytest.mark.parametrize(("suite", "tag", "report_tag"), [(EIGHTY, 10, 10), (THIRTY_TWO, 4, 10)])
def test_what_one_side_protects_the_other_proves(suite: str, tag: int, report_tag: int) -> None:
    we, they = protection(suite), protection(suite, THEIRS, OURS)
    sealed = we.protect(packet())
    assert len(sealed) == len(packet()) + tag and SILENCE not in sealed
    assert they.prove(sealed, 0.0) == packet()
    report = RtcpReport(7, cname="a@b").encode()
    sealed = we.protect_report(report)
    assert len(sealed) == len(report) + 4 + report_tag  # and the index, RFC 3711 section 3.4
    assert they.prove_report(sealed, 0.0) == report


def test_a_packet_comes_once() -> None:
    sealed = protection(send=THEIRS).protect(packet())
    we = protection()
    we.prove(sealed, 0.0)
    with pytest.raises(Unproved):
        we.prove(sealed, 0.0)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
        lambda data: data[:-10],
        lambda data: b"",
        lambda data: data * 9,
        lambda data: packet(),
    ],
    ids=["another tag", "another word", "no tag", "nothing", "too much", "plain RTP"],
)
def test_what_was_not_made_with_the_key_proves_nothing(spoilt: Any) -> None:
    with pytest.raises(Unproved):
        protection().prove(spoilt(protection(send=THEIRS).protect(packet())), 0.0)


def test_keys_change_with_a_grace_for_what_is_on_its_way() -> None:
    we, they = protection(), protection(send=THEIRS, receive=OURS)
    late, too_late = they.protect(packet(1)), they.protect(packet(2))
    we.use(form(receive=b"n" * 30), 10.0)
    they.use(form(send=b"n" * 30, receive=OURS), 10.0)
    assert we.prove(they.protect(packet(3)), 10.1) == packet(3)
    assert we.prove(late, 10.2) == packet(1)
    with pytest.raises(Unproved):
        we.prove(too_late, 10.0 + GRACE)
    with pytest.raises(Unproved):
        we.prove(they.protect(packet(0)) + b"x", 10.3)


def test_a_key_that_stays_keeps_its_replay_window() -> None:
    we, they = protection(), protection(send=THEIRS, receive=OURS)
    sealed = they.protect(packet(65535))
    we.prove(sealed, 0.0)
    we.use(form(), 1.0)
    with pytest.raises(Unproved):
        we.prove(sealed, 1.0)
    assert we.prove(they.protect(packet(0)), 1.0) == packet(0)  # the rollover counter went on


@pytest.mark.parametrize(("suite", "key"), [("F8_128_HMAC_SHA1_80", OURS), (EIGHTY, b"short")])
def test_keys_that_cannot_be_used_are_told_in_words(suite: str, key: bytes) -> None:
    with pytest.raises(IvrError, match="SRTP") as refusal:
        protection(suite, send=key)
    assert base64.b64encode(key).decode() not in str(refusal.value)


def test_no_key_is_in_the_text_of_a_format() -> None:
    assert base64.b64encode(OURS).decode()[:8] not in repr(form())


class SecurePhone:
    """A peer that speaks SRTP, in front of the plain one."""

    def __init__(self, phone: Any, suite: str = EIGHTY, send: bytes = THEIRS, receive: bytes = OURS) -> None:
        profile = {
            EIGHTY: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
            THIRTY_TWO: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
        }[suite]
        self.phone = phone
        self.outgoing = Session(Policy(send, Policy.SSRC_ANY_OUTBOUND, 0, profile))
        self.incoming = Session(Policy(receive, Policy.SSRC_ANY_INBOUND, 0, profile))
        plain_send, plain_receive = phone.socket.sendto, phone.receive

        def send_protected(data: Any) -> None:
            raw = data if isinstance(data, bytes) else data.encode()
            plain_send(self.outgoing.protect(raw), phone.target)

        phone.send = send_protected
        self.sealed = plain_receive

    async def receive(self) -> RtpPacket:
        import asyncio

        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.phone.socket, 2048), 20)
        return RtpPacket.decode(self.incoming.unprotect(data))

    async def until_payload(self, wanted: Any) -> RtpPacket:
        while not wanted(found := await self.receive()):
            pass
        return found


def drain(sock: socket.socket) -> None:
    """Throw away what was on its way."""
    while True:
        try:
            sock.recv(2048)
        except BlockingIOError:
            return


async def test_a_call_is_protected_both_ways_and_what_strangers_send_moves_nothing(
    desk: Any, phone: Any, tone_file: Any, heard: Any, level_at: Any
) -> None:
    peer, stranger = phone(), phone()
    await desk.call("a", peer, form())
    secure = SecurePhone(peer)
    stranger.target = peer.target
    for _ in range(5):
        stranger.speak(SILENCE)  # plain, from another address, before the peer speaks
    sealed = secure.outgoing.protect(packet(9))
    for _ in range(3):
        peer.socket.sendto(sealed, peer.target)  # once is right, twice more is replay
    peer.press("1")
    assert (await desk.event(KeyHeard)).key == "1"
    with pytest.raises(BlockingIOError):
        stranger.socket.recv(100)

    desk.workers.play("a", "p", [tone_file(440, 0.3)])
    first = await secure.until_payload(lambda p: p.marker)
    packets = [first, *[await secure.receive() for _ in range(8)]]
    assert level_at(heard(packets), 440) > -25

    fresh = SecurePhone(peer, THIRTY_TWO, send=b"t" * 30, receive=b"o" * 30)
    desk.workers.set_remote("a", peer.address, form(THIRTY_TWO, send=b"o" * 30, receive=b"t" * 30))
    await desk.settled("a")
    drain(peer.socket)
    await fresh.receive()
    peer.press("3")
    assert (await desk.event(KeyHeard)).key == "3"
    closed = await desk.workers.close_leg("a")
    assert isinstance(closed, LegClosed)
    assert closed.dropped == 7 and closed.received >= 8


async def test_a_protected_and_a_plain_side_hear_each_other(
    desk: Any, phone: Any, companded: Any, tone: Any, heard: Any, level_at: Any
) -> None:
    caller, agent = phone(), phone()
    await desk.call("a", caller, form())
    await desk.call("b", agent, beside="a")
    secure = SecurePhone(caller)
    desk.workers.bridge("a", "b")
    await desk.settled("a")
    there, back = [], []
    for payload in companded(tone(700, 0.3)):
        caller.speak(payload)
        agent.speak(payload)
        there.append(await agent.receive())
        back.append(await secure.receive())
    assert level_at(heard([p for p in there if p.payload != SILENCE][2:]), 700) > -25
    assert level_at(heard([p for p in back if p.payload != SILENCE][2:]), 700) > -25

    free = desk.workers.health[0]["free_ports"]
    with pytest.raises(IvrError, match="SRTP"):
        await desk.call("c", phone(), form(send=b"short"))
    assert desk.workers.health[0]["free_ports"] == free, "the port of a leg that was refused"

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
        reports.bind(("127.0.0.1", caller.address[1] + 1))
        reports.settimeout(20)
        host, port = caller.target
        plain = RtcpReport(0x1234, cname="x@y").encode()
        reports.sendto(plain, (host, port + 1))
        reports.sendto(secure.outgoing.protect_rtcp(plain), (host, port + 1))
        caller.press("2")
        await desk.event(KeyHeard)
        assert (await desk.workers.close_leg("a")).dropped == 1
        goodbye = RtcpReport.decode(secure.incoming.unprotect_rtcp(reports.recv(2048)))
        assert goodbye.bye


async def test_a_protected_side_is_heard_in_a_conference_and_kept_in_a_recording(
    desk: Any, phone: Any, companded: Any, tone: Any, heard: Any, level_at: Any, tmp_path: Path
) -> None:
    caller, agent, third = phone(), phone(), phone()
    await desk.call("a", caller, form())
    await desk.call("b", agent, beside="a")
    await desk.call("c", third, form(THIRTY_TWO, send=b"o" * 30, receive=b"t" * 30), beside="a")
    secure = SecurePhone(caller)
    other = SecurePhone(third, THIRTY_TWO, send=b"t" * 30, receive=b"o" * 30)
    desk.workers.mix(("a", "b", "c"))
    desk.workers.record("a", "r", tmp_path / "r.wav", longest=30, patience=5)
    await desk.event(PlayEnded, play=BEEP_PLAY)
    got: list[list[RtpPacket]] = [[], [], []]
    for payloads in zip(*(companded(tone(hertz, 0.5)) for hertz in (700, 1100, 1500)), strict=True):
        for peer, payload in zip((caller, agent, third), payloads, strict=True):
            peer.speak(payload)
        for packets, listener in zip(got, (secure, agent, other), strict=True):
            packets.append(await listener.receive())
    for number, packets in enumerate(got):
        levels = [level_at(heard(packets[8:]), hertz) for hertz in (700, 1100, 1500)]
        others = [level for index, level in enumerate(levels) if index != number]
        assert min(others) > -30 and levels[number] < min(others) - 20, (number, levels)
    desk.workers.stop_recording("a")
    assert (await desk.event(RecordingClosed)).seconds > 0.2
    kept = read_wav(tmp_path / "r.wav")
    assert level_at(kept[-2000:], 700) > -30 > level_at(kept[-2000:], 1100)
    for leg in ("a", "b", "c"):
        assert (await desk.workers.close_leg(leg)).dropped == 0
