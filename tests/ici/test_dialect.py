"""The dialect file, and what is legal in which state."""

from __future__ import annotations

import itertools
from importlib import resources
from typing import Any, get_args

import pytest
import yaml

from ivr.errors import IvrError
from ivr.ici.capabilities import LEGAL, Part, capabilities_of, check
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
        "IciItem": ["getAttachedData", "setAttachedData", "updateAttachedData", "getProperties"],
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
            assert (refusal.code, str(refusal)) == (
                "ICI-STATE",
                f"Operation {operation} not allowed in state {status}",
            )
    assert sorted(allowed) == sorted(legal.split())
    check(item(status=status), "getAttachedData")


def test_the_snapshot_may_allow_less_than_its_state(item: Any) -> None:
    with pytest.raises(IciRefusal):
        check(item(status="connected", capabilities=("drop",)), "hold")
