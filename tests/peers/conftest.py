"""What the tests with peers share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.config import MenuSettings

WriteMenu = Callable[..., MenuSettings]
"""Steps and prompts in YAML, to the settings of a menu of its own."""

HEAD = """\
ivr: 1
name: small
title: A small menu
start: first
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults: {on_fault: fault}
queues:
  general: {skills: [general], priority: 30, open: always, ring: 20s, longest: 20m}
attached_data: {application: SAP-IC, fields: {CALLER: phone, REASON: reason}}
steps:
  fault: {type: say, say: small.fault, go: END}
"""


@pytest.fixture
def write_menu(tmp_path: Path) -> WriteMenu:
    """Writes a menu: `write_menu(steps, prompts)`, lines of YAML each."""

    def write(steps: str, prompts: str) -> MenuSettings:
        folder = tmp_path / "menus"
        (folder / "prompts").mkdir(parents=True)
        (folder / "small.yaml").write_text(HEAD + "".join(f"  {line}\n" for line in steps.splitlines()))
        (folder / "prompts" / "en.yaml").write_text("prompts: en\nsmall.fault: Something went wrong.\n" + prompts)
        (folder / "connectors.yaml").write_text("{}\n")
        return MenuSettings(folder=folder, default="small", audio=tmp_path / "audio")

    return write
