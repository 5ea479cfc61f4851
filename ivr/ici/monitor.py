"""What supervisors are told every few seconds: an XML document with the figures of queues and agents (H23)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lxml import etree

from ivr.ici.switchboard import QueueView, UserView
from ivr.ici.xml import legal

PERIOD: Final = 5.0
"""Seconds between two looks; nothing is sent where nothing has changed."""


def data_form(queues: Iterable[QueueView], users: Iterable[UserView]) -> str:
    """The document that travels, escaped once, as the text of `dataForm`.

    Equal figures give equal documents: there is no time in it, the event has its own.
    """
    root = etree.Element("MonitorData")
    listed = etree.SubElement(root, "Queues")
    views = list(users)
    for queue in queues:
        ready = sum(
            queue.id in view.queues and view.workmode == 2 and view.presence == "Available" for view in views
        )
        etree.SubElement(
            listed,
            "Queue",
            id=legal(queue.id),
            waiting=str(queue.waiting),
            longestWait=str(int(queue.longest_wait)),
            agentsReady=str(ready),
        )
    people = etree.SubElement(root, "Users")
    for view in views:
        etree.SubElement(
            people,
            "User",
            id=legal(view.id),
            workmode=str(view.workmode),
            text=legal(view.workmode_text),
            presence=view.presence,
        )
    return '<?xml version="1.0" encoding="UTF-8"?>' + etree.tostring(root, encoding="unicode")
