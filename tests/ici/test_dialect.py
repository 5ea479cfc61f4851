"""The dialect file, and what is legal in which state."""

from __future__ import annotations

import itertools
from importlib import resources
from typing import Any, get_args

import pytest
import yaml

from ivr.errors import IvrError
from ivr.ici.capabilities import LEGAL, NotAllowed, Part, capabilities_of, check
from ivr.ici.dialect import Dialect, available, load, parse
from ivr.ici.dialect_spelling import MANNERS, spell
from ivr.ici.switchboard import IciRefusal, ProcessingStatus


@pytest.fixture
def data() -> Any:
    return yaml.safe_load((resources.files("ivr.ici") / "dialects" / "default.yaml").read_text())


def test_the_default_dialect_has_exactly_the_operations_that_work(dialect: Dialect) -> None:
    assert {name: list(service.operations) for name, service in dialect.services.items()} == {
        "IciSystem": [
            "exchangeProductInformation",
            "getWorkcenterCapability",
            "getPresenceQueueInfo",
            "getPresence",
            "ping",
        ],
        "IciUser": [
            "getAttributes",
            "subscribe",
            "unsubscribe",
            "setCurrentWorkmode",
            "getWorkmodes",
            "setCurrentQueues",
            "getQueues",
        ],
        "IciItem": [
            "getAttachedData",
            "setAttachedData",
            "updateAttachedData",
            "getProperties",
            "accept",
            "reject",
            "reroute",
            "forward",
        ],
        "IciPhoneCall": [
            "accept",
            "reject",
            "reroute",
            "drop",
            "hold",
            "unhold",
            "mute",
            "unmute",
            "blindTransfer",
            "dial",
            "consult",
            "toggle",
            "warmTransfer",
            "conference",
            "sendDTMF",
        ],
        "IciMonitor": ["subscribeMonitor", "unsubscribeMonitor"],
        "IciEvent": [
            "phoneCallChanged",
            "userChanged",
            "itemAttachedDataChanged",
            "monitorDataChanged",
            "subscriptionEnded",
        ],
    }
    assert {service.namespace for service in dialect.services.values()} == {
        f"urn:{name}Interface" for name in dialect.services
    }


@pytest.mark.parametrize("name", available())
def test_the_codes_of_every_status_and_capability_are_in_the_dialect(name: str) -> None:
    dialect = load(name)
    assert set(dialect.statuses) == set(get_args(ProcessingStatus)) == set(LEGAL)
    offered = {
        name
        for status, part, muted in itertools.product(LEGAL, get_args(Part), (False, True))
        for name in capabilities_of(status, part, muted=muted)
    }
    assert offered == set(dialect.capabilities)


def test_an_unknown_dialect_is_named_with_the_known_ones() -> None:
    assert available() == ["abap", "default"]
    with pytest.raises(
        IvrError, match=r"ici\.dialect is 'sap'; needed is one of: abap, default, or the name of a"
    ):
        load("sap")


def test_the_second_dialect_has_the_same_operations_and_fields_under_other_names() -> None:
    default, abap = load("default"), load("abap")
    assert (abap.style, abap.qualified) == ("document", True)
    for name, service in default.services.items():
        other = abap.services[name]
        assert list(other.operations) == list(service.operations)
        assert {other.namespace, other.spelling}.isdisjoint({service.namespace, service.spelling})
        for key, operation in service.operations.items():
            assert [field.name for field in other.operations[key].parameters] == [
                field.name for field in operation.parameters
            ]
    assert abap.services["IciPhoneCall"].operations["sendDTMF"].spelling == "send_dtmf"
    assert [field.spelling for field in abap.types["TextElement"]] == ["ID", "DESCRIPTION"]
    assert (abap.code("presence", "Busy"), abap.word("presence", "B"), abap.word("presence", "?")) == (
        "B",
        "Busy",
        "?",
    )


