"""Values of the right type that still cannot work: wrong kinds of addresses, contradictions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from babel.numbers import is_currency

from ivr.config.settings import MenuSettings, Settings
from ivr.config.trunk_check import host_of

Mistake = tuple[str, str, str]
"""Table, key, and what is wrong with what to write instead."""
_GATEWAY = re.compile(r"sips?:([^@\s;]+@)?[^@\s;/]+(;[^\s]*)?")
_PREFIX = re.compile(r"tel:\+?[0-9]+|sips?:\S+")


def mistakes_between(settings: Settings) -> Iterator[Mistake]:
    """What would start without a word and fail in the first call."""
    yield from _signalling(settings)
    yield from _guard(settings)
    yield from _agents(settings)
    recording = settings.recording
    if recording.conversations == "queues" and not recording.queues:
        message = 'is "queues", and none are named: nobody is recorded; write queues = ["billing"], or "none"'
        yield "recording", "conversations", message
    if recording.conversations != "queues" and recording.queues:
        message = f'are named, but conversations is "{recording.conversations}"; write conversations = "queues"'
        yield "recording", "queues", message
    currency = settings.store.currency
    if re.fullmatch(r"[A-Z]{3}", currency) and not is_currency(currency):
        yield "store", "currency", f"{currency!r} is no currency; write an ISO 4217 code, like USD"
    if not settings.menu.folder.is_dir():
        message = f"{str(settings.menu.folder)!r} is no folder; name the one that holds the menus"
        yield "menu", "folder", message
    if not settings.menu.audio.is_dir() and settings.menu.audio != MenuSettings().audio:
        message = f"{str(settings.menu.audio)!r} is no folder; name the one that holds the recordings, or make it"
        yield "menu", "audio", message


def _signalling(settings: Settings) -> Iterator[Mistake]:
    sip = settings.sip
    if not sip.realm or any(sign in '"\\' or not sign.isprintable() for sign in sip.realm):
        yield "sip", "realm", f"is {sip.realm!r}; write a name without quotation marks and backslashes"
    for host in sip.trusted:
        if not _is_address(host):
            yield "sip", "trusted", f"{host!r} is no numeric address; write the one its messages come from"
    for prefix in sip.dial:
        if not _PREFIX.fullmatch(prefix):
            yield "sip", "dial", f'{prefix!r} is no prefix of a number; write it like "tel:+1555"'
    if sip.gateway and not _GATEWAY.fullmatch(sip.gateway):
        yield "sip", "gateway", f"is {sip.gateway!r}; write a SIP address, like sip:trunk.example:5060"
    if sip.srtp == "required" and settings.media.bridge == "direct":
        message = 'is direct, but sip.srtp is required: keys are not passed on; write "relay", or srtp = "offered"'
        yield "media", "bridge", message
    guarded = {agent.id for agent in settings.agents if agent.password}
    users = [account.user for account in sip.accounts]
    for number, user in enumerate(users):
        if user in users[:number]:
            yield "sip", "accounts", f"the user {user!r} is there twice; keep one"
        if user in guarded:
            message = f"the user {user!r} is an agent with a password, who may register with that one; take it out"
            yield "sip", "accounts", message


def _guard(settings: Settings) -> Iterator[Mistake]:
    guard = settings.guard
    for number in guard.emergency:
        if not number.strip() or any(sign in number for sign in "@:<>;"):
            yield "guard", "emergency", f'{number!r} is no called number; write what callers dial, like "112"'
    if guard.emergency and guard.emergency_reserve >= settings.sip.max_calls:
        kept = f"{guard.emergency_reserve} of sip.max_calls = {settings.sip.max_calls}"
        yield "guard", "emergency", f"keeps {kept}, so that nobody else gets in; write a smaller emergency_reserve"
    for text in guard.scanners:
        if len(text.strip()) < 3:
            message = f"{text!r} is in the name of many a telephone; write three letters at least"
            yield "guard", "scanners", message


def _agents(settings: Settings) -> Iterator[Mistake]:
    behind_trunks = {host_of(trunk.domain) for trunk in settings.sip.trunks}
    for number, agent in enumerate(settings.agents, 1):
        if agent.phone.startswith("tel:") and not settings.sip.trunks:
            yield (
                f"agents {number}",
                "phone",
                "is a number, and no [[sip.trunks]] leads to it; write a SIP address",
            )
        match = re.match(r"sips?:[^@\s]+@(\[[^\]\s]+\]|[^@\s:;]+)(?::(\d+))?(;|$)", agent.phone)
        if match is None:
            continue  # none, or told already
        host, where = match[1].strip("[]"), f"agents {number}"
        if host not in settings.ici.phones and host not in behind_trunks:
            yield where, "phone", f"is at {host}, which ici.phones does not list; add it there, or nothing rings"
        if match[2] is not None and not 0 < int(match[2]) < 65536:
            yield where, "phone", f"has the port {match[2]}; a port is 1 to 65535"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
