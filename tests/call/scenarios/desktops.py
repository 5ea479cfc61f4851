"""Desktops that are dead, that come back, and that are logged on twice. AGENTS_AND_HANDOFF H3, ICI section 6.2."""

from __future__ import annotations

from call.scenarios.people import Agent, Caller
from call.scenarios.scene import Scene, scenario

from ivr.ici.switchboard import PhoneCallItem
from ivr.testing.crm_peer import Mode


async def goes_to_bob(scene: Scene, ann: Agent, bob: Agent, caller: Caller) -> PhoneCallItem:
    """Ann's desktop takes nothing: the caller is bob's, with his place kept, and ann's telephone is free."""
    offered = await bob.sees("alerting")
    await bob.asks("accept", offered.id)
    await bob.picks_up()
    await bob.sees("connected")
    await scene.talk(caller, bob)
    await ann.phone.stops_ringing()
    state = scene.state(ann)
    assert state == ("not_ready", "screen_lost"), state
    return offered


async def comes_back(scene: Scene, ann: Agent, bob: Agent, caller: Caller, *, found: bool) -> None:
    """The desktop lives again, and is found by us, or logs on: ann is ready, as before, and sees nothing of the
    call that went by. One that cannot be reached is asked again; one that has answered no must log on."""
    if not found:
        await ann.logs_on_again()
    await ann.is_told("Ready")
    await caller.hangs_up()
    await bob.sees("ended")
    await scene.over(bob)
    assert scene.offers()[-1] == ("bob", "answered")
    assert scene.offers()[0][0] == "ann"


@scenario("The desktop's callback address refuses connections.")
async def desktop_refuses(scene: Scene) -> None:
    crm = await scene.crm()
    ann, bob = await scene.agent("ann", crm=crm), await scene.agent("bob")
    await crm.stop_listening()
    caller = await scene.caller()
    await goes_to_bob(scene, ann, bob, caller)
    await ann.can_be_reached_again()
    await crm.listen_again()
    await comes_back(scene, ann, bob, caller, found=True)


@scenario(
    "The desktop's callback address takes events and never answers; the telephone rings, and nobody is there."
)
async def desktop_is_silent(scene: Scene) -> None:
    crm = await scene.crm()
    ann, bob = await scene.agent("ann", crm=crm), await scene.agent("bob")
    crm.mode = Mode.SILENT
    caller = await scene.caller()
    await ann.phone.rings()
    await goes_to_bob(scene, ann, bob, caller)
    await ann.can_be_reached_again()
    crm.mode = Mode.ANSWERS
    await comes_back(scene, ann, bob, caller, found=True)


@scenario("The desktop answers with a SOAP fault.")
async def desktop_faults(scene: Scene) -> None:
    crm = await scene.crm()
    ann, bob = await scene.agent("ann", crm=crm), await scene.agent("bob")
    crm.mode = Mode.FAULTS
    caller = await scene.caller()
    await goes_to_bob(scene, ann, bob, caller)
    crm.mode = Mode.ANSWERS
    await comes_back(scene, ann, bob, caller, found=False)


@scenario("The desktop answers 401, as an old session of SAP does.")
async def desktop_says_401(scene: Scene) -> None:
    crm = await scene.crm()
    ann, bob = await scene.agent("ann", crm=crm), await scene.agent("bob")
    crm.mode = Mode.UNAUTHORISED
    caller = await scene.caller()
    await goes_to_bob(scene, ann, bob, caller)
    crm.mode = Mode.ANSWERS
    await comes_back(scene, ann, bob, caller, found=False)


@scenario("The desktop answers late: the telephone rings all the same, and the call is the agent's.")
async def desktop_is_slow(scene: Scene) -> None:
    crm = await scene.crm()
    ann = await scene.agent("ann", crm=crm)
    crm.mode, crm.delay = Mode.SLOW, 1.5
    caller = await scene.caller()
    await ann.sees("alerting")
    await ann.picks_up()
    await ann.sees("connected")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.sees("ended")
    crm.mode = Mode.ANSWERS
    await scene.over(ann)
    assert scene.stage.exchange.late_pops >= 1


@scenario("The browser is dead and SAP finds out as the call comes: it rejects the call and logs the agent off.")
async def heartbeat_lost(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob")
    ann.loses_heartbeat()
    caller = await scene.caller()
    item = await ann.sees("alerting")
    offered = await bob.sees("alerting")
    assert offered.attached_data == item.attached_data
    await bob.picks_up()
    await bob.sees("connected")
    await scene.talk(caller, bob)
    await ann.phone.stops_ringing()
    assert scene.state(ann)[0] == "off"
    await ann.logs_on_again()
    await ann.is_told("Not ready")
    await caller.hangs_up()
    await bob.sees("ended")
    await scene.over(bob)
    assert scene.offers() == [("ann", "rejected"), ("bob", "answered")]


@scenario(
    "A second log-on in the middle of a call: the first desktop is told why it ends, the second has the call."
)
async def second_log_on(scene: Scene) -> None:
    first, second = await scene.crm(), await scene.crm()
    ann = await scene.agent("ann", crm=first)
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    again = await scene.desktop("ann", ann.phone, "ann, second desktop", ready=False, crm=second, told="Ready")
    again.voice = ann.voice
    assert (await ann.loses_subscription()).reason == "superseded"
    shown = await again.sees("connected")
    assert (shown.id, shown.attached_data) == (item.id, item.attached_data)
    await scene.talk(caller, again)
    await again.asks("hold", item.id)
    await again.sees("held")
    await again.asks("unhold", item.id)
    await again.sees("connected")
    await again.asks("drop", item.id)
    await again.sees("ended")
    await caller.is_hung_up_on()
    await scene.over(again)
    assert scene.offers() == [("ann", "answered")], "counted twice"
