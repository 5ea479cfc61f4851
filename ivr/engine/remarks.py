"""What settings, menus and this machine have for each other that does not fit: no mistake in any of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ivr.call.clips import clips_of
from ivr.config import Settings
from ivr.config.trunk_check import password_variable
from ivr.errors import IvrError, Problem
from ivr.menu.model import Menu
from ivr.menu.schema import meant
from ivr.speech.wav import decode_wav
from ivr.store.connector_contract import missing_variables


def staffing(settings: Settings, menus: Iterable[Menu]) -> Iterator[Problem]:
    """Skills that no queue asks for, and queues whose skills nobody has."""
    path = str(settings.source or "settings")
    queues = {queue.name: (menu, queue) for menu in menus for queue in menu.queues.values()}
    wanted = {skill for _, queue in queues.values() for skill in queue.skills}
    had = {skill.partition(":")[0] for agent in settings.agents for skill in agent.skills}
    for agent in settings.agents if wanted else ():
        for skill in (one.partition(":")[0] for one in agent.skills):
            if skill not in wanted:
                message = f"{agent.id} has the skill {skill!r}, which no queue asks for{meant(skill, wanted)}"
                yield Problem(path, message, where=f"agents.{agent.id}.skills")
    for menu, queue in queues.values() if settings.agents else ():
        if had.isdisjoint(queue.skills):
            skills = ", ".join(queue.skills) or "no skill"
            yield Problem(
                menu.path, f"asks for {skills}, which no agent of {path} has", where=f"queues.{queue.name}"
            )


KEYS_READABLE = "but nothing is listened on for TLS: everybody on the way can read the keys of the sound"


def signalling(settings: Settings) -> Iterator[Problem]:
    """Protected sound whose keys are not, and trunks that will hardly let us in."""
    path, sip = str(settings.source or "settings"), settings.sip
    if sip.srtp != "off" and not sip.tls_listen:
        yield Problem(path, f"is {sip.srtp}, {KEYS_READABLE}; set tls_listen", where="sip.srtp")
    for trunk in sip.trunks:
        if trunk.user and not trunk.password:
            message = (
                f"{trunk.name} has the user {trunk.user}, and no password, which most registrars and gateways ask "
                f"for; write it, or set {password_variable(trunk.name)}"
            )
            yield Problem(path, message, where=f"sip.trunks.{trunk.name}.password")


def recording(settings: Settings, menus: Iterable[Menu]) -> Iterator[Problem]:
    """Queues to be recorded that no menu has."""
    known = {queue for menu in menus for queue in menu.queues}
    for queue in settings.recording.queues:
        if queue not in known:
            message = f"names the queue {queue!r}, which no menu has{meant(queue, known)}"
            yield Problem(str(settings.source or "settings"), message, where="recording.queues")


def hearing(settings: Settings) -> Iterator[Problem]:
    """Speech models that are not there."""
    for language, folder in settings.speech.models.items():
        if not folder.is_dir():
            message = f"{str(folder)!r} is no folder, so nothing said in {language} is heard; name a Vosk model"
            yield Problem(str(settings.source or "settings"), message, where=f"speech.models.{language}")


def environment(menus: Iterable[Menu]) -> Iterator[Problem]:
    """Variables that connectors take their secrets from and that are not set here."""
    used = dict.fromkeys(by.connector for menu in menus for by in menu.answered.values())
    for connector in used:
        yield from missing_variables(connector)


def unheard(settings: Settings, menus: Iterable[Menu]) -> Iterator[Problem]:
    """Recordings whose name is no prompt: nobody hears them, and what they were meant for is synthetic."""
    names: dict[str, set[str]] = {}
    for menu in menus:
        for language in menu.languages:
            names.setdefault(language.code, set())
        for clip in clips_of(menu, settings.menu.audio, currency=settings.store.currency):
            if clip.recording is not None:
                names.setdefault(clip.language, set()).add(str(clip.recording))
    for code, known in names.items():
        folder = settings.menu.audio / code
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() != ".wav" or file.name.startswith(".") or str(file) in known:
                continue
            near = difflib.get_close_matches(str(file), known, 1, 0.6)
            hint = (
                f"did you mean {Path(near[0]).relative_to(folder)}?"
                if near
                else "`ivr prompts script` has the names"
            )
            yield Problem(str(file), f"is named like no prompt, so nobody hears it; {hint}")


def unreadable(settings: Settings, menus: Iterable[Menu]) -> list[Problem]:
    """Recordings that are no sound. A mistake: a start says their texts by voice, publishing refuses them."""
    found: dict[str, Problem] = {}
    for menu in menus:
        for clip in clips_of(menu, settings.menu.audio, currency=settings.store.currency):
            if clip.recording is None or str(clip.recording) in found or not clip.recording.is_file():
                continue
            try:
                decode_wav(clip.recording.read_bytes())
            except IvrError as error:
                found[str(clip.recording)] = Problem(str(clip.recording), str(error))
            except OSError as error:
                why = f"cannot be read: {error.strerror or error}; make it a readable WAV file"
                found[str(clip.recording)] = Problem(str(clip.recording), why)
    return list(found.values())