def test_a_dialect_of_the_site_is_a_file_that_says_only_what_is_different(tmp_path: Any) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: default\nname: mine\nheader: {element: onBehalfOf}\nfields: PascalCase\n")
    dialect = load(str(mine))
    assert (dialect.name, dialect.header_element, dialect.header_namespace) == (
        "mine",
        "onBehalfOf",
        "urn:IciHeader",
    )
    assert [field.spelling for field in dialect.types["TextElement"]] == ["Id", "Description"]
    mine.write_text("extends: default\nname: changed\n")
    assert load(str(mine)).name == "changed"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("extends: sap\nname: x\n", "it extends 'sap'; needed is one of: abap, default"),
        ("extends: default\nfields: loud\n", "spelling by the rule 'loud'; needed is one of: camelCase"),
        ("extends: default\nsoap_action: '{service}'\n", "soap_action has the placeholder 'service'"),
        ("extends: default\ncodes: {colour: {red: 1}}\n", "codes has colour; known are: direction, presence"),
        (
            "extends: default\nservices: {IciPhoneCall: {operations: {hold: {spelling: drop}}}}\n",
            "IciPhoneCall: drop is the name of drop and of hold",
        ),
        ("a: [", "not YAML"),
        (None, "cannot be read: No such file or directory; name a readable file with ici.dialect"),
    ],
)
def test_a_mistake_in_a_dialect_of_the_site_is_named_with_its_file(
    tmp_path: Any, text: str | None, complaint: str
) -> None:
    mine = tmp_path / "mine.yaml"
    if text is not None:
        mine.write_text(text)
    with pytest.raises(IvrError) as mistake:
        load(str(mine))
    assert "mine.yaml" in str(mistake.value)
    assert complaint in str(mistake.value)


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("workcenterId", ("workcenterId", "WorkcenterId", "workcenter_id", "WORKCENTER_ID")),
        ("sendDTMF", ("sendDTMF", "SendDTMF", "send_dtmf", "SEND_DTMF")),
        ("getPresenceQueueInfo", ("getPresenceQueueInfo", "GetPresenceQueueInfo", "get_presence_queue_info",
                                  "GET_PRESENCE_QUEUE_INFO")),
        ("id", ("id", "Id", "id", "ID")),
    ],
)  # fmt: skip
def test_names_are_spelt_by_rule(name: str, spellings: tuple[str, ...]) -> None:
    assert tuple(spell(name, manner) for manner in MANNERS) == spellings


def break_style(data: Any) -> None:
    data["style"] = "encoded"


def break_type(data: Any) -> None:
    data["types"]["User"]["id"] = "text"


def break_mark(data: Any) -> None:
    data["types"]["User"]["id"] = "string!"


def break_name(data: Any) -> None:
    data["list_item"] = "an item"


def break_services(data: Any) -> None:
    del data["services"]


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (break_style, "style is 'encoded'; needed is rpc or document"),
        (break_type, "field id has the unknown type text"),
        (break_mark, "field id has the type 'string!'"),
        (break_name, "spelling 'an item' is not a name"),
        (break_services, "key 'services' is missing"),
    ],
)
def test_a_mistake_in_a_dialect_is_named(data: Any, break_it: Any, complaint: str) -> None:
    break_it(data)
    with pytest.raises(IvrError, match=f"mine.yaml: not a dialect: {complaint}"):
        parse(data, source="mine.yaml")


def test_an_operation_is_found_by_spelling_and_alias_only(dialect: Dialect) -> None:
    calls = dialect.services["IciPhoneCall"]
    assert [calls.find(name).name for name in ("drop", "hangup", "end", "answer")] == [
        "drop",
        "drop",
        "drop",
        "accept",
    ]  # type: ignore[union-attr]
    assert calls.find("Drop") is None


ALIASES = [
    # Of the tables of operations in the design: what is said, what is in the message, what it is.
    ("IciUser", "setWorkmode", "userId workmodeId", "setCurrentWorkmode"),
    ("IciUser", "setQueues", "userId queueIds", "setCurrentQueues"),
    ("IciItem", "get_iad", "itemId", "getAttachedData"),
    ("IciItem", "set_iad", "itemId attachedData", "setAttachedData"),
    ("IciItem", "getAttributes", "itemId", "getProperties"),
    ("IciItem", "accept", "itemId", "accept"),
    ("IciItem", "reject", "itemId", "reject"),
    ("IciItem", "reroute", "itemId queueId", "reroute"),
    ("IciItem", "forward", "itemId destination", "forward"),
    ("IciPhoneCall", "makeCall", "userId destination", "dial"),
    ("IciPhoneCall", "call", "userId destination attachedData", "dial"),
    ("IciPhoneCall", "answer", "itemId", "accept"),
    ("IciPhoneCall", "refuse", "itemId", "reject"),
    ("IciPhoneCall", "reroute", "itemId", "reject"),
    ("IciPhoneCall", "reroute", "itemId queueId", "reroute"),
    ("IciPhoneCall", "end", "itemId", "drop"),
    ("IciPhoneCall", "hangup", "itemId", "drop"),
    ("IciPhoneCall", "retrieve", "itemId", "unhold"),
    ("IciPhoneCall", "forward", "itemId destination", "blindTransfer"),
    ("IciPhoneCall", "transfer", "itemId destination attachedData", "blindTransfer"),
    ("IciPhoneCall", "transfer", "itemId consultItemId", "warmTransfer"),
    ("IciPhoneCall", "completeTransfer", "itemId consultItemId", "warmTransfer"),
    ("IciPhoneCall", "consultation", "itemId destination", "consult"),
    ("IciPhoneCall", "alternate", "itemId otherItemId", "toggle"),
    ("IciPhoneCall", "sendDtmf", "itemId digits", "sendDTMF"),
]


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize(("service", "alias", "parameters", "meant"), ALIASES)
def test_every_alias_is_the_operation_that_its_parameters_ask_for(
    name: str, service: str, alias: str, parameters: str, meant: str
) -> None:
    dialect = load(name)
    manner = "snake_case" if name == "abap" else "camelCase"
    fields = {"default": "camelCase", "abap": "UPPER_SNAKE"}[name]
    said = [spell(parameter, fields) for parameter in parameters.split()]
    for spelling in (alias, spell(alias, manner)):
        found = dialect.services[service].find(spelling, said)
        assert found is not None, spelling
        assert found.name == meant


