"""What the measured engine is given: settings, agents, a small menu and one long recording."""

from __future__ import annotations

import socket
from pathlib import Path

from benchmarks.media import free_range
from benchmarks.soak.site import free_port, share
from ivr.media.music import hold_music
from ivr.media.wav import write_wav

MENU = """\
ivr: 1
name: busy
title: A floor under load
start: first
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults:
  no_input: [{go: first}]
  no_match: [{go: first}]
  on_fault: person
queues:
  general: {skills: [general], priority: 30, open: always, ring: 20s, strategy: longest_idle}
  night: {skills: [night], priority: 20, open: always, ring: 20s, strategy: longest_idle}
attached_data:
  application: SAP-IC
  fields: {CALLER: phone, REASON: reason, TOPIC: topic, PROVED: level, LANGUAGE: language, PATH: path,
           TRIED: misses, WAITED: waited}
steps:
  first:
    type: menu
    say: q.first
    choices: [{press: 1, offer: q.one, go: person}, {press: 2, offer: q.two, go: night}]
  person: {type: handoff, queue: general, reason: WANTS_A_PERSON, waiting: q.wait, busy: END, closed: END,
    failed: END}
  night: {type: handoff, queue: night, reason: NIGHT, waiting: q.wait, busy: END, closed: END, failed: END}
"""
PROMPTS = """\
prompts: en
q.first: Hello.
q.wait: Wait.
q.one: "For a person, press {key}."
q.two: "Or press {key}."
"""


class Site:
    """A folder with everything in it; `config` is its settings file."""

    def __init__(self, folder: Path, *, agents: int, calls: int, prompts: Path | None = None) -> None:
        """`prompts`: rendered ones, and the store of samples, of somebody else."""
        self.sip, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.config = folder / "ivr.toml"
        menus, spoken = folder / "menus", folder / "audio" / "en"
        (menus / "prompts").mkdir(parents=True)
        spoken.mkdir(parents=True)
        (menus / "busy.yaml").write_text(MENU)
        (menus / "prompts" / "en.yaml").write_text(PROMPTS)
        (menus / "connectors.yaml").write_text("{}\n")
        write_wav(spoken / "q.first.wav", hold_music())  # 24 s: a prompt that lasts
        if prompts is not None:
            share(prompts, folder)
        first, last = free_range(2 * calls + 100)
        desks = "".join(f'[[agents]]\nid = "agent{number}"\nskills = ["general"]\n' for number in range(agents))
        self.config.write_text(
            f'var = "{folder}"\n'
            f'[sip]\nlisten = "127.0.0.1:{self.sip}"\ntrusted = ["127.0.0.1"]\nmax_calls = {2 * calls + 100}\n'
            f'[http]\nlisten = "127.0.0.1:{self.http}"\n'
            f'[media]\nports = "{first}-{last}"\n'
            f'[store]\npath = "{folder / "ivr.db"}"\n'
            f'[menu]\nfolder = "{menus}"\ndefault = "busy"\naudio = "{folder / "audio"}"\n'
            f"[routing]\nunstaffed = 0\n{desks}"
        )
