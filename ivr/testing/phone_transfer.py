"""Transfers of the scripted phone: those it asks for, and those it is asked for. RFC 3515."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ivr.errors import IvrError
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.testing.phone import PhoneCall, ScriptedPhone

Told = sip.ReferAccepted | sip.ReferProgress | sip.ReferEnded


class PhoneTransfer:
    """What became of the transfers asked for in one call."""

    def __init__(self) -> None:
        self.progress: list[int] = []
        """Statuses told on the way."""
        self._ended: asyncio.Queue[sip.ReferEnded] = asyncio.Queue()

    def told(self, event: Told) -> None:
        if isinstance(event, sip.ReferProgress):
            self.progress.append(event.status)
        elif isinstance(event, sip.ReferEnded):
            self._ended.put_nowait(event)

    async def outcome(self) -> sip.ReferEnded:
        return await self._ended.get()


async def follow(phone: ScriptedPhone, call: PhoneCall, asked: sip.ReferRequested) -> None:
    """Do what the other side of `call` asks: call somebody, and tell how it goes."""
    signalling = phone.signalling
    status = phone.answering.refers if phone.answering else 202
    if status >= 300:
        signalling.refuse_refer(call.leg, status)
        return
    signalling.accept_refer(call.leg)
    replaces = [("Replaces", asked.replaces), ("Require", "replaces")] if asked.replaces else []
    try:
        new = await phone.dial(asked.target, headers=[*replaces, *_user_to_user(asked)])
    except (IvrError, OSError):
        signalling.tell_refer(call.leg, 503)
        return
    call.transferred = new
    signalling.tell_refer(call.leg, new.status, phrase=new.phrase)


def _user_to_user(asked: sip.ReferRequested) -> list[tuple[str, str]]:
    return [("User-to-User", value.encode()) for value in asked.user_to_user]
