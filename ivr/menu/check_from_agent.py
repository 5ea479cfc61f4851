"""What the menu reads of what agents enter (``from_agent:``): values of their own, never secret, from fields that
agents can write."""

from __future__ import annotations

from ivr.menu.check_names import own_values
from ivr.menu.check_report import Report
from ivr.menu.model import BUILT_IN
from ivr.menu.schema import Keys


def check_from_agent(report: Report) -> None:
    menu = report.menu
    own, first = own_values(menu), dict[str, str]()
    for field, name in menu.from_agent.items():
        mine = field.application == menu.application
        written = field.name if mine else str(field)
        at: Keys = ("attached_data", "from_agent", written)
        if mine and field.name in menu.fields:
            message = "is what the menu writes there, and no agent can change it; read another field"
            report.wrong(at, message, key=True)
        if name in menu.secrets:
            message = f"{name!r} is secret, and what an agent enters is not; use another name [secret]"
            report.wrong(at, message)
        elif name in BUILT_IN:
            report.wrong(at, f"{name!r} is a value every call has; use another name, such as agent_{name}")
        elif name in own:
            message = f"{name!r} is set in the menu too, and would be lost; use another name, such as agent_{name}"
            report.wrong(at, message)
        elif name in first:
            report.wrong(at, f"{name!r} is read from {first[name]} already; use another name")
        first.setdefault(name, written)
