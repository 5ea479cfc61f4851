"""Calls whose sound is SRTP, with keys in SDP (RFC 4568)."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from house import House

from ivr.config import HostPort, SipSettings
from ivr.testing.phone import ScriptedPhone


async def test_sound_is_protected_also_after_the_worker_died_and_keys_are_in_no_log_or_record(
    build_house: Callable[..., Awaitable[House]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ivr")
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), srtp="required"))
    assert "srtp_keys_readable" in caplog.text  # no TLS here
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
