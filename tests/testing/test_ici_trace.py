"""Dialects learnt from what others say, and traces played again."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from ici.conftest import FakeSwitchboard, make_item
from typer.testing import CliRunner

from ivr.cli.ici import ici_app
from ivr.config.settings import IciSettings
from ivr.errors import IvrError
from ivr.ici import envelope, items, wsdl
from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect, load, parse
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import PhoneCallChanged
from ivr.testing.ici_replay import replay_trace
from ivr.testing.ici_trace import learn_dialect, read_trace

VALUES = {
    "exchangeProductInformation": {"productName": "SAP", "productVersion": "7"},
    "subscribe": {"appUrl": "http://sap.example/event", "appId": "A1", "userId": "desk1", "workcenterId": ""},
    "setCurrentWorkmode": {"userId": "desk1", "workmodeId": "2"},
    "setCurrentQueues": {"userId": "desk1", "queueIds": ["general"]},
    "setAttachedData": {"itemId": "call-1", "attachedData": "<ItemAttachedData/>"},
    "hold": {"itemId": "call-1"},
}


def spoken(dialect: Dialect) -> list[bytes]:
    """A log-on, a call, an event, as that dialect says it."""
    said = []
    for service in dialect.services.values():
        for name, values in VALUES.items():
            if operation := service.operations.get(name):
                said.append(envelope.request(dialect, service, operation, values, user="desk1"))
    events = dialect.services["IciEvent"]
    name, values = items.event_message(PhoneCallChanged(make_item()), ["A1"], dialect)
    said.append(envelope.request(dialect, events, events.operations[name], values, user="desk1"))
    return said


def trace(dialect: Dialect) -> str:
    lines = [f"DESK1;20261122150000;{n};H;{raw.decode()}" for n, raw in enumerate(spoken(dialect))]
    return "USER;STAMP;COUNTER;TYPE;TRACE_UNIT\n" + "\n".join(lines)


@pytest.mark.parametrize("escaped", [False, True])
def test_a_dialect_learnt_from_a_trace_understands_everything_in_it(escaped: bool) -> None:
    other = load("abap")
    text = html.escape(trace(other)) if escaped else trace(other)
    heard = read_trace(text, "trace.txt")
    lesson = learn_dialect(heard)
    learnt = parse(yaml.safe_load(lesson.text()), source="learned.yaml")
    assert lesson.understood == len(heard) == len(VALUES) + 1
    assert (learnt.style, learnt.qualified, learnt.list_item, learnt.header_element) == (
        "document",
        True,
        "ITEM",
        "USERID",
    )
    for raw in spoken(other):
        message = envelope.parse_message(raw, learnt)
        assert message.user == "desk1"
        service = next(one for one in learnt.services.values() if one.namespace == message.namespace)
        operation = service.find(message.name)
        assert operation is not None
        if operation.name in VALUES:
            values = message.values(operation, learnt)
            assert {name: values[name] for name in VALUES[operation.name]} == VALUES[operation.name]
    assert lesson.unknown == ["status '2' (Ringing): which of " + ", ".join(load("default").statuses) + "?"]


def test_every_unknown_element_is_listed() -> None:
    raw = spoken(load("default"))[0].decode()
    strange = raw.replace("<productName>", "<licence>4711</licence><productName>").replace(
        "</soap:Header>", "<t:trace xmlns:t='urn:t'>x</t:trace></soap:Header>"
    )
    other = raw.replace("exchangeProductInformation", "orderPizza")
    lesson = learn_dialect(read_trace(strange + other, "trace"))
    assert lesson.unknown == [
        "header trace",
        "exchangeProductInformation/licence (such as '4711')",
        "operation orderPizza in urn:IciSystemInterface",
    ]
    assert "#   header trace" in lesson.text()
    assert lesson.document == {"extends": "default", "name": "learned"}


@pytest.mark.parametrize("name", ["default", "abap"])
def test_a_wsdl_teaches_as_much_as_a_trace(name: str) -> None:
    dialect = load(name)
    described = wsdl.describe(dialect, dialect.services["IciUser"], "http://x/").decode()
    heard = read_trace(described, "IciUser.wsdl")
    lesson = learn_dialect(heard)
    learnt = parse(yaml.safe_load(lesson.text()), source="learned.yaml")
    assert lesson.unknown == []
    ours, theirs = learnt.services["IciUser"], dialect.services["IciUser"]
    assert ours.namespace == theirs.namespace
    assert [one.spelling for one in ours.operations.values()] == [
        one.spelling for one in theirs.operations.values()
    ]
    subscribe = ours.operations["subscribe"].parameters[:4]
    assert [one.spelling for one in subscribe] == [
        one.spelling for one in theirs.operations["subscribe"].parameters[:4]
    ]
    assert (learnt.style, learnt.header_element) == (dialect.style, dialect.header_element)


@pytest.mark.parametrize("text", ["", "nothing here", "<Envelope", "<a:Envelope xmlns:a='urn:x'></a:Envelope>", "<definitions>"])  # noqa: E501  # fmt: skip
def test_a_file_without_envelopes_is_named(text: str) -> None:
    with pytest.raises(IvrError, match=r"trace\.txt: "):
        read_trace(text, "trace.txt")


@pytest.mark.parametrize("name", ["default", "abap"])
async def test_a_trace_is_played_again_and_answers_are_compared(name: str) -> None:
    dialect = load(name)
    switchboard: Any = FakeSwitchboard()
    switchboard.give("desk1", make_item(status="connected"))
    sender = EventSender(IciSettings(), dialect, lambda user: None)
    app = web.Application()
    IciEndpoint(switchboard, sender, IciSettings(dialect=name)).add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fault = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault/></s:Body></s:Envelope>'
    )
    text = trace(dialect) + fault.decode()
    requests = read_trace(text.replace("call-1", "call-1"), "trace")
    hold = next(n for n, one in enumerate(requests) if one.name == "hold")
    requests.insert(hold + 1, requests[-1])  # the captured system had refused it
    played = await replay_trace(requests, f"http://127.0.0.1:{runner.addresses[0][1]}/ici", dialect)
    await sender.close()
    await runner.cleanup()
    assert {one.operation for one in played} == {
        operation.spelling
        for service in dialect.services.values()
        for operation in service.operations.values()
        if operation.name in VALUES
    }
    different = [(one.operation, one.why) for one in played if one.same is False]
    assert different == [("hold", "the trace has a fault here")]
    assert all(one.user == "desk1" for one in played)
    assert ("log_on", "desk1", "") in switchboard.calls
    assert "sap.example" not in str(switchboard.kept)


def test_the_command_writes_a_draft_and_says_what_is_unknown(tmp_path: Path) -> None:
    source, draft = tmp_path / "floor.txt", tmp_path / "floor.yaml"
    source.write_text(trace(load("abap")))
    result = CliRunner().invoke(ici_app, ["learn", str(source), "-o", str(draft)])
    assert result.exit_code == 0, result.stderr
    assert f"{len(VALUES) + 1} envelopes, {len(VALUES) + 1} understood, 1 things unknown" in result.stderr
    assert "unknown: status '2' (Ringing)" in result.stderr
    assert load(str(draft)).header_element == "USERID"
    missing = CliRunner().invoke(ici_app, ["learn", str(tmp_path / "none.txt")])
    assert "cannot be read: No such file or directory" in str(missing.exception)
