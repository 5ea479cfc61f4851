"""What SIPp gets for requests out of the ordinary: each refusal, and what may happen inside a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from call.test_transfer_by_refer import small_menu
from house import House
from peers.scenario import MAY_RING, PAUSE, answered, bye, receive, refused, sdp, send, takes
from peers.sipp import Sipp

from ivr.config import HostPort, SipSettings

pytestmark = pytest.mark.peer("sipp")
REFERS = "Contact: <sip:sipp@[local_ip]:[local_port]>"
Steps = Callable[[], list[str]]
ONE = "z9hG4bK-[pid]-[call_number]-one"

REFUSALS: dict[str, Steps] = {
    "an extension nobody has gets 420": lambda: refused(420, "Require: chariots", Unsupported="chariots"),
    "no hops left gets 483": lambda: refused(483, how={"hops": 0}),
    "a body in words gets 415": lambda: refused(
        415, offer="Hello?", how={"content": "text/plain"}, Accept="application/sdp"
    ),
    "an address of a letter box gets 416": lambda: refused(416, how={"uri": "mailto:ivr@[remote_ip]"}),
    "a session as short as half a minute gets 422": lambda: refused(
        422, "Supported: timer", "Session-Expires: 30", Min_SE="90"
    ),
    "a place that is not there gets 481": lambda: refused(481, "Replaces: nobody@nowhere;to-tag=a;from-tag=b"),
    "protected sound nobody set up gets 488": lambda: refused(
        488, offer=sdp(profile="RTP/SAVP"), Warning="302 .*RTP/AVP is needed"
    ),
}

IN_A_CALL: dict[str, Steps] = {
    "a session timer is agreed": lambda: [
        *answered("Supported: timer", "Session-Expires: 300;refresher=uas", Session_Expires="300;refresher=uas"),
        *bye(2),
    ],
    "a provisional answer may be required to be reliable": lambda: [
        send("INVITE", 1, "Require: 100rel", body=sdp()),
        '<recv response="100" optional="true"/>',
        '<recv response="180" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:"'
        ' check_it="true" assign_to="1"/></action></recv>',
        send("PRACK", 2, "RAck: [$1] 1 INVITE", in_call=True),
        receive(200, CSeq="2 PRACK"),
        receive(200, CSeq="1 INVITE"),
        send("ACK", 1, in_call=True),
        PAUSE,
        *bye(3),
    ],
    "UPDATE changes the session": lambda: [
        *answered(Allow="UPDATE"),
        send("UPDATE", 2, body=sdp("a=sendonly", version=2), in_call=True),
        receive(200, body="a=recvonly"),
        *bye(3),
    ],
    "hold by the old zero address": lambda: [
        *answered(),
        send("INVITE", 2, body=sdp(version=2, address="0.0.0.0"), in_call=True),
        MAY_RING,
        receive(200, body="a=(recvonly|inactive|sendonly|sendrecv)"),
        send("ACK", 2, in_call=True),
        PAUSE,
        *bye(3),
    ],
    "OPTIONS within a call gets 200": lambda: [
        *answered(),
        send("OPTIONS", 2, in_call=True),
        receive(200, Allow="INVITE"),
        *bye(3),
    ],
    "a change nobody can follow gets 488 and the call goes on": lambda: [
        *answered(),
        send("INVITE", 2, body=sdp(version=2, opus=True), in_call=True, branch=ONE),
        MAY_RING,
        receive(488),
        send("ACK", 2, in_call=True, branch=ONE),
        PAUSE,
        *bye(3),
    ],
    "a body that is no key gets 415": lambda: [
        *answered(),
        send("INFO", 2, body="what is this", content="text/plain", in_call=True),
        receive(415),
        *bye(3),
    ],
    "a caller who wants us to call others is refused, and the call goes on": lambda: [
        *answered(Allow="REFER", Supported="replaces"),
        send("REFER", 2, "Refer-To: <sip:desk1@[remote_ip]>", REFERS, in_call=True),
        receive(403, CSeq="2 REFER"),
        *bye(3),
    ],
    "a REFER that names nobody, or two, gets 400": lambda: [
        *answered(),
        send("REFER", 2, REFERS, in_call=True),
        receive(400),
        send("REFER", 3, "Refer-To: <sip:a@[remote_ip]>", "Refer-To: <sip:b@[remote_ip]>", REFERS, in_call=True),
        receive(400),
        *bye(4),
    ],
    "a NOTIFY nobody asked for gets 481": lambda: [
        *answered(),
        send("NOTIFY", 2, "Event: refer", "Subscription-State: active", REFERS, in_call=True),
        receive(481),
        *bye(3),
    ],
    "a second BYE gets 481": lambda: [
        *answered(),
        *bye(2),
        send("BYE", 3, in_call=True),
        receive(481),
    ],
}


@pytest.fixture
def sipp(tmp_path: Path) -> Sipp:
    folder = tmp_path / "sipp"
    folder.mkdir()
    return Sipp(folder)


async def play_all(house: House, sipp: Sipp, scenarios: dict[str, Steps]) -> None:
    """On one engine, so that none leaves anything behind that hurts the next."""
    assert house.listening is not None
    failed = []
    for number, (what, steps) in enumerate(scenarios.items(), 1):
        try:
            await sipp.play(f"scenario-{number}", steps(), house.listening.sip)
        except AssertionError as error:
            failed.append(f"{what}: {error}")
    assert not failed, "\n".join(failed)
    assert house.engine.exchange is not None
    assert not house.engine.exchange.visits


async def test_a_caller_who_follows_our_refer_and_tells_so_is_let_go(
    build_house: Callable[..., Awaitable[House]], sipp: Sipp, tmp_path: Path
) -> None:
    """RFC 3515, with a peer that is no work of ours: REFER, 202, NOTIFY of 100 and 200, BYE."""
    listen = HostPort("127.0.0.1", 0)
    gate = SipSettings(listen=listen, dial=("tel:+1555",), gateway="sip:127.0.0.1:5999", transfer="refer")
    house = await build_house(sip=gate, menu=small_menu(tmp_path / "menus"))
    assert house.listening is not None
    told = ("Event: refer", REFERS)

    def tells(sequence: int, line: str, state: str) -> list[str]:
        how = {"body": line, "content": "message/sipfrag;version=2.0"}
        headers = (*told, f"Subscription-State: {state}")
        return [send("NOTIFY", sequence, *headers, **how, in_call=True), receive(200, CSeq=f"{sequence} NOTIFY")]  # type: ignore[arg-type]

    allowed = "Allow: INVITE, ACK, BYE, CANCEL, REFER, NOTIFY"
    steps = [
        *answered(allowed)[:-1],
        *takes("REFER", 202, Refer_To="15550199@127.0.0.1:5999"),
        *tells(2, "SIP/2.0 100 Trying", "active;expires=60"),
        *tells(3, "SIP/2.0 200 OK", "terminated;reason=noresource"),
        *takes("BYE"),
    ]
    await sipp.play("refer", steps, house.listening.sip)
    record = await house.record()
    assert record["end"] == {"by": "system", "reason": "transferred to tel:+15550199"}


async def test_every_refusal_says_what_is_missing(house: House, sipp: Sipp) -> None:
    await play_all(house, sipp, REFUSALS)


async def test_what_happens_inside_a_call_is_answered_and_leaves_the_call_alone(house: House, sipp: Sipp) -> None:
    await play_all(house, sipp, IN_A_CALL)
