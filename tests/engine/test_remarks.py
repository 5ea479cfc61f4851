"""What settings do not get along with, though nothing in them is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ivr.config import HostPort, RecordingSettings, Settings, SipSettings, Trunk
from ivr.engine.remarks import recording, signalling

TLS = (HostPort("127.0.0.1", 5061),)


def remarks(sip: SipSettings) -> list[str]:
    return [f"{problem.where} {problem.message}" for problem in signalling(Settings(sip=sip))]


def test_keys_that_everybody_can_read_are_told_of() -> None:
    for srtp in ("offered", "required"):
        (told,) = remarks(SipSettings(srtp=srtp))  # type: ignore[arg-type]
        assert told.startswith(f"sip.srtp is {srtp}, but nothing is listened on for TLS")
    assert remarks(SipSettings(srtp="required", tls_listen=TLS)) == remarks(SipSettings()) == []


def test_a_queue_to_be_recorded_that_no_menu_has_is_told_of() -> None:
    menus: Any = [SimpleNamespace(queues={"billing": None}), SimpleNamespace(queues={"general": None})]
    settings = Settings(recording=RecordingSettings("queues", ("general", "biling")))
    (told,) = recording(settings, menus)
    assert (told.where, told.message) == (
        "recording.queues",
        "names the queue 'biling', which no menu has; did you mean billing?",
    )


def test_a_trunk_with_a_user_and_no_password_is_told_of() -> None:
    pbx = Trunk("my-pbx", registrar="sip:pbx.example", user="200")
    (told,) = remarks(SipSettings(trunks=(pbx,)))
    assert told.startswith("sip.trunks.my-pbx.password my-pbx has the user 200, and no password")
    assert told.endswith("IVR_SIP_TRUNKS_MY_PBX_PASSWORD")
    gateway = Trunk("gateway", gateway="sip:gate.example")
    known = Trunk("known", registrar="sip:pbx.example", user="200", password="secret")
    assert remarks(SipSettings(trunks=(gateway, known))) == []
