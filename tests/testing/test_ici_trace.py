"""Dialects learnt from what others say, and traces played again."""

from __future__ import annotations

import html
from collections.abc import Callable
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
from ivr.ici.dialect import Dialect, Service, load, parse
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import IciEvent, PhoneCallChanged, PhoneCallItem, UserChanged, UserView
from ivr.testing.crm_peer import CrmPeer
from ivr.testing.ici_conformance import Conformance
from ivr.testing.ici_learn import learn_dialect
from ivr.testing.ici_points import POINTS
from ivr.testing.ici_replay import replay_trace
from ivr.testing.ici_trace import Heard, read_trace

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
    assert lesson.unknown == lesson.strays == []
    assert learnt.statuses["alerting"] == other.statuses["alerting"]
    assert "status '2' (Ringing) is taken for alerting, by what may be done in it" in lesson.guessed


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


@pytest.fixture
def described(tmp_path: Path) -> Callable[[str], list[Heard]]:
    """What the WSDLs of all services of a dialect teach."""

    def read(name: str) -> list[Heard]:
        dialect, heard = load(name), []
        for service in dialect.services.values():
            text = wsdl.describe(dialect, service, f"http://x/ici/{service.spelling}").decode()
            heard += read_trace(text, service.name)
        return heard

    return read


@pytest.mark.parametrize(("theirs", "base"), [("abap", "default"), ("default", "abap")])
def test_wsdls_of_all_services_teach_every_name_namespace_address_and_action(
    described: Callable[[str], list[Heard]], theirs: str, base: str
) -> None:
    other = load(theirs)
    lesson = learn_dialect(described(theirs), base=base)
    learnt = parse(yaml.safe_load(lesson.text()), source="learned.yaml")
    assert lesson.unknown == lesson.guessed == lesson.strays == []
    assert (learnt.style, learnt.qualified, learnt.soap_action) == (
        other.style,
        other.qualified,
        other.soap_action,
    )
    assert (learnt.header_element, learnt.header_namespace) == (other.header_element, other.header_namespace)
    for name, service in other.services.items():
        ours = learnt.services[name]
        assert (ours.spelling, ours.namespace) == (service.spelling, service.namespace)
        spelt = {key: (one.spelling, one.parameters) for key, one in ours.operations.items()}
        expected = {key: (one.spelling, one.parameters) for key, one in service.operations.items()}
        assert spelt == expected
    assert learnt.types == other.types


def told(dialect: Dialect, *items_told: PhoneCallItem, user: UserView | None = None) -> list[bytes]:
    """Events."""
    service = dialect.services["IciEvent"]
    events: list[IciEvent] = [PhoneCallChanged(item) for item in items_told]
    events += [UserChanged(user)] if user else []
    said = [items.event_message(event, ["A1"], dialect) for event in events]
    return [envelope.request(dialect, service, service.operations[n], v, user="desk1") for n, v in said]


def test_codes_are_learnt_guesses_are_named_and_what_could_be_two_things_is_asked() -> None:
    other = load("abap")
    view = UserView("desk1", "", 2, "", None, "Busy", ("general",), "")
    raw = told(
        other,
        make_item(),
        make_item(status="connected", direction="outbound"),
        make_item(status="held"),
        make_item(status="ended", reason="transferred"),
        make_item(status="ended", reason="rejected"),
        user=view,
    )
    lesson = learn_dialect(read_trace(b"\n".join(raw).decode(), "trace"))
    learnt = parse(yaml.safe_load(lesson.text()), source="learned.yaml")
    assert {
        name: learnt.capabilities[name] for name in ("accept", "setAttachedData", "unhold", "blindTransfer")
    } == {
        "accept": "ACCEPT",
        "setAttachedData": "SET_IAD",
        "unhold": "RETRIEVE",
        "blindTransfer": "BLIND_TRANSFER",
    }
    assert learnt.codes == {
        "direction": {"inbound": "I", "outbound": "O"},
        "presence": {"Busy": "B"},
        "reason": {"transferred": "T"},
    }
    assert {name: learnt.statuses[name].id for name in ("alerting", "connected", "held", "ended")} == {
        "alerting": "2",
        "connected": "3",
        "held": "4",
        "ended": "9",
    }
    assert "direction 'I' is taken for inbound" in lesson.guessed
    assert lesson.unknown == ["reason 'R': which of normal, rejected, abandoned, failed, rerouted?"]


