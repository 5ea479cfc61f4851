"""Calls whose sound is SRTP, with keys in SDP (RFC 4568)."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from call.test_handoff import ask_for_a_person
from call.test_transfer import both_ways
from house import Desk, House

from ivr.config import HostPort, SipSettings
from ivr.sip.events import IncomingCall, SendBytes
from ivr.testing.phone import Answering, ScriptedPhone


async def test_sound_is_protected_also_after_the_worker_died_and_keys_are_in_no_log_or_record(
    build_house: Callable[..., Awaitable[House]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ivr")
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), srtp="required"))
    assert "setting=sip.srtp" in caplog.text  # no TLS here
    plain = await house.phone()
    refused = await plain.dial(house.uri)
    assert refused.status == 488

    phone = ScriptedPhone("softphone", srtp="required")
    await phone.start()
    try:
        call = await phone.dial(house.uri)
        await call.wait_for_sound()
        await call.press("1")
        keys = [base64.b64encode(key).decode() for key in call.local.keys] if call.local else []
        assert call.agreement is not None and call.agreement.secured is not None
        keys.append(base64.b64encode(call.agreement.secured.remote_key).decode())
        died = call.sound.last_sound
        assert house.engine.exchange is not None
        (worker,) = house.engine.exchange.rooms.media.pids
        os.kill(worker, signal.SIGKILL)
        while not call.sessions:  # until the re-INVITE with new ports has come
            await call.wait_for_sound(10.0, after=died)
            died = call.sound.last_sound
        await call.wait_for_sound(10.0, after=died)
        fresh = call.agreement.secured
        assert fresh is not None
        keys.append(base64.b64encode(fresh.remote_key).decode())
        assert len(set(keys)) == 4
        await call.hang_up()
        record = await house.record()
    finally:
        await phone.stop()
    assert not [key for key in keys if key[:12] in caplog.text or key[:12] in json.dumps(record)]
    assert record["media"]["dropped"] == 0


class StrictPhone(ScriptedPhone):
    """One of those that do not take keys in plain RTP/AVP, and whose sound must be protected all the same."""

    async def _ring(self, incoming: IncomingCall) -> None:
        if b" RTP/SAVP " in incoming.offer:
            await super()._ring(incoming)
        else:
            self.rung += 1
            self.signalling.refuse(incoming.leg, 488)


async def test_a_telephone_that_wants_savp_is_asked_again_and_heard(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    """And when it no longer answers the refresh of its session, the caller gets another agent."""
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), srtp="offered"))
    strict = StrictPhone("desk1", answering=Answering(srtp="required"))
    await strict.start()
    desk = Desk("desk1", house.ici_url, strict)
    house._desks.append(desk)
    await desk.log_on()
    caller = await ask_for_a_person(house)
    agent = await strict.next_call()
    await desk.item("connected")
    assert strict.rung == 2, "asked more than once again"
    assert agent.agreement is not None and agent.agreement.secured is not None
    assert caller.agreement is not None and caller.agreement.secured is None
    await both_ways(caller, agent)

    second = await house.desk("desk2")
    exchange = house.engine.exchange
    assert exchange is not None
    user_agent, now = exchange.rooms.signalling.user_agent, exchange.rooms.clock.monotonic()
    strict.signalling._carry_out = lambda outputs: None  # type: ignore[method-assign]
    refreshed = user_agent.expire(now + 950.0)  # half of session_expires, and it is ours to do
    assert [b"INVITE" in output.data for output in refreshed if isinstance(output, SendBytes)] == [True]
    exchange.rooms.signalling._carry_out(refreshed)
    exchange.rooms.signalling._carry_out(user_agent.expire(now + 1000.0))  # silence for more than 32 s
    assert (await desk.item("ended")).reason == "failed"
    await second.item("connected")
    assert not caller.is_over
    await caller.hang_up()
    assert [one["agent"] for one in (await house.record())["handoffs"]] == ["desk1", "desk2"]
