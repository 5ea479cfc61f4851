"""Programs that look for telephone systems to break into, by the marks they leave in their requests.

An answer, even a refusal, tells them that somebody is there; so they get none. A scanner can call itself
what it likes: those that do not bother are the great majority of what an open port hears.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ivr.sip.message import Request

USER_AGENTS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sippts",
    "sipsscuser",
    "siparmyknife",
    "sundayddr",
    "pplsip",
    "vaxsipuseragent",
    "vaxipuseragent",
    "sivus",
    "warvox",
)
"""Found anywhere in User-Agent, in any case."""
_WHO = re.compile(r"sipvicious|sipsscuser|sips?:(?:nm@nm|nm2@nm2|[^@>;]*@1\.1\.1\.1)(?![\w.])", re.IGNORECASE)
"""In From or To: sipvicious by name or by the address it makes up, nmap's probe."""


def is_scanner(request: Request, more: tuple[str, ...] = ()) -> bool:
    """Whether the request bears the marks of a known scanner; `more` are further texts in User-Agent."""
    if _user_agents(more).search(request.headers.get("User-Agent") or ""):
        return True
    return any(_WHO.search(request.headers.get(name) or "") for name in ("From", "To"))


@lru_cache(maxsize=8)
def _user_agents(more: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, (*USER_AGENTS, *filter(None, more)))), re.IGNORECASE)
