"""The table that `ivr serve` begins with."""

from __future__ import annotations

import pytest

from ivr.cli import serve
from ivr.config import HostPort, Settings, SipSettings
from ivr.engine.engine import Listening

HTTP = HostPort("127.0.0.1", 8080)


def rows(*plain: HostPort, tls: tuple[HostPort, ...] = ()) -> list[str]:
    first = (*plain, *tls)[0]
    listening = Listening(first, plain, tls, HTTP, "northgas@1", True, "off", 0, 0, ())
    return list(serve._dialled(Settings(sip=SipSettings()), listening))


def test_every_address_that_is_listened_on_can_be_dialled() -> None:
    assert rows(HostPort("127.0.0.1", 5060), HostPort("::1", 5062), tls=(HostPort("::1", 5061),)) == [
        "sip:ivr@127.0.0.1:5060   UDP and TCP, no account needed",
        "sip:ivr@[::1]:5062   UDP and TCP",
        "sips:ivr@[::1]:5061   TLS; by the name in the certificate",
    ]


def test_an_engine_that_listens_everywhere_names_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    outward = {"192.0.2.1": "198.51.100.7", "2001:db8::1": "::1"}
    monkeypatch.setattr(serve, "local_address_towards", outward.__getitem__)
    assert [row.partition("   ")[0] for row in rows(HostPort("0.0.0.0", 5060), HostPort("::", 5060))] == [
        "sip:ivr@127.0.0.1:5060",
        "sip:ivr@198.51.100.7:5060",
        "sip:ivr@[::1]:5060",
    ]


def test_tls_alone_is_no_udp() -> None:
    assert rows(tls=(HostPort("127.0.0.1", 5061),)) == [
        "sips:ivr@127.0.0.1:5061   TLS; by the name in the certificate"
    ]
