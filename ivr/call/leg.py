"""One side of a call with sound: what was agreed, and the media worker's half of it."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import replace

from ivr.media.messages import LegClosed, StreamFormat
from ivr.media.worker.client import MediaWorkers
from ivr.sdp import Agreement, LocalMedia, NotAcceptable, SessionDescription, answer, make_offer, read_answer


class VoiceLeg:
    """The sound of one leg. Every method raises RemoteProtocolError for descriptions that cannot be used."""

    def __init__(self, name: str, local_host: str, media: MediaWorkers) -> None:
        self.name = name
        self._media = media
        self._local = LocalMedia(local_host, 0, session_id=secrets.randbits(31), version=0)
        self._offered: SessionDescription | None = None
        self.agreement: Agreement | None = None

    async def open(self, *, beside: str | None = None) -> None:
        """Take ports, in the worker of the leg `beside`, which it will be bridged with.

        Raises IvrError when none is free.
        """
        opened = await self._media.open_leg(self.name, self._local.host, beside=beside)
        self._local = replace(self._local, port=opened.port)

    async def regain(self, *, beside: str | None = None) -> bytes:
        """After a media worker died: new ports, and the offer that tells the peer of them.

        Raises IvrError when no worker comes back in time.
        """
        await self.open(beside=beside)
        return self.offer()

    def answer(self, offer: bytes) -> bytes:
        """Our answer to an offer of the peer; sound follows it from now on."""
        self._next_version()
        agreement = answer(SessionDescription.parse(offer), self._local)
        self._use(agreement)
        return agreement.description.encode()

    def offer(self) -> bytes:
        """An offer of ours."""
        self._next_version()
        self._offered = make_offer(self._local)
        return self._offered.encode()

    def take_answer(self, answered: bytes) -> None:
        """The peer's answer to the latest offer of ours."""
        if self._offered is None:
            return
        self._use(read_answer(self._offered, SessionDescription.parse(answered)))
        self._offered = None

    async def close(self) -> LegClosed:
        return await self._media.close_leg(self.name)

    def _next_version(self) -> None:
        self._local = replace(self._local, version=self._local.version + 1)

    def _use(self, agreement: Agreement) -> None:
        host, port = agreement.remote
        try:
            unreachable = ipaddress.ip_address(host).is_unspecified
        except ValueError:
            raise NotAcceptable(f"address {host[:60]!r} in SDP is a name; a numeric one is needed", 301) from None
        self.agreement = agreement
        form = StreamFormat(
            codec=agreement.codec,
            payload_type=agreement.payload_type,
            event_payload_type=agreement.event_payload_type,
            send=agreement.send and not unreachable,
            receive=agreement.receive,
        )
        self._media.set_remote(self.name, (host, port), form)