def test_one_stray_envelope_beats_nothing_and_is_listed() -> None:
    many = spoken(load("default"))[0].decode() * 5
    stray = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        '<USERID xmlns="urn:zz">x</USERID>'
        '</s:Header><s:Body><exchangeProductInformation xmlns="u"><PRODUCT_NAME/></exchangeProductInformation>'
        "</s:Body></s:Envelope>"
    )
    lesson = learn_dialect(read_trace(stray + many, "trace"))
    assert lesson.document == {"extends": "default", "name": "learned"}
    assert lesson.strays == [
        "children are in the service's namespace in a request: 1 of 6; taken is that they are not",
        "header element: 'USERID' in 1 of 6; 'userId' is taken",
        "header namespace: 'urn:zz' in 1 of 6; 'urn:IciHeader' is taken",
        "services IciSystem namespace: 'u' in 1 of 6; 'urn:IciSystemInterface' is taken",
        "services IciSystem operations exchangeProductInformation parameters productName spelling: "
        "'PRODUCT_NAME' in 1 of 6; 'productName' is taken",
    ]
    assert "#   header element: 'USERID' in 1 of 6" in lesson.text()


def test_a_callback_that_answers_without_namespaces_does_not_decide_the_style() -> None:
    other = load("abap")
    answer = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><n:phone_call_changedResponse '
        'xmlns:n="urn:ici:event"><response>ok</response></n:phone_call_changedResponse></s:Body></s:Envelope>'
    )
    lesson = learn_dialect(read_trace(trace(other) + answer * 50, "trace"))
    assert (lesson.document["style"], lesson.document["qualified"]) == ("document", True)
    assert lesson.strays == [
        "children are not in the service's namespace in an answer of the callback: 50 of 50; "
        "taken is that they are"
    ]


def test_an_answer_is_read_as_what_was_asked() -> None:
    other = load("default")
    service = other.services["IciItem"]
    asked = envelope.request(other, service, service.operations["getProperties"], {"itemId": "call-1"}, user="x")
    told = items.phone_call(make_item(), other)
    answered = envelope.answer(
        other, service.operations["getProperties"], {"response": told}, name="getAttributes", namespace="urn:q"
    )
    asked = asked.replace(b"getProperties", b"getAttributes").replace(service.namespace.encode(), b"urn:q")
    lesson = learn_dialect(read_trace((asked + answered).decode(), "trace"))
    assert (lesson.unknown, lesson.understood) == ([], 2)
    assert lesson.document["services"]["IciItem"]["namespace"] == "urn:q"


async def test_the_engine_serves_abap_with_a_dialect_learnt_from_it(
    described: Callable[[str], list[Heard]], tmp_path: Path
) -> None:
    """What the learnt dialect serves, a peer speaks who knows nothing but the dialect it was learnt from."""
    other = load("abap")
    statuses = ("alerting", "connected", "held")
    events = b"".join(told(other, *(make_item(status=status) for status in statuses))).decode()
    plain = other.services["IciEvent"].operations["phoneCallChanged"]
    heard = envelope.answer(other, plain, {"response": "ok"}, name=plain.spelling, namespace="urn:ici:event")
    events += heard.decode().replace("RESPONSE", "response")  # as a callback that knows no capitals
    learnt = tmp_path / "learnt.yaml"
    learnt.write_text(learn_dialect(described("abap") + read_trace(events, "trace")).text(), encoding="utf-8")
    switchboard: Any = FakeSwitchboard()
    switchboard.give("desk1", make_item(status="connected"))
    settings = IciSettings(dialect=str(learnt))
    sender = EventSender(settings, load(str(learnt)), lambda user: None)
    app = web.Application()
    IciEndpoint(switchboard, sender, settings).add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with CrmPeer(f"http://127.0.0.1:{runner.addresses[0][1]}/ici", dialect="abap") as crm:
            screen = await crm.log_on("desk1", "")
            client = screen.client
            await client.set_workmode(1001)
            item = await client.get_properties("call-1")
            assert (item.status, item.direction, item.capabilities[-1]) == (
                "connected",
                "inbound",
                "setAttachedData",
            )
            await client.blind_transfer("call-1", "desk2")
            assert (await screen.item("connected")).id == "call-1"
    finally:
        await sender.close()
        await runner.cleanup()
    assert [call[0] for call in switchboard.calls] == [
        "log_on",
        "set_workmode",
        "blind_transfer",
        "log_off",
    ]


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


class Dialled(FakeSwitchboard):
    """Numbers items anew at every start, as a real system does, and tells of a call once the agent is ready."""

    sender: EventSender

    async def set_workmode(self, user: str, workmode: int) -> None:
        await super().set_workmode(user, workmode)
        self.give(user, make_item("of-today-1", status="connected"))
        self.sender.publish(user, PhoneCallChanged(self.live["of-today-1"]))

    async def consult(self, user: str, item_id: str, destination: str) -> str:
        self.give(user, make_item("of-today-2", status="connected", capabilities=("conference",)))
        self.live[item_id] = make_item(item_id, status="held", capabilities=("conference",))
        await super().consult(user, item_id, destination)
        return "of-today-2"


