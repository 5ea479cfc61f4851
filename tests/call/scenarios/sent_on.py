"""Callers an agent lets go of: to a colleague, a queue, a step of the menu, a number outside."""

from __future__ import annotations

from call.scenarios.scene import Scene, scenario

from ivr.ici.attached_data import build

MARKS = {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "005056A1B2C31ED"}
ODD = """<Application  id='ODD' a="1"> <X/>\n <Y b='2'>&lt;<![CDATA[&]]></Y></Application>"""
"""A block as nobody here would write it: it must stay octet by octet."""
NOTES = {"TEXT": '<two> bills & "one" paid, señor'}
"""What needs escaping once, and only once."""


def odd_document() -> str:
    return f"<ItemAttachedData>{ODD}</ItemAttachedData>"


@scenario(
    "A blind transfer to a colleague takes the whole document along, with SAP's marks; wiped marks are put back."
)
async def blind_to_agent(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob", ready=False)
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    await ann.asks("set_attached_data", item.id, odd_document())
    await ann.is_refused(
        "ICI-STATE", "blind_transfer", item.id, scene.user("cyd"), saying="is Logged Off; only who is Available"
    )
    await ann.asks("blind_transfer", item.id, bob.user, build("CRM_IC/MCM", MARKS))
    ended = await ann.sees("ended")
    assert ended.reason == "transferred"
    offered = await bob.sees("alerting")
    assert offered.attached_data == ended.attached_data
    assert scene.blocks(offered.attached_data)["SAP-IC"]["PREVIOUS"] == item.id
    assert ODD in offered.attached_data
    assert scene.blocks(offered.attached_data)["CRM_IC/MCM"] == MARKS
    await ann.is_hung_up_on()
    await bob.asks("accept", offered.id)
    await bob.picks_up()
    await bob.sees("connected")
    await scene.talk(caller, bob)
    await bob.asks("set_attached_data", offered.id, build("CRM_IC/MCM", {"FWDTYPE": "", "FWDPREHANDLE": "X"}))
    told = await bob.is_told_data()
    assert scene.blocks(told.document)["CRM_IC/MCM"] == MARKS
    assert ODD in told.document
    await caller.hangs_up()
    await bob.sees("ended")
    await ann.ends_wrap_up()
    await bob.ends_wrap_up("Not ready")
    await scene.over(incidents=("bob wrote over CRM_IC/MCM FWDTYPE, CRM_IC/MCM FWDPREHANDLE; kept",))
    assert [one["onward"] for one in scene.record["handoffs"]] == [bob.user, None]


@scenario("The colleague of a blind transfer is busy: the caller comes back to the agent, wrap-up or not.")
async def blind_refused(scene: Scene) -> None:
    ann, bob = await scene.agent("ann"), await scene.agent("bob", ready=False)
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("set_attached_data", item.id, build("NOTES", NOTES))
    await ann.asks("blind_transfer", item.id, bob.user)
    await ann.sees("ended")
    await bob.sees("alerting")
    await bob.declines()
    assert (await bob.sees("ended")).reason == "rejected"
    again = await ann.sees("alerting")
    assert again.id != item.id
    assert again.description == f"back from your transfer, {bob.user} refused"
    assert scene.blocks(again.attached_data)["NOTES"] == NOTES
    assert scene.blocks(again.attached_data)["SAP-IC"]["PREVIOUS"] == item.id
    await ann.picks_up()
    await ann.sees("connected")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.sees("ended")
    await scene.over(ann)


@scenario("A blind transfer to another queue.")
async def blind_to_queue(scene: Scene) -> None:
    ann, cyd = await scene.agent("ann"), await scene.agent("cyd")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("blind_transfer", item.id, f"queue:{scene.second_queue}", build("CRM_IC/MCM", MARKS))
    assert (await ann.sees("ended")).reason == "transferred"
    offered = await cyd.sees("alerting")
    assert offered.queue_id == scene.second_queue
    assert offered.description == f"sent by {ann.user}"
    assert scene.blocks(offered.attached_data)["CRM_IC/MCM"] == MARKS
    await cyd.picks_up()
    await cyd.sees("connected")
    await scene.talk(caller, cyd)
    await cyd.asks("drop", offered.id)
    await cyd.sees("ended")
    await caller.is_hung_up_on()
    await scene.over(ann, cyd)


@scenario("Back to a step of the menu, which reads what the agent has entered, and so leads to another agent.")
async def back_to_menu(scene: Scene) -> None:
    ann, cyd = await scene.agent("ann"), await scene.agent("cyd")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await scene.talk(caller, ann)
    ours = scene.blocks(item.attached_data)["SAP-IC"]
    await ann.asks("set_attached_data", item.id, build("SAP-IC", ours | {"WISH": scene.name}))
    await ann.is_refused(
        "ICI-BAD-VALUE", "blind_transfer", item.id, "menu:nowhere", saying="has no step 'nowhere'"
    )
    await ann.asks("blind_transfer", item.id, "menu:after_agent")
    assert (await ann.sees("ended")).reason == "transferred"
    offered = await cyd.sees("alerting")
    block = scene.blocks(offered.attached_data)["SAP-IC"]
    assert (block["WISH"], block["PREVIOUS"]) == (scene.name, item.id)
    await cyd.picks_up()
    await cyd.sees("connected")
    await scene.talk(caller, cyd)
    await caller.hangs_up()
    await cyd.sees("ended")
    await scene.over(ann, cyd)
    assert "after_agent" in scene.record["path"]
    changes = scene.record["handoffs"][0]["attached_data_changes"][-1]["changes"]
    assert [(one["field"], one["new"]) for one in changes] == [("WISH", scene.name)]


@scenario("A blind transfer to a listed number outside; one that is not listed is refused.")
async def blind_to_number(scene: Scene) -> None:
    outside = await scene.outside()
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.is_refused(
        "ICI-BAD-VALUE", "blind_transfer", item.id, "+4930123456", saying="is not listed in sip.dial"
    )
    await ann.asks("blind_transfer", item.id, outside.uri)
    assert (await ann.sees("ended")).reason == "transferred"
    await ann.is_hung_up_on()
    other = await scene.answers(outside)
    await scene.talk(caller, other)
    await other.call.hang_up()
    await caller.is_hung_up_on()
    await scene.over(ann)
    assert scene.record["end"]["by"] == "outside"
    assert scene.record["handoff"]["onward"] == outside.uri


@scenario("The number of a blind transfer is busy: the caller comes back to the agent.")
async def blind_to_busy_number(scene: Scene) -> None:
    outside = await scene.outside()
    ann = await scene.agent("ann")
    caller = await scene.caller()
    item = await scene.taken_by(ann)
    await ann.asks("blind_transfer", item.id, outside.uri)
    await ann.sees("ended")
    await outside.decline()
    again = await ann.sees("alerting")
    number = outside.uri.removeprefix("tel:")
    assert again.description == f"back from your transfer, {number}: busy (486)"
    await ann.picks_up()
    await ann.sees("connected")
    await scene.talk(caller, ann)
    await caller.hangs_up()
    await ann.sees("ended")
    await scene.over(ann, incidents=("did not take the call: 486", "could not be reached"))