@pytest.mark.parametrize(
    ("operations", "complaint"),
    [
        ({"drop": {"aliases": ["hold"]}}, "hold is the name of drop and of hold"),
        ({"hold": {"aliases": ["transfer"]}, "unhold": {"aliases": ["transfer"]}}, "transfer is the name of"),
    ],
)
def test_a_name_that_parameters_cannot_tell_apart_is_a_mistake(operations: dict[str, Any], complaint: str) -> None:
    ours = {"extends": "default", "name": "ours", "services": {"IciPhoneCall": {"operations": operations}}}
    with pytest.raises(IvrError, match=complaint):
        parse(ours, source="ours.yaml")


@pytest.mark.parametrize(
    ("name", "operation", "status", "muted", "said"),
    [
        ("default", "hold", "alerting", False, "hold not allowed in state alerting; allowed now: accept, reject"),
        ("abap", "hold", "alerting", False, "hold not allowed in state 2 (Ringing); allowed now: ACCEPT, REJECT"),
        ("abap", "blindTransfer", "conferenced", False,
         "blind_transfer not allowed in state 5 (In conference); allowed now: DROP, MUTE, SET_IAD"),
        ("default", "mute", "conferenced", True,
         "mute not allowed in state conferenced: it is muted already; allowed now: drop, unmute, setAttachedData"),
        ("abap", "unmute", "conferenced", False,
         "unmute not allowed in state 5 (In conference): it is not muted; allowed"),
        ("default", "unhold", "ended", False, "unhold not allowed in state ended; allowed now: nothing"),
    ],
)  # fmt: skip
def test_a_refusal_says_in_the_words_of_the_wire_what_is_allowed(
    item: Any, name: str, operation: str, status: ProcessingStatus, muted: bool, said: str
) -> None:
    ringing = item(status=status, capabilities=capabilities_of(status, muted=muted))
    with pytest.raises(NotAllowed) as refused:
        check(ringing, operation)
    assert str(refused.value.worded(load(name))).startswith(f"Operation {said}")
    assert refused.value.worded(load(name)).item_id == "call-1"


def test_the_capabilities_of_a_dialect_are_all_in_its_style() -> None:
    tokens = load("abap").capabilities
    assert set(tokens) == set(load("default").capabilities)
    assert all(token == token.upper() for token in tokens.values())


MORE = "reroute mute unmute blindTransfer consult toggle warmTransfer conference"
OPERATIONS = ["accept", "reject", "drop", "hold", "unhold", "sendDTMF", "setAttachedData", *MORE.split()]
TWO = "drop toggle warmTransfer conference setAttachedData"


@pytest.mark.parametrize(
    ("status", "part", "legal"),
    [
        ("dialing", "single", "drop"),
        ("alerting", "single", "accept reject reroute"),
        ("connected", "single", "accept drop hold mute blindTransfer consult sendDTMF setAttachedData"),
        ("held", "single", "drop unhold blindTransfer setAttachedData"),
        ("conferenced", "single", "drop mute setAttachedData"),
        ("wrapup", "single", "drop setAttachedData"),
        ("ended", "single", "setAttachedData"),
        ("held", "waiting", "drop setAttachedData"),
        ("dialing", "waiting", "drop"),
        ("held", "paired", TWO),
        ("connected", "paired", f"accept {TWO} mute sendDTMF"),
        ("alerting", "consulted", "accept reject"),
        ("connected", "consulted", "accept drop mute setAttachedData"),
    ],
)
def test_what_is_legal_follows_the_state(item: Any, status: ProcessingStatus, part: Part, legal: str) -> None:
    allowed = []
    for operation in OPERATIONS:
        try:
            check(item(status=status, capabilities=capabilities_of(status, part)), operation)
            allowed.append(operation)
        except IciRefusal as refusal:
            assert refusal.code == "ICI-STATE"
            assert str(refusal).startswith(f"Operation {operation} not allowed in state {status}")
            assert "; allowed now: " in str(refusal)
    assert sorted(allowed) == sorted(legal.split())
    check(item(status=status), "getAttachedData")


def test_the_snapshot_may_allow_less_than_its_state(item: Any) -> None:
    with pytest.raises(IciRefusal):
        check(item(status="connected", capabilities=("drop",)), "hold")
