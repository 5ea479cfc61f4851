"""A call that is over leaves nothing behind for the garbage collector to find: its walks stop every other call."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from ivr.sip.events import CallEnded


@pytest.mark.parametrize("by", ["caller", "engine"])
def test_a_callers_call_is_forgotten_without_the_garbage_collector(make_wire: Callable[..., Any], by: str) -> None:
    wire = make_wire()
    gc.collect()
    gc.disable()
    try:
        wire.dial()
        wire.run(1.0)
        hanging = wire.caller if by == "caller" else wire.engine
        leg = "out" if by == "caller" else "in-1"
        wire.took(hanging, hanging.hang_up(leg, wire.now))
        wire.run(200.0)
        assert any(isinstance(event, CallEnded) for event in wire.ends_of(wire.engine))
        wire.events.clear()
        wire.packets.clear()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = {type(found).__name__ for found in gc.garbage}
        assert not left & {"IncomingLeg", "Served", "InviteServer"}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
