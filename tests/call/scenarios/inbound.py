"""Callers who reach an agent, or another one, and how their calls end."""

from __future__ import annotations

from call.scenarios.people import until
from call.scenarios.scene import Scene, scenario


@scenario(
    "A caller is routed to an agent, who accepts on the screen; the caller hangs up. ICI section 6.3, 1 to 5a."
)
async def routed_inbound(scene: Scene) -> None:
    ann = await scene.agent("ann")
    rung: list[int] = []
    ann.on_alerting = lambda: rung.append(ann.phone.rung)
    caller = await scene.caller()
    item = await ann.sees("alerting")
    assert rung == [0], "the telephone rang before the screen was told"
    fields = scene.blocks(item.attached_data)["SAP-IC"]
    assert (fields["REASON"], fields["CALLER"]) == (f"NUMBER_{scene.number}", scene.caller_number)
    assert fields["NUMBER"] == str(scene.number), "what the caller has keyed is not with the first event"
    await ann.is_refused("ICI-STATE", "hold", item.id, saying="hold not allowed in state")
    await ann.asks("accept", item.id)
    await ann.picks_up()
    await ann.sees("connected")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    assert (await ann.sees("ended")).reason == "normal"
    await ann.is_hung_up_on()
    await scene.over(ann)
    assert scene.record["end"]["by"] == "caller"
    (contact,) = await scene.stage.house.store.contacts(call_id=scene.visit.id)
    assert (contact["id"], contact["agent"], contact["how"]) == (item.id, ann.user, "routed")


@scenario("The agent ends the call on the screen.")
async def agent_drops(scene: Scene) -> None:
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.is_refused("ICI-STATE", "unhold", item.id, saying="unhold not allowed in state")
    await ann.asks("drop", item.id)
    await ann.sees("ended")
    await caller.is_hung_up_on()
    await ann.is_hung_up_on()
    await scene.over(ann)
    assert scene.record["end"]["by"] == "agent"


@scenario("The agent ends the call at the telephone.")
async def agent_hangs_up(scene: Scene) -> None:
    ann = await scene.agent("ann")
    caller = await scene.caller()
    await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.hangs_up()
    await ann.sees("ended")
    await caller.is_hung_up_on()
    await scene.over(ann)
    assert scene.record["end"]["by"] == "agent"


@scenario("The caller hangs up while the agent's telephone rings. No wrap-up follows.")
async def caller_gives_up(scene: Scene) -> None:
    ann = await scene.agent("ann")
    caller = await scene.caller()
    await ann.sees("alerting")
    await ann.phone.rings()
    await caller.hangs_up()
    assert (await ann.sees("ended")).reason == "abandoned"
    await ann.phone.stops_ringing()
    await scene.over()
    assert scene.state(ann)[0] == "available"
    assert scene.record["handoff"]["outcome"] == "abandoned"


@scenario("The first agent rejects the call on the screen; the next one gets it.")
async def reject(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob")
    caller = await scene.caller()
    item = await ann.sees("alerting")
    await ann.asks("reject", item.id)
    assert (await ann.sees("ended")).reason == "rejected"
    offered = await bob.sees("alerting")
    assert offered.attached_data == item.attached_data
    await bob.picks_up()
    await bob.sees("connected")
    await scene.talk(caller, bob)
    await ann.phone.stops_ringing()
    await caller.hangs_up()
    await bob.sees("ended")
    await ann.is_ready()
    await scene.over(bob)
    assert scene.offers() == [("ann", "rejected"), ("bob", "answered")]


@scenario("The first agent's telephone rings for its time and nobody answers; the next one gets the call.")
async def no_answer(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob")
    caller = await scene.caller()
    await ann.sees("alerting")
    await ann.phone.rings()
    await ann.sees("ended")
    await ann.phone.stops_ringing()
    await bob.sees("alerting")
    await bob.picks_up()
    await bob.sees("connected")
    await scene.talk(caller, bob)
    await bob.hangs_up()
    await bob.sees("ended")
    await caller.is_hung_up_on()
    await ann.is_ready()
    await scene.over(bob)
    assert scene.offers() == [("ann", "missed"), ("bob", "answered")]


@scenario("The agent sends the call that rings to another queue, where somebody else has it.")
async def reroute(scene: Scene) -> None:
    ann, cyd = await scene.agent("ann"), await scene.agent("cyd")
    caller = await scene.caller()
    item = await ann.sees("alerting")
    await ann.is_refused("ICI-BAD-VALUE", "reroute", item.id, "nowhere", saying="no queue 'nowhere'")
    await ann.asks("reroute", item.id, scene.second_queue)
    assert (await ann.sees("ended")).reason == "rerouted"
    offered = await cyd.sees("alerting")
    assert offered.queue_id == scene.second_queue
    await cyd.asks("accept", offered.id)
    await cyd.picks_up()
    await cyd.sees("connected")
    await scene.talk(caller, cyd)
    await caller.hangs_up()
    await cyd.sees("ended")
    await scene.over(cyd)


@scenario("The agent holds the call and takes it back: music meanwhile, and nobody hears the other.")
async def hold(scene: Scene) -> None:
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.asks("hold", item.id)
    await ann.sees("held")
    marks = caller.voice.mark, ann.voice.mark
    await scene.music_for(caller)
    await ann.voice.say()
    await caller.voice.say()
    scene.kept_from(caller, ann, marks[0])
    scene.kept_from(ann, caller, marks[1])
    await ann.is_refused("ICI-STATE", "hold", item.id, saying="hold not allowed in state")
    await ann.asks("unhold", item.id)
    await ann.sees("connected")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.sees("ended")
    await scene.over(ann)


@scenario("The agent presses keys on the screen, and the caller's side hears them.")
async def keys_by_the_agent(scene: Scene) -> None:
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.asks("send_dtmf", item.id, "42#")
    keys = caller.voice.call.sound.keys
    await until(lambda: keys == ["4", "2", "#"], f"the caller's side hears the keys: {keys}")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.sees("ended")
    await scene.over(ann)
