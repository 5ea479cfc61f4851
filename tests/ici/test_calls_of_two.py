"""Operations that send a caller on, or have to do with two calls at once, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ivr.ici.attached_data import build, read
from ivr.ici.crm_client import CrmClient
from ivr.ici.switchboard import IciRefusal


@pytest.fixture
async def crm(base: str) -> AsyncIterator[CrmClient]:
    client = CrmClient(base, "desk1", on_event=lambda event: None)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
def pair(switchboard: Any, item: Any) -> Any:
    """The two calls of a consultation of desk1, and a call of desk2."""
    legal = ("toggle", "warmTransfer", "conference", "drop")
    switchboard.give("desk1", item(id="a1", status="held", capabilities=legal))
    switchboard.give("desk1", item(id="a2", status="connected", capabilities=legal))
    switchboard.give("desk2", item(id="b1", status="connected"))
    return switchboard


async def test_operations_on_two_calls_reach_the_switchboard_in_their_order(crm: CrmClient, pair: Any) -> None:
    await crm.toggle("a1", "a2")
    await crm.warm_transfer("a1", "a2")
    await crm.conference("a2", "a1")
    assert pair.calls == [
        ("toggle", "desk1", "a1", "a2"),
        ("warm_transfer", "desk1", "a1", "a2"),
        ("conference", "desk1", "a2", "a1"),
    ]


async def test_both_calls_must_be_the_users_own(crm: CrmClient, pair: Any) -> None:
    for operation in (crm.toggle, crm.warm_transfer, crm.conference):
        with pytest.raises(IciRefusal, match="'b1' is not one of user 'desk1'") as caught:
            await operation("a1", "b1")
        assert caught.value.code == "ICI-NOT-OWNER"
    assert pair.calls == []


async def test_what_the_state_forbids_is_refused_with_its_name(
    crm: CrmClient, switchboard: Any, item: Any
) -> None:
    switchboard.give("desk1", item(id="ringing"))
    switchboard.give("desk1", item(id="talking", status="connected"))
    for refused in (
        crm.blind_transfer("ringing", "desk2"),
        crm.consult("ringing", "desk2"),
        crm.mute("ringing"),
        crm.warm_transfer("ringing", "talking"),
    ):
        with pytest.raises(IciRefusal, match="not allowed in state") as caught:
            await refused
        assert caught.value.code == "ICI-STATE" and not caught.value.server
    with pytest.raises(IciRefusal, match="reroute not allowed in state"):
        await crm.reroute("talking", "billing")
    assert switchboard.calls == []


async def test_a_consultation_is_answered_with_the_new_item(crm: CrmClient, switchboard: Any, item: Any) -> None:
    switchboard.give("desk1", item(id="a1", status="connected"))
    assert await crm.consult("a1", "desk2") == "a1-c1"
    await crm.mute("a1")
    assert switchboard.calls == [("consult", "desk1", "a1", "desk2"), ("mute", "desk1", "a1")]


async def test_a_blind_transfer_takes_along_what_the_agent_wrote(
    crm: CrmClient, switchboard: Any, item: Any
) -> None:
    switchboard.give("desk1", item(id="a1", status="connected"))
    await crm.blind_transfer("a1", "queue:billing", build("CRM_IC/MCM", {"FWDTYPE": "TRANSFER"}))
    await crm.blind_transfer("a1", "desk2")
    assert [call[0] for call in switchboard.calls] == ["set_attached_data", "blind_transfer", "blind_transfer"]
    assert switchboard.calls[1] == ("blind_transfer", "desk1", "a1", "queue:billing")
    document = read(switchboard.live["a1"].attached_data)
    assert document["CRM_IC/MCM"] == {"FWDTYPE": "TRANSFER"} and document["SAP-IC"]["REASON"] == "BILL"


async def test_a_call_in_the_wrong_queue_is_rerouted_and_an_alias_says_forward(
    crm: CrmClient, switchboard: Any, item: Any, dialect: Any
) -> None:
    switchboard.give("desk1", item(id="a1"))
    await crm.reroute("a1", "billing")
    assert switchboard.calls == [("reroute", "desk1", "a1", "billing")]
    found = dialect.services["IciPhoneCall"].find("forward")
    assert found is not None and found.name == "blindTransfer"