@pytest.mark.parametrize("calls", [True, False])
async def test_items_of_a_trace_are_those_of_now_in_order(calls: bool) -> None:
    dialect = load("default")
    calls_of, users, events = (dialect.services[name] for name in ("IciPhoneCall", "IciUser", "IciEvent"))

    def asks(service: Service, name: str, **values: str) -> bytes:
        return envelope.request(dialect, service, service.operations[name], values, user="desk1")

    def answers(service: Service, name: str, text: str = "ok") -> bytes:
        operation = service.operations[name]
        return envelope.answer(dialect, operation, {"response": text}, name=name, namespace=service.namespace)

    rings = items.event_message(PhoneCallChanged(make_item("old-1")), ["A"], dialect)
    captured = [
        asks(users, "subscribe", **VALUES["subscribe"]),  # type: ignore[arg-type]
        answers(users, "subscribe"),
        asks(users, "setCurrentWorkmode", userId="desk1", workmodeId="2"),
        answers(users, "setCurrentWorkmode"),
        envelope.request(dialect, events, events.operations[rings[0]], rings[1], user="desk1"),
        answers(events, "phoneCallChanged"),
        asks(calls_of, "consult", itemId="old-1", destination="desk2"),
        answers(calls_of, "consult", "old-1-c1"),
        asks(calls_of, "conference", itemId="old-1", consultItemId="old-1-c1"),
        answers(calls_of, "conference"),
    ]
    heard = read_trace(b"\n".join(captured).decode(), "trace")
    switchboard: Any = Dialled() if calls else FakeSwitchboard()
    switchboard.sender = sender = EventSender(IciSettings(), dialect, lambda user: None)
    app = web.Application()
    IciEndpoint(switchboard, sender, IciSettings()).add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/ici"
    played = await replay_trace(heard, url, dialect, wait_for_call=5.0 if calls else 0.05)
    await sender.close()
    await runner.cleanup()
    assert [one.same for one in played] == [True, True, calls, calls]
    if calls:
        assert ("consult", "desk1", "of-today-1", "desk2") in switchboard.calls
        assert ("conference", "desk1", "of-today-1", "of-today-2") in switchboard.calls
    else:
        assert "desk1 has not had 1 calls yet; dial the engine meanwhile" in played[2].why
        assert "desk1 has not had 2 calls yet" in played[3].why


@pytest.mark.parametrize(
    ("spoken_there", "asked_in", "user", "complaint"),
    [
        ("abap, silent", "default", "desk1", "answered HTTP 404, which is no SOAP; there is one of the dialect"),
        ("abap", "default", "desk1",
         "not speak the dialect default: .* is called USER in the dialect abap.*there is one of"),
        ("default", "default", "guarded", "does not let guarded in .*; give the agent's password with --pass"),
        ("default", "default", "nobody", "there is no agent 'nobody' in the settings; take an agent that"),
        ("", "default", "desk1", "HTTP 404, which is no SOAP; check the address"),
    ],
)  # fmt: skip
async def test_who_is_not_there_or_lets_nobody_in_is_named_once_with_the_remedy(
    spoken_there: str, asked_in: str, user: str, complaint: str
) -> None:
    app = web.Application(middlewares=[no_faults_beside] if "silent" in spoken_there else [])
    sender = EventSender(IciSettings(), load("default"), lambda user: None)
    if spoken_there:
        switchboard: Any = FakeSwitchboard()
        IciEndpoint(switchboard, sender, IciSettings(dialect=spoken_there.partition(",")[0])).add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/ici"
    asked = load(asked_in)
    request = envelope.request(
        asked, asked.services["IciSystem"], asked.services["IciSystem"].operations["ping"], {}, user=user
    )
    try:
        with pytest.raises(IvrError, match=complaint):
            await Conformance(url, user, dialect=asked_in).run(POINTS)
        with pytest.raises(IvrError, match=complaint):
            await replay_trace(read_trace(request.decode(), "t"), url, asked)
    finally:
        await sender.close()
        await runner.cleanup()


@web.middleware
async def no_faults_beside(request: web.Request, handler: Any) -> web.StreamResponse:
    """As an endpoint that knows nothing but its own addresses."""
    if "/Ici" in request.path:
        return web.Response(status=404, text="404: Not Found")
    return await handler(request)  # type: ignore[no-any-return]


def test_the_command_writes_a_draft_and_says_what_is_unknown(tmp_path: Path) -> None:
    source, draft = tmp_path / "floor.txt", tmp_path / "floor.yaml"
    source.write_text(trace(load("abap")))
    result = CliRunner().invoke(ici_app, ["learn", str(source), "-o", str(draft)])
    assert result.exit_code == 0, result.stderr
    known = len(VALUES) + 1
    assert f"{known} envelopes, {known} understood, 0 things unknown, 2 guessed, 0 otherwise" in result.stderr
    assert "guessed: status '2' (Ringing) is taken for alerting" in result.stderr
    assert load(str(draft)).header_element == "USERID"
    missing = CliRunner().invoke(ici_app, ["learn", str(tmp_path / "none.txt")])
    assert "cannot be read: No such file or directory" in str(missing.exception)
