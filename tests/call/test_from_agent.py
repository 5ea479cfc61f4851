"""What an agent enters on the screen leads the caller's menu when he comes back, and the next agent sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

from call.test_handoff import ask_for_a_person
from call.test_transfer import in_step
from house import House

from ivr.config import MenuSettings, shipped
from ivr.ici.attached_data import build, read

STEP = """
  after_agent:
    type: check
    allow: [{proof: unreachable, why: agents send callers here}]
    when: [{if: agent_wish == 'outage', go: outage_kind}]
    else: main
"""


def menus_that_read(folder: Path) -> Path:
    """The sample menu, with a field that agents fill in and a step for callers they send back."""
    shutil.copytree(shipped("menus"), folder)
    menu = folder / "northgas.yaml"
    text = menu.read_text("utf-8")
    text = text.replace("  fields: {ACCOUNT:", "  from_agent: {WISH: agent_wish}\n  fields: {ACCOUNT:")
    menu.write_text(text + STEP, "utf-8")
    return folder


async def test_what_an_agent_enters_leads_the_caller_and_the_next_agent_sees_it(
    build_house: object, tmp_path: Path
) -> None:
    menu = MenuSettings(folder=menus_that_read(tmp_path / "menus"), audio=shipped("audio"))
    house: House = await build_house(menu=menu)  # type: ignore[operator]
    desk = await house.desk("desk1")
    call = await ask_for_a_person(house)
    first = await desk.item("connected")
    ours = read(first.attached_data)["SAP-IC"]
    await desk.client.set_attached_data(first.id, build("SAP-IC", ours | {"WISH": "outage"}))
    await desk.client.blind_transfer(first.id, "menu:after_agent")
    await desk.ends(first.id, "connected", "ended")
    await in_step(house, "outage_kind")
    await call.press("0")
    again = await desk.item("connected", after=desk.statuses.index("ended"))
    assert read(again.attached_data)["SAP-IC"]["WISH"] == "outage"
    assert again.id != first.id
    await call.hang_up()
    record = await house.record()
    assert record["incidents"] == []
    assert [one["field"] for one in record["handoffs"][0]["attached_data_changes"][-1]["changes"]] == ["WISH"]
    (visited,) = [record["path"][at - 1] for at, step in enumerate(record["path"]) if step == "outage_kind"]
    assert visited == "after_agent"
