"""Who answers: one program for each stack. ``python -m benchmarks.signalling.answering STACK PORT SERVER_PORT``

It says `ready` on standard output and answers every call at once, with a session description, until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from ivr.call.signalling import Signalling
from ivr.clock import SystemClock
from ivr.engine.memory import settle
from ivr.sdp import LocalMedia, SessionDescription, answer
from ivr.sip.events import IncomingCall, Output, UserAgentSettings
from ivr.sip.limits import Limits
from ivr.sip.trace import Trace
from ivr.sip.user_agent import UserAgent

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)
NO_LIMIT = 1_000_000


def ready() -> None:
    print("ready", flush=True)


async def ivr(port: int) -> None:
    """This package's signalling with its guard and its trace: everything of `ivr serve` but menu and sound."""
    limits = Limits(NO_LIMIT, 5, NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT)
    agent = UserAgent(UserAgentSettings(limits=limits))

    def on_event(event: Output) -> None:
        if isinstance(event, IncomingCall):
            signalling.ring(event.leg)
            local = LocalMedia("127.0.0.1", 40002, session_id=1, version=1)
            agreed = answer(SessionDescription.parse(event.offer), local)
            signalling.answer(event.leg, agreed.description.encode())

    signalling = Signalling(agent, SystemClock(), on_event, trace=Trace(8 << 20))
    settle()
    await signalling.bind("127.0.0.1", port, tcp=False)
    ready()
    await asyncio.Event().wait()


def sippy(port: int) -> None:
    from sippy.CCEvents import CCEventConnect, CCEventRing, CCEventTry
    from sippy.Core.EventDispatcher import ED2
    from sippy.MsgBody import MsgBody
    from sippy.SipLogger import SipLogger
    from sippy.SipTransactionManager import SipTransactionManager
    from sippy.UA import UA

    def on_event(event: Any, ua: Any) -> None:
        if isinstance(event, CCEventTry):
            ua.recvEvent(CCEventRing((180, "Ringing", None)))
            ua.recvEvent(CCEventConnect((200, "OK", MsgBody(SDP))))

    def on_request(request: Any, transaction: Any) -> Any:
        if request.getHFBody("to").getTag() is not None:
            return request.genResponse(481, "Call Leg/Transaction Does Not Exist"), None, None
        if request.getMethod() == "INVITE":
            return UA(config, on_event).recvRequest(request, transaction)
        return request.genResponse(501, "Not Implemented"), None, None

    config: dict[str, Any] = {"_sip_address": "127.0.0.1", "_sip_port": port}
    config["_sip_logger"] = SipLogger("bench")
    config["_sip_tm"] = SipTransactionManager(config, on_request)
    ready()
    ED2.loop()


def pyvoip(port: int, server_port: int) -> None:
    from pyVoIP.VoIP import PhoneStatus, VoIPPhone

    phone = VoIPPhone(
        "127.0.0.1", server_port, "bench", "bench", myIP="127.0.0.1", sipPort=port, rtpPortLow=30_000,
        rtpPortHigh=60_000, callCallback=lambda call: call.answer(),
    )  # fmt: skip
    phone.start()
    while phone.get_status() != PhoneStatus.REGISTERED:
        time.sleep(0.05)
    ready()
    time.sleep(86_400)


def main() -> None:
    stack, port, server_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if stack == "ivr":
        asyncio.run(ivr(port))
    elif stack == "sippy":
        sippy(port)
    else:
        pyvoip(port, server_port)


if __name__ == "__main__":
    main()
