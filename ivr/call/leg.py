"""One side of a call with sound: what was agreed, and the media worker's half of it."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import replace

from ivr.media.messages import LegClosed, StreamFormat
from ivr.media.worker.client import MediaWorkers
from ivr.sdp import (
    SUITES,
    Agreement,
    LocalMedia,
    NotAcceptable,
    SessionDescription,
    Srtp,
    answer,
    choose,
    make_offer,
    make_straight_offer,
    read_answer,
)
from ivr.sdp.crypto import KEY_OCTETS

NOT_ACCEPTABLE = (488, 606)
"""Refusals of what is offered, and not of the call. RFC 3261 sections 21.4.26 and 21.6.4."""


class VoiceLeg:
    """The sound of one leg. Every method raises RemoteProtocolError for descriptions that cannot be used."""

    def __init__(self, name: str, local_host: str, media: MediaWorkers, srtp: Srtp) -> None:
        """`srtp`: the setting ``sip.srtp``, whether sound may or must be protected."""
        self.name = name
        self._media = media
        self._local = LocalMedia(
            local_host, 0, session_id=secrets.randbits(31), version=0, srtp=srtp, keys=new_keys(srtp)
        )
        self._said: SessionDescription | None = None
        """Our description that went out last."""
        self._offered: SessionDescription | None = None
        self._invite: Callable[[bytes], None] | None = None
        self.agreement: Agreement | None = None
        """What sound through the media worker goes by."""
        self.held_us = False
        """The peer held us before what was agreed last."""

    @property
    def host(self) -> str:
        """Our address, as the peer sees it."""
        return self._local.host

    @property
    def holds_us(self) -> bool:
        """The peer does not want to hear us now: hold. RFC 3264 section 8.4."""
        return self.agreement is not None and not format_of(self.agreement).send

    def judge(self, offer: bytes, reach: Callable[[str], str | None]) -> None:
        """Whether an offer can be answered, before anything is opened or anybody hears it ring.

        `reach` says which address of ours a numeric one is reached from, or None: who calls over IPv6 may want
        its sound over IPv4, and then that is where ours will be. Nothing may be open yet.
        """
        theirs = SessionDescription.parse(offer)
        codecs, srtp = self._local.codecs, self._local.srtp
        try:
            choose(theirs, codecs, host=self.host, srtp=srtp)
        except NotAcceptable:
            ours = next((host for host in map(reach, theirs.hosts(other_than=self.host)) if host), None)
            if ours is None:
                raise
            choose(theirs, codecs, host=ours, srtp=srtp)
            self._local = replace(self._local, host=ours)

    async def open(self, *, beside: str | None = None) -> None:
        """Take ports, in the worker of the leg `beside`, which it will be bridged with.

        Raises IvrError when none is free.
        """
        opened = await self._media.open_leg(self.name, self._local.host, beside=beside)
        self._local = replace(self._local, port=opened.port)

    async def regain(self, *, beside: str | None = None) -> bytes:
        """After a media worker died: new ports, new keys, and the offer that tells the peer of them.

        Raises IvrError when no worker comes back in time.
        """
        await self.open(beside=beside)
        self._local = replace(self._local, keys=new_keys(self._local.srtp))
        return self.offer()

    def answer(self, offer: bytes) -> bytes:
        """Our answer to an offer of the peer; sound follows it from now on."""
        agreement = answer(SessionDescription.parse(offer), self._local)
        agreement = replace(agreement, description=self._versioned(agreement.description))
        self._use(agreement)
        return agreement.description.encode()

    def offer(self) -> bytes:
        """An offer of ours."""
        self._offered = self._versioned(make_offer(self._local))
        return self._offered.encode()

    def call(self, invite: Callable[[bytes], None]) -> None:
        """Make a call: `invite` sends an INVITE with that offer."""
        self._invite = invite
        invite(self.offer())

    def calls_again(self, status: int) -> bool:
        """Whether a refusal of our call was answered by another INVITE: some telephones that insist on protected
        sound do not take keys in plain ``RTP/AVP``, so they are asked once more, with ``RTP/SAVP``."""
        if status not in NOT_ACCEPTABLE or self._local.srtp != "offered" or self._invite is None:
            return False
        self._local = replace(self._local, srtp="required", keys=new_keys("required"))
        self._invite(self.offer())
        return True

    def take_answer(self, answered: bytes) -> None:
        """The peer's answer to the latest offer of ours."""
        if self._offered is None:
            return
        self._use(read_answer(self._offered, SessionDescription.parse(answered)))
        self._offered = None

    # --- straight between two telephones --------------------------------------------------------------

    def offer_straight(self, other: Agreement) -> bytes:
        """An offer that sends the peer to the telephone of `other`, without us."""
        self._offered = self._versioned(make_straight_offer(self._local, other))
        return self._offered.encode()

    def take_straight_answer(self, answered: bytes) -> Agreement:
        """Where the peer wants the other's sound. The media worker is not told: it waits, see `send_away`."""
        assert self._offered is not None
        agreement = read_answer(self._offered, SessionDescription.parse(answered))
        self._offered = None
        return agreement

    def answer_straight(
        self, offer: bytes, other: Agreement, is_same: Callable[[Agreement], bool]
    ) -> bytes | None:
        """Our answer to a peer that goes on talking straight with `other`; None if it wants something else."""
        host, port = other.remote
        elsewhere = replace(self._local, host=host, port=port, codecs=(other.codec,))
        agreement = answer(SessionDescription.parse(offer), elsewhere)
        ours = replace(agreement.description, origin=replace(agreement.description.origin, host=self._local.host))
        return self._versioned(ours).encode() if is_same(agreement) else None

    def send_away(self, bring_back: Callable[[], None]) -> None:
        """The sound goes straight now; `bring_back` is called when it is needed here."""
        self._media.send_away(self.name, bring_back)

    async def close(self) -> LegClosed:
        return await self._media.close_leg(self.name)

    def _versioned(self, ours: SessionDescription) -> SessionDescription:
        """One version more than what we said last, if it says something else. RFC 3264 section 8."""
        said = self._said
        if said is not None and replace(ours, origin=said.origin) == said:
            return said
        version = 1 if said is None else said.origin.version + 1
        self._said = replace(ours, origin=replace(ours.origin, version=version))
        return self._said

    def _use(self, agreement: Agreement) -> None:
        self.held_us = self.holds_us
        self.agreement = agreement
        self._media.set_remote(self.name, agreement.remote, format_of(agreement))


def format_of(agreement: Agreement) -> StreamFormat:
    """What an agreement means on the wire. Nothing can be sent to the old hold address."""
    secured = agreement.secured
    return StreamFormat(
        codec=agreement.codec,
        payload_type=agreement.payload_type,
        event_payload_type=agreement.event_payload_type,
        send=agreement.send and not ipaddress.ip_address(agreement.remote[0]).is_unspecified,
        receive=agreement.receive,
        packet_time=agreement.packet_time,
        suite=secured.suite if secured else None,
        send_key=_text(secured.local_key) if secured else "",
        receive_key=_text(secured.remote_key) if secured else "",
    )


def new_keys(srtp: Srtp) -> tuple[bytes, ...]:
    """One for each suite that may be taken: no key protects two streams. RFC 4568 section 6.1."""
    return () if srtp == "off" else tuple(secrets.token_bytes(KEY_OCTETS) for _ in SUITES)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
