"""An agent's half of a call that he began himself."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ivr.call.offer import Offer
from ivr.ici.capabilities import capabilities_of
from ivr.ici.switchboard import PhoneCallItem


class OutgoingOffer(Offer):
    """The agent's item: ``dialing`` until somebody answers, whatever his own telephone does."""

    direction: Literal["inbound", "outbound"] = "outbound"

    @property
    def called_number(self) -> str:
        return self.handoff.visit.incoming.calling_number

    def snapshot(self) -> PhoneCallItem:
        item = super().snapshot()
        if self.status == "alerting":
            return dataclasses.replace(item, status="dialing", capabilities=capabilities_of("dialing"))
        return item
