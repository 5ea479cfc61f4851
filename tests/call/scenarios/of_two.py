"""An agent with two calls: a colleague is asked, and gets the caller, or talks along. ICI section 6.3, 5c."""

from __future__ import annotations

import time

from call.scenarios.people import Agent, Caller, until
from call.scenarios.scene import Scene, scenario
from call.scenarios.sent_on import MARKS, ODD, odd_document
from sounds import tone_level

from ivr.ici.attached_data import build
from ivr.ici.switchboard import PhoneCallItem

RINGING_TONE = 425.0
"""Hertz, ITU-T E.180."""


async def asked(scene: Scene) -> tuple[Caller, Agent, Agent, PhoneCallItem, PhoneCallItem]:
    """The caller, ann who has asked bob, bob who has picked up, ann's item and that of bob."""
    ann, bob = await scene.agent("ann"), await scene.agent("bob", ready=False)
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.asks("consult", item.id, bob.user)
    await ann.sees("held", item.id)
    await ann.sees("dialing")
    offered = await bob.sees("alerting")
    assert offered.attached_data == item.attached_data, "the colleague sees another document"
    await bob.picks_up()
    await bob.sees("connected")
    return caller, ann, bob, item, offered


@scenario(
    "A word with the colleague, back and forth, then the caller is his: with both documents and SAP's marks."
)
async def warm_transfer(scene: Scene) -> None:
    caller, ann, bob, item, offered = await asked(scene)
    consult = await ann.sees("connected")
    mark = caller.voice.mark
    await scene.talk(ann, bob)
    scene.kept_from(caller, ann, mark)
    scene.kept_from(caller, bob, mark)
    await scene.music_for(caller)
    await ann.is_refused("ICI-STATE", "hold", item.id, saying="hold not allowed in state")
    await bob.asks("set_attached_data", offered.id, build("NOTES", {"TEXT": "sees to it"}))
    await ann.is_told_data()
    await ann.asks("set_attached_data", item.id, odd_document())
    await ann.asks("set_attached_data", item.id, build("CRM_IC/MCM", MARKS))
    await ann.asks("toggle", item.id, consult.id)
    await ann.sees("held", consult.id)
    await ann.sees("connected", item.id)
    assert "talking to the caller" in (await bob.sees("connected", offered.id)).description
    mark = bob.voice.mark
    await scene.talk(caller, ann)
    scene.kept_from(bob, caller, mark)
    scene.kept_from(bob, ann, mark)
    await ann.asks("toggle", item.id, consult.id)
    await ann.sees("connected", consult.id)
    assert "asks about a caller" in (await bob.sees("connected", offered.id)).description
    await scene.talk(ann, bob)
    await ann.asks("warm_transfer", item.id, consult.id)
    for mine in (item, consult):
        assert (await ann.newest(mine.id, "ended")).reason == "transferred"
    await ann.is_hung_up_on()
    now = await bob.sees("connected", offered.id)
    assert now.remote_numbers == item.remote_numbers == (scene.caller_number,)
    assert now.description == f"handed over by {ann.user}"
    document = scene.blocks(now.attached_data)
    assert (document["CRM_IC/MCM"], document["NOTES"]) == (MARKS, {"TEXT": "sees to it"})
    assert ODD in now.attached_data
    await scene.talk(caller, bob)
    cyd = await scene.agent("cyd", ready=False)
    again = await bob.asks("consult", now.id, cyd.user)
    assert again != consult.id
    await bob.sees("dialing", again)
    await cyd.sees("alerting")
    await cyd.phone.rings()
    await bob.asks("drop", again)
    await bob.sees("connected", now.id)
    assert (await cyd.sees("ended")).reason == "abandoned"
    await cyd.phone.stops_ringing()
    await scene.talk(caller, bob)
    await caller.hangs_up()
    assert (await bob.newest(now.id, "ended")).reason == "normal"
    await bob.is_hung_up_on()
    await ann.ends_wrap_up()
    await bob.ends_wrap_up("Not ready")
    await scene.over()
    assert scene.record["handoff"]["agent"] == bob.user
    assert scene.offers()[:3] == [("ann", "answered"), ("ann", "consultation"), ("bob", "answered")]


@scenario("The colleague is asked and let go; the caller is the agent's again.")
async def consult_and_drop(scene: Scene) -> None:
    caller, ann, bob, item, _ = await asked(scene)
    consult = await ann.sees("connected")
    await scene.talk(ann, bob)
    await ann.asks("drop", consult.id)
    await ann.sees("ended", consult.id)
    await ann.sees("connected", item.id)
    await bob.sees("ended")
    await bob.is_hung_up_on()
    await scene.talk(caller, ann)
    await ann.asks("drop", item.id)
    await caller.is_hung_up_on()
    await ann.newest(item.id, "ended")
    await ann.ends_wrap_up()
    await scene.over()


@scenario("The colleague hangs up in the middle of the question; the caller is the agent's again.")
async def colleague_leaves(scene: Scene) -> None:
    caller, ann, bob, item, _ = await asked(scene)
    consult = await ann.sees("connected")
    await bob.hangs_up()
    await ann.sees("ended", consult.id)
    await ann.sees("connected", item.id)
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.newest(item.id, "ended")
    await ann.ends_wrap_up()
    await scene.over()
    (contact,) = await scene.stage.house.store.contacts(call_id=scene.visit.id)
    assert contact["agent"] == ann.user, "who never spoke with the customer has no share in his call"


