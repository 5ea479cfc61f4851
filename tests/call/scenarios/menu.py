"""The menu of the scenarios: two digits say which one a caller belongs to, and each has queues of its own."""

from __future__ import annotations

from pathlib import Path

from ivr.config import MenuSettings

RING = "3s"
"""How long a telephone rings in the scenario in which nobody answers."""
PATIENT = "60s"
"""How long it rings in all others: longer than any of them lasts."""

HEAD = """\
ivr: 1
name: scenarios
title: Queues for the scenarios of the tests
start: which
emergency: {none: "agents are tried here; nobody calls for help"}
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults:
  listen: [keys]
  wait: 20s
  no_input: [{say: ask.number}, {go: goodbye}]
  no_match: [{say: ask.number}, {go: goodbye}]
  on_fault: goodbye
attached_data:
  application: SAP-IC
  from_agent: {WISH: agent_wish}
  fields: {REASON: reason, CALLER: phone, NUMBER: number, PATH: path}
"""

STEPS = """\
steps:
  which:
    type: ask
    say: ask.number
    take: {kind: digits, length: 2}
    as: number
    go: whose
  goodbye: {type: say, say: ask.goodbye, go: END}
"""

PROMPTS = """\
prompts: en
ask.number: Which of the scenarios?
ask.goodbye: Nobody is here for you.
"""


def write_menu(folder: Path, scenarios: dict[str, int], *, short_ring: str) -> MenuSettings:
    """The menu with the queues ``NAME`` and ``NAME_second`` of every scenario; `short_ring` does not ring long."""
    queues, checks, handoffs, wishes = [], [], [], []
    for name, number in scenarios.items():
        for queue in (name, f"{name}_second"):
            ring = RING if queue == short_ring else PATIENT
            queues.append(
                f"  {queue}: {{skills: [{queue}], priority: 30, open: always, ring: {ring}, longest: 20m}}"
            )
            handoffs.append(
                f"  to_{queue}: {{type: handoff, queue: {queue}, reason: NUMBER_{number},"
                " busy: goodbye, closed: goodbye, failed: goodbye}"
            )
        checks.append(f"      - {{if: number == '{number}', go: to_{name}}}")
        wishes.append(f"      - {{if: agent_wish == '{name}', go: to_{name}_second}}")
    text = [HEAD, "queues:", *queues, STEPS.rstrip(), "  whose:", "    type: check", "    when:", *checks]
    text += ["    else: goodbye", "  after_agent:", "    type: check"]
    text += ["    allow: [{proof: unreachable, why: agents send callers here}]", "    when:", *wishes]
    text += ["    else: goodbye", *handoffs]
    (folder / "prompts").mkdir(parents=True)
    (folder / "scenarios.yaml").write_text("\n".join(text) + "\n", "utf-8")
    (folder / "prompts" / "en.yaml").write_text(PROMPTS, "utf-8")
    (folder / "connectors.yaml").write_text("{}\n", "utf-8")
    return MenuSettings(folder=folder, default="scenarios", audio=folder / "audio")
