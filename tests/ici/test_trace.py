"""The trace of ICI that the engine writes: read by `ivr ici learn` and `replay`, and nobody's secret in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from ici.conftest import FakeSwitchboard, Site, make_item

from ivr.config.settings import IciSettings
from ivr.ici.attached_data import build, merge
from ivr.ici.client import EventSender
from ivr.ici.crm_client import CrmClient
from ivr.ici.dialect import available, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.endpoint_trace import WAITING, IciTrace
from ivr.ici.switchboard import PhoneCallChanged
from ivr.ici.trace_masking import UNREADABLE, Mask
from ivr.testing.ici_learn import learn_dialect
from ivr.testing.ici_replay import replay_trace
from ivr.testing.ici_trace import read_trace

SECRETS = ("2580", "+15550100", "two bills, one paid")


@pytest.fixture(params=available())
def dialect_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def an_agent_works(file: Path, settings: IciSettings, serve: Site, *, values: bool) -> str:
    """Log on, get a call, write a note, send keys; gives the base address of an endpoint with the same agent."""
    dialect = load(settings.dialect)
    trace = IciTrace(file, dialect, values=values)
    switchboard = FakeSwitchboard()
    sender = EventSender(settings, dialect, lambda user: None, trace=trace)
    app = web.Application()
    endpoint = IciEndpoint(switchboard, sender, settings, trace=trace)
    endpoint.add_to(app)
    base = f"{await serve(app)}/ici"
    client = CrmClient(base, "desk1", dialect=dialect, on_event=lambda event: None)
    await client.start()
    await client.subscribe("sip:desk1@127.0.0.1")
    document = merge(build("SAP-IC", {"ACCOUNT": "4000000002"}), build("NOTES", {"TEXT": SECRETS[2]}))
    item = make_item("call-1", "connected", attached_data=document)
    switchboard.give("desk1", item)
    assert await sender.publish("desk1", PhoneCallChanged(item))
    await client.send_dtmf("call-1", SECRETS[0])
    await client.set_attached_data("call-1", document)
    figures = asyncio.Event()
    watching = CrmClient(base, "desk2", dialect=dialect, on_event=lambda event: figures.set())
    await watching.start()
    await endpoint.restore_monitors({"desk2": {"app_url": watching.app_url, "app_id": watching.app_id}})
    await asyncio.wait_for(figures.wait(), 5)
    await watching.close()
    await client.close()
    await sender.close()
    await endpoint.close()
    trace.close()
    return base


async def test_what_the_engine_writes_teaches_its_dialect_and_plays_again(
    tmp_path: Path, settings: IciSettings, serve: Site
) -> None:
    file = tmp_path / "new" / "ici.trace"
    base = await an_agent_works(file, settings, serve, values=True)
    text = file.read_text("utf-8")
    assert all(one in text for one in SECRETS[1:])
    assert SECRETS[0] not in text, "keys are never written"
    heard = read_trace(text, str(file))
    lesson = learn_dialect(heard, base=settings.dialect)
    assert (lesson.unknown, lesson.understood) == ([], len(heard))
    posted = {line.split(" out IciEvent.")[1] for line in text.splitlines() if " out IciEvent." in line}
    assert {"phoneCallChanged", "monitorDataChanged"} <= posted
    played = await replay_trace(heard, base, load(settings.dialect))
    services = load(settings.dialect).services
    assert services["IciItem"].operations["setAttachedData"].spelling in {one.operation for one in played}
    assert [one.operation for one in played if one.same is False] == []


async def test_callers_data_is_stars_and_names_stay(tmp_path: Path, settings: IciSettings, serve: Site) -> None:
    file = tmp_path / "ici.trace"
    await an_agent_works(file, settings, serve, values=False)
    text = file.read_text("utf-8")
    assert [one for one in (*SECRETS, "4000000002") if one in text] == []
    assert "SAP-IC" in text
    assert "ACCOUNT" in text
    assert file.stat().st_mode & 0o077 == 0, "for its owner only"
    assert learn_dialect(read_trace(text, str(file)), base=settings.dialect).unknown == []


def test_a_document_that_is_none_and_a_password_in_an_address_are_masked() -> None:
    mask = Mask(load("default"))
    assert mask(b"<a><attachedData>my pin</attachedData></a>") == b"<a><attachedData>** ***</attachedData></a>"
    assert mask(b"<a><attachedData>&lt;x</attachedData></a>") == b"<a><attachedData>**</attachedData></a>"
    assert mask(b"<a><u>http://me:pw@crm/x</u></a>") == b"<a><u>http://***@crm/x</u></a>"
    assert mask(b"<a><attachedData>") == UNREADABLE


def test_a_full_file_makes_room_and_nobody_waits_for_a_slow_disk(tmp_path: Path) -> None:
    file = tmp_path / "t"
    trace = IciTrace(file, load("default"), largest=200)
    for number in range(5):
        trace.note("in", "desk1", f"X.{number}", b"<a>%s</a>" % (b"x" * 150), b"")
    trace.close()
    assert ("X.4" in file.read_text(), "X.3" in (tmp_path / "t.1").read_text()) == (True, True)
    for _ in range(WAITING + 3):  # the thread is gone: nothing is taken out
        trace.note("in", "desk1", "Y", b"<a/>", b"")
    assert trace.lost == 3