@scenario("The colleague who is asked refuses on the screen; the caller is the agent's again.")
async def consult_refused(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob", ready=False)
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("consult", item.id, bob.user)
    offered = await bob.sees("alerting")
    await ann.sees("dialing")
    await bob.phone.rings()
    mark = ann.voice.mark
    await until(lambda: tone_level(ann.voice.since(mark), RINGING_TONE) > 0.5, "ann hears the ringing tone")
    await bob.asks("reject", offered.id)
    await bob.sees("ended")
    assert (await ann.sees("ended")).reason == "rejected"
    await ann.sees("connected", item.id)
    await bob.phone.stops_ringing()
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.newest(item.id, "ended")
    await ann.ends_wrap_up()
    await scene.over()


@scenario("All three talk; what one of them writes the other sees; the first agent leaves the other two together.")
async def conference(scene: Scene) -> None:
    caller, ann, bob, item, offered = await asked(scene)
    consult = await ann.sees("connected")
    await ann.asks("conference", item.id, consult.id)
    parties = await ann.sees("conferenced", item.id), await bob.sees("conferenced", offered.id)
    assert [one.remote_numbers for one in parties] == [
        (scene.caller_number, bob.user),
        (scene.caller_number, ann.user),
    ]
    await scene.talk(caller, ann, bob)
    await bob.asks("set_attached_data", offered.id, build("NOTES", {"TEXT": "all agree"}))
    told = await ann.is_told_data()
    assert (told.item_id, scene.blocks(told.document)["NOTES"]) == (item.id, {"TEXT": "all agree"})
    await ann.asks("set_attached_data", item.id, odd_document())
    told = await bob.is_told_data()
    assert told.item_id == offered.id
    assert ODD in told.document
    await ann.asks("mute", item.id)
    await ann.sees("conferenced", item.id)
    marks = caller.voice.mark, bob.voice.mark
    await scene.step("ann speaks, and is muted")
    await ann.voice.say()
    scene.kept_from(caller, ann, marks[0])
    scene.kept_from(bob, ann, marks[1])
    await ann.asks("unmute", item.id)
    await ann.sees("conferenced", item.id)
    await scene.talk(caller, ann, bob)
    await ann.hangs_up()
    await ann.newest(item.id, "ended")
    await scene.talk(caller, bob)
    await bob.asks("drop", offered.id)
    await bob.newest(offered.id, "ended")
    await caller.is_hung_up_on()
    await ann.ends_wrap_up()
    await bob.ends_wrap_up("Not ready")
    await scene.over()


@scenario("All three talk, and the caller hangs up: nobody is left with nobody.")
async def caller_leaves_conference(scene: Scene) -> None:
    caller, ann, bob, item, offered = await asked(scene)
    consult = await ann.sees("connected")
    await ann.asks("conference", item.id, consult.id)
    await bob.sees("conferenced", offered.id)
    await scene.talk(caller, ann, bob)
    await caller.hangs_up()
    await ann.newest(item.id, "ended")
    await bob.newest(offered.id, "ended")
    await ann.is_hung_up_on()
    await bob.is_hung_up_on()
    await ann.ends_wrap_up()
    await bob.ends_wrap_up("Not ready")
    await scene.over()
    contacts = await scene.stage.house.store.contacts(call_id=scene.visit.id)
    assert {one["agent"] for one in contacts} == {ann.user, bob.user}, "wrap-up, and nothing to write it to"


@scenario("All three talk, one of them at a listed number outside; the agent leaves by the screen.")
async def conference_with_number(scene: Scene) -> None:
    outside = await scene.outside()
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("consult", item.id, outside.uri)
    await ann.sees("dialing")
    other = await scene.answers(outside)
    consult = await ann.sees("connected")
    await scene.talk(ann, other)
    await ann.asks("conference", item.id, consult.id)
    await ann.sees("conferenced", item.id)
    await scene.talk(caller, ann, other)
    await ann.asks("drop", item.id)
    await ann.newest(item.id, "ended")
    await ann.is_hung_up_on()
    await scene.talk(caller, other)
    await other.call.hang_up()
    await caller.is_hung_up_on()
    await scene.over(ann)
    assert scene.record["end"]["by"] == "outside"


@scenario("The agent hangs up on a caller in music: the caller waits again, the time with agents not counted.")
async def asker_leaves_music(scene: Scene) -> None:
    caller, ann, bob, item, _ = await asked(scene)
    consult = await ann.sees("connected")
    left = time.monotonic()
    await ann.hangs_up()
    await ann.newest(consult.id, "ended")
    assert (await ann.newest(item.id, "ended")).reason == "failed"
    assert (await bob.sees("ended")).reason == "normal"
    await bob.is_ready()
    again = await bob.sees("alerting")
    assert scene.blocks(again.attached_data)["SAP-IC"]["PREVIOUS"] == item.id
    await bob.picks_up()
    await bob.sees("connected")
    alone = time.monotonic() - left
    await scene.talk(caller, bob)
    await caller.hangs_up()
    await bob.newest(again.id, "ended")
    await ann.ends_wrap_up()
    await bob.ends_wrap_up()
    await scene.over(incidents=("ann hung up on a caller on hold",))
    first, second = scene.record["handoffs"]
    assert (first["agent"], second["agent"]) == (ann.user, bob.user)
    assert second["waited"] < first["waited"] + alone + 0.5, "the time spent talking counts as waiting"


@scenario("A listed number outside is asked, and gets the caller.")
async def warm_to_number(scene: Scene) -> None:
    outside = await scene.outside()
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("consult", item.id, outside.uri)
    await ann.sees("dialing")
    other = await scene.answers(outside)
    consult = await ann.sees("connected")
    await scene.talk(ann, other)
    await ann.asks("warm_transfer", item.id, consult.id)
    await ann.newest(item.id, "ended")
    await ann.newest(consult.id, "ended")
    await ann.is_hung_up_on()
    await scene.talk(caller, other)
    await caller.hangs_up()
    await scene.over(ann)
    await until(lambda: other.call.is_over, "the call outside is over")
