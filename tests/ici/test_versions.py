"""One document in many hands over HTTP, under every dialect: versions, conflicts, and octets that stay."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import zeep
from ici.conftest import FakeSwitchboard, make_item
from zeep.transports import Transport

from ivr.ici.attached_data import build, read
from ivr.ici.crm_client import CrmClient
from ivr.ici.dialect import Dialect, available
from ivr.ici.switchboard import IciRefusal, PhoneCallItem
from ivr.ici.travelling_data import TravellingData

AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
FOREIGN = (
    '<Application note=\'a > b\'\n  id="PARTNER/CTI" unknown="&quot;"><B/><A> two  spaces </A>\n'
    "\t<C><![CDATA[<raw> & ]] >]]></C><!-- kept --><D a='1' b=\"2\"><E/>x</D></Application>"
)
"""A block of a producer who cares about every octet."""


class Conference(FakeSwitchboard):
    """desk1 and desk2 look at the same call."""

    def __init__(self) -> None:
        super().__init__()
        self.data = TravellingData("SAP-IC")
        self.data.learn({"ACCOUNT": "4000000002"}, AT)
        self.give("desk1", make_item("call-1", status="conferenced"))
        self.give("desk2", make_item("call-2", status="conferenced"))

    def item(self, item_id: str) -> PhoneCallItem | None:
        known = super().item(item_id)
        shown = {"attached_data": self.data.document, "attached_data_version": self.data.number}
        return known and dataclasses.replace(known, **shown)  # type: ignore[arg-type]

    def check_version(self, user: str, item_id: str, document: str, version: int) -> None:
        self.data.check(user, document, version)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        self.data.write(user, document, AT)


@pytest.fixture(params=available())
def dialect_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def switchboard() -> Conference:
    return Conference()


@pytest.fixture
async def desks(base: str, dialect_name: str) -> AsyncIterator[tuple[CrmClient, CrmClient]]:
    ann = CrmClient(base, "desk1", dialect=dialect_name, on_event=print)
    bob = CrmClient(base, "desk2", dialect=dialect_name, on_event=print)
    for client in (ann, bob):
        await client.start()
    yield ann, bob
    for client in (ann, bob):
        await client.close()


Desks = tuple[CrmClient, CrmClient]


async def test_who_read_an_older_version_does_not_write_over_what_a_colleague_changed_since(
    desks: Desks, switchboard: Conference
) -> None:
    ann, bob = desks
    read_by_both = (await ann.get_properties("call-1")).attached_data_version
    assert read_by_both == (await bob.get_properties("call-2")).attached_data_version == 1
    second = await ann.update_attached_data("call-1", build("NOTES", {"TEXT": "a refund"}), read_by_both)
    assert second == 2
    before = switchboard.data.document
    with pytest.raises(IciRefusal, match=r"'NOTES' was changed by desk1 in version 2") as refused:
        await bob.update_attached_data("call-2", build("NOTES", {"TEXT": "no refund"}), read_by_both)
    told = refused.value
    assert (told.code, told.item_id, told.server) == ("ICI-CONFLICT", "call-2", False)
    assert told.facts == {
        "applicationId": "NOTES",
        "changedBy": "desk1",
        "changedInVersion": "2",
        "currentVersion": "2",
    }
    assert (switchboard.data.document, switchboard.data.number) == (before, 2)

    third = await bob.update_attached_data("call-2", build("NOTES", {"TEXT": "no refund"}), second)
    assert (third, switchboard.data.blocks["NOTES"]) == (3, {"TEXT": "no refund"})


async def test_different_blocks_merge_whatever_version_was_read_and_so_do_writers_who_name_none(
    desks: Desks, switchboard: Conference
) -> None:
    ann, bob = desks
    await ann.update_attached_data("call-1", build("A", {"X": "1"}), 1)
    await bob.update_attached_data("call-2", build("B", {"Y": "2"}), 1)
    await ann.update_attached_data("call-1", build("A", {"X": "3"}), 1)
    await bob.set_attached_data("call-2", build("A", {"X": "4"}))
    assert {name: switchboard.data.blocks[name] for name in "AB"} == {"A": {"X": "4"}, "B": {"Y": "2"}}
    same = f"<ItemAttachedData>{before_after(switchboard, 'A')}</ItemAttachedData>"
    assert await ann.update_attached_data("call-1", same, 1) == switchboard.data.number
    authors = [(version.number, version.author, version.blocks) for version in switchboard.data.versions]
    assert authors == [
        (1, "menu", ("SAP-IC",)),
        (2, "desk1", ("A",)),
        (3, "desk2", ("B",)),
        (4, "desk1", ("A",)),
        (5, "desk2", ("A",)),
    ]


def before_after(switchboard: Conference, block: str) -> str:
    """The block as it stands in the document."""
    text = switchboard.data.document
    start = text.index(f'<Application id="{block}"')
    return text[start : text.index("</Application>", start) + len("</Application>")]


@pytest.mark.parametrize("never", [9, -1])
async def test_a_version_that_never_was_is_refused_in_the_words_of_the_dialect(
    desks: Desks, switchboard: Conference, dialect_name: str, never: int
) -> None:
    spelt = {"default": "attachedDataVersion", "abap": "ATTACHED_DATA_VERSION"}[dialect_name]
    with pytest.raises(IciRefusal, match=f"^{spelt} is {never}; the newest there is has 1$") as refused:
        await desks[0].update_attached_data("call-1", build("A", {"X": "1"}), never)
    assert (refused.value.code, refused.value.item_id) == ("ICI-BAD-VALUE", "call-1")
    assert switchboard.data.number == 1


async def test_twenty_round_trips_leave_a_strangers_block_octet_for_octet(
    desks: Desks, switchboard: Conference
) -> None:
    ann, bob = desks
    await ann.set_attached_data("call-1", f"<ItemAttachedData>{FOREIGN}</ItemAttachedData>")
    for turn in range(20):
        client, item = ((ann, "call-1"), (bob, "call-2"))[turn % 2]
        whole = await client.get_attached_data(item)
        assert FOREIGN in whole
        others = whole.partition('<Application id="OURS">')[0].removesuffix("</ItemAttachedData>")
        news = build("OURS", {"TURN": str(turn)}).partition("<ItemAttachedData>")[2]
        await client.set_attached_data(item, others + news)
    assert FOREIGN in switchboard.data.document
    assert switchboard.data.blocks["OURS"] == {"TURN": "19"}
    assert switchboard.data.document.count("<Application") == 3


async def test_several_applications_come_in_one_update(desks: Desks, switchboard: Conference) -> None:
    both = (
        '<ItemAttachedData><Application id="A"><X>1</X></Application>'
        '<Application id="B"><Y>2</Y></Application></ItemAttachedData>'
    )
    assert await desks[0].update_attached_data("call-1", both, 1) == 2
    assert await desks[1].get_attached_data("call-2") == switchboard.data.document
    assert list(read(switchboard.data.document)) == ["SAP-IC", "A", "B"]
    assert switchboard.data.versions[-1].blocks == ("A", "B")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("<ItemAttachedData><Application", "not well-formed"),
        ("<!DOCTYPE x><ItemAttachedData/>", "has a DTD"),
        (f'<ItemAttachedData><Application id="{"I" * 65}"/></ItemAttachedData>', "at most 64 are allowed"),
        (
            f'<ItemAttachedData><Application id="A"><{"F" * 65}/></Application></ItemAttachedData>',
            "a field name has 65 characters",
        ),
    ],
)
async def test_what_is_malformed_or_too_long_is_refused_and_the_old_document_kept(
    desks: Desks, switchboard: Conference, document: str, complaint: str
) -> None:
    before = switchboard.data.document
    for write in (
        desks[0].set_attached_data("call-1", document),
        desks[0].update_attached_data("call-1", document, 1),
    ):
        with pytest.raises(IciRefusal, match=complaint) as refused:
            await write
        assert (refused.value.code, refused.value.item_id, refused.value.server) == ("ICI-XML", "call-1", False)
    assert (switchboard.data.document, switchboard.data.number) == (before, 1)


async def test_zeep_reads_the_version_and_is_told_of_a_conflict_from_the_description_alone(
    base: str, dialect: Dialect, switchboard: Conference
) -> None:
    service, names = dialect.services["IciItem"], dialect.services["IciItem"].operations
    field = {one.name: one.spelling for one in names["updateAttachedData"].parameters}
    version_of = next(one.spelling for one in dialect.types["PhoneCall"] if one.name == "attachedDataVersion")

    def work() -> tuple[Any, Any]:
        with requests.Session() as session:
            session.trust_env = False
            transport = Transport(session=session, timeout=5, operation_timeout=5)
            client = zeep.Client(f"{base}/{service.spelling}?wsdl", transport=transport)

            def ask(operation: str, **values: Any) -> Any:
                header = {dialect.header_element: "desk1"}
                parameters = {field[name]: value for name, value in values.items()}
                return getattr(client.service, names[operation].spelling)(_soapheaders=header, **parameters)

            version = ask("getProperties", itemId="call-1")[version_of]
            switchboard.data.write("desk2", switchboard.data.document.replace("</Item", f"{NOTE}</Item"), AT)
            document = build("NOTES", {"TEXT": "mine"})
            with pytest.raises(zeep.exceptions.Fault, match="was changed by desk2") as fault:
                ask("updateAttachedData", itemId="call-1", attachedData=document, attachedDataVersion=version)
            written = ask("updateAttachedData", itemId="call-1", attachedData=document, attachedDataVersion=2)
            return fault.value.detail, written

    NOTE = '<Application id="NOTES"><TEXT>his</TEXT></Application>'
    detail, written = await asyncio.to_thread(work)
    assert detail.findtext("iciError/code") == "ICI-CONFLICT"
    assert detail.findtext("iciError/changedBy") == "desk2"
    assert (written, switchboard.data.blocks["NOTES"]) == (3, {"TEXT": "mine"})
