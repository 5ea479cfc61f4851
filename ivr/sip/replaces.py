"""A call that takes the place of another: the Replaces header, and whose place it is. RFC 3891.

>>> Replaces.parse("425928@bobster;to-tag=7743;from-tag=6472").to_tag
'7743'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ivr.sip.dialog import Dialog
from ivr.sip.fields import parse_parameters, split_outside_quotes
from ivr.sip.message import Request
from ivr.sip.reply import Refusal

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.leg import Leg

TAG = "replaces"
"""Of Supported and Require. RFC 3891 section 6.2."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog to be replaced, named as the one who is asked to do it sees it. RFC 3891 section 6.1."""

    call_id: str
    to_tag: str
    """The tag of whoever gets this."""
    from_tag: str
    """The tag of the other side of that dialog."""
    early_only: bool = False
    """Only while it rings."""

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """:raises ValueError: the Call-ID or a tag is missing."""
        call_id, *rest = split_outside_quotes(text, ";")
        parameters = parse_parameters(";".join(rest))
        to_tag, from_tag = parameters.get("to-tag", ""), parameters.get("from-tag", "")
        if not (call_id and to_tag and from_tag) or any(letter in call_id for letter in ' ,"'):
            raise ValueError(f"Replaces needs a Call-ID, to-tag and from-tag, not {text[:100]!r}")
        return cls(call_id, to_tag, from_tag, "early-only" in parameters)

    @classmethod
    def of_peer(cls, dialog: Dialog) -> Replaces:
        """A dialog of ours, named for its other side."""
        return cls(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    def encode(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def replaced_leg(core: Core, invite: Request) -> Leg | Refusal | None:
    """The leg whose place the call wants; None when it wants nobody's. RFC 3891 section 3."""
    values = [part for part in invite.tokens("Replaces") if part]
    if not values:
        return None
    if len(values) > 1:
        return Refusal(400, "More Than One Replaces")
    try:
        replaces = Replaces.parse(values[0])
    except ValueError:
        return Refusal(400, "Malformed Replaces")
    leg = leg_named(core, replaces)
    if leg is None:
        return Refusal(481)
    if leg.is_ending:
        return Refusal(603)
    if leg.is_early:
        return leg if leg.owns_call_id else Refusal(481)  # what rings here is answered here, not taken away
    return Refusal(486) if replaces.early_only else leg


def leg_named(core: Core, replaces: Replaces) -> Leg | None:
    """The leg of ours in that dialog."""
    return core.dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))
