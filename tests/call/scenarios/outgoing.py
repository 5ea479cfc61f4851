"""Calls that agents make: to a listed number, and to a colleague."""

from __future__ import annotations

from call.scenarios.scene import Scene, scenario

from ivr.ici.attached_data import build


@scenario("An agent dials a listed number: the own telephone first. No contact is opened, and no wrap-up follows.")
async def dial(scene: Scene) -> None:
    ann = await scene.agent("ann", ready=False)
    await ann.is_refused("ICI-BAD-VALUE", "dial", "+4930123456", saying="not listed")
    item_id = await ann.asks("dial", scene.caller_number, build("NOTES", {"TEXT": "about the meter"}))
    dialling = await ann.sees("dialing")
    assert (dialling.id, dialling.direction) == (item_id, "outbound")
    await ann.picks_up()
    customer = await scene.answers(scene.stage.gateway)
    await ann.sees("connected")
    scene.visit = scene.visit_of(scene.caller_number)
    await scene.talk(ann, customer)
    await ann.asks("hold", item_id)
    await ann.sees("held")
    await ann.asks("unhold", item_id)
    await ann.sees("connected")
    await scene.talk(ann, customer)
    await ann.asks("drop", item_id)
    await ann.sees("ended")
    await ann.is_hung_up_on()
    await ann.is_told("Not ready")
    await scene.over()
    assert await scene.stage.house.store.contacts(call_id=scene.visit.id) == []


@scenario("An agent dials a colleague, who sees who asks, and no customer's data. No contact, no wrap-up.")
async def dial_colleague(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob", ready=False)
    await ann.is_refused("ICI-STATE", "dial", scene.user("cyd"), saying="is Logged Off; only who is Available")
    mine = await ann.asks("dial", bob.user, build("NOTES", {"TEXT": "about the rota"}))
    await ann.sees("dialing", mine)
    await ann.picks_up()
    asked = await bob.sees("alerting")
    assert (asked.direction, asked.remote_numbers, asked.queue_id) == ("inbound", (ann.user,), "")
    assert asked.description == ""
    assert scene.blocks(asked.attached_data) == {"NOTES": {"TEXT": "about the rota"}}
    scene.visit = scene.visit_of(ann.user)
    await bob.asks("accept", asked.id)
    await bob.picks_up()
    await ann.sees("connected", mine)
    await bob.sees("connected", asked.id)
    await scene.talk(ann, bob)
    await ann.asks("hold", mine)
    await ann.sees("held")
    await scene.music_for(bob)
    await ann.asks("unhold", mine)
    await ann.sees("connected")
    await bob.asks("set_attached_data", asked.id, build("NOTES", {"TEXT": "agreed"}))
    assert (await ann.is_told_data()).item_id == mine
    await scene.talk(ann, bob)
    await bob.hangs_up()
    await ann.sees("ended", mine)
    await bob.sees("ended", asked.id)
    await ann.is_hung_up_on()
    await ann.is_told("Ready")
    await bob.is_told("Not ready")
    await scene.over()
    assert await scene.stage.house.store.contacts(call_id=scene.visit.id) == []


@scenario("Who dialled a colleague asks a third, has them both in a conference, and leaves them together.")
async def dialled_colleague_is_handed_on(scene: Scene) -> None:
    ann, bob, cyd = [await scene.agent(name, ready=False) for name in ("ann", "bob", "cyd")]
    mine = await ann.asks("dial", bob.user)
    await ann.sees("dialing", mine)
    await ann.picks_up()
    theirs = await bob.sees("alerting")
    scene.visit = scene.visit_of(ann.user)
    await bob.picks_up()
    await ann.sees("connected", mine)
    await bob.sees("connected", theirs.id)
    consult = await ann.asks("consult", mine, cyd.user)
    await ann.sees("dialing", consult)
    asked = await cyd.sees("alerting")
    assert asked.remote_numbers == (ann.user,)
    await cyd.picks_up()
    await ann.sees("connected", consult)
    await scene.talk(ann, cyd)
    await scene.music_for(bob)
    await bob.is_refused("ICI-STATE", "consult", theirs.id, cyd.user, saying="allowed now")
    await ann.asks("conference", mine, consult)
    await ann.sees("conferenced", mine)
    await bob.sees("conferenced", theirs.id)
    await cyd.sees("conferenced", asked.id)
    await scene.talk(ann, bob, cyd)
    await ann.asks("drop", mine)
    await ann.newest(mine, "ended")
    await ann.is_hung_up_on()
    await bob.sees("connected", theirs.id)
    await cyd.sees("connected", asked.id)
    await scene.talk(bob, cyd)
    await bob.hangs_up()
    await cyd.newest(asked.id, "ended")
    await cyd.is_hung_up_on()
    for agent in (ann, bob, cyd):
        await agent.is_told("Not ready")
    await scene.over()
    assert await scene.stage.house.store.contacts(call_id=scene.visit.id) == []
