"""SIPp scenarios out of their steps, for what takes more variants than files."""

from __future__ import annotations

from collections.abc import Iterable

SDP = """\
v=0
o=sipp 1 {version} IN IP4 [media_ip]
s=-
c=IN IP4 {address}
t=0 0
m=audio [media_port] {profile} {formats}
{lines}"""
HEAD = """\
{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]from[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: {hops}
"""
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>\n"
ASKED = "sip:[service]@[remote_ip]:[remote_port]"


def sdp(
    *lines: str, version: int = 1, address: str = "[media_ip]", profile: str = "RTP/AVP", opus: bool = False
) -> str:
    """An offer of PCMU and keys, or of Opus alone."""
    formats = "111" if opus else "0 101"
    rtpmap = (
        ["a=rtpmap:111 opus/48000/2"] if opus else ["a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000"]
    )
    written = "".join(f"{line}\n" for line in (*rtpmap, *lines))
    return SDP.format(version=version, address=address, profile=profile, formats=formats, lines=written)


def send(
    method: str,
    sequence: int,
    *headers: str,
    body: str = "",
    content: str = "application/sdp",
    uri: str = ASKED,
    branch: str = "[branch]",
    hops: int = 70,
    in_call: bool = False,
) -> str:
    """One request. An ACK is not repeated, whatever else is until something is received."""
    head = HEAD.format(
        method=method,
        uri="[next_url]" if in_call else uri,
        branch=branch,
        to_tag="[peer_tag_param]" if in_call or method == "ACK" else "",
        sequence=sequence,
        hops=hops,
    )
    head += CONTACT if method in ("INVITE", "UPDATE") else ""
    head += "".join(f"{header}\n" for header in headers)
    head += f"Content-Type: {content}\n" if body else ""
    text = f"{head}Content-Length: [len]\n\n{body}"
    repeated = "" if method == "ACK" else ' retrans="500"'
    return f"<send{repeated}><![CDATA[\n{text}\n]]></send>"


def receive(status: int, **checks: str) -> str:
    """A response, with a pattern for a header (``min_se="90"``), or for the ``body``."""
    actions, names = "", []
    for number, (name, pattern) in enumerate(checks.items(), 1):
        where = 'search_in="body"' if name == "body" else f'search_in="hdr" header="{name.replace("_", "-")}:"'
        actions += f'<ereg regexp="{pattern}" {where} check_it="true" assign_to="{number}"/>'
        names.append(f"[${number}]")
    checked = f'<action>{actions}<log message="checked {" ".join(names)}"/></action>' if checks else ""
    way = ' rrs="true"' if 200 <= status < 300 else ""
    return f'<recv response="{status}"{way}>{checked}</recv>'


def takes(method: str, status: int = 200, **checks: str) -> list[str]:
    """A request of the engine's in the call, and the answer to it."""
    action = "".join(
        f'<action><ereg regexp="{pattern}" search_in="hdr" header="{name.replace("_", "-")}:" check_it="true"'
        f' assign_to="1"/><log message="checked [$1]"/></action>'
        for name, pattern in checks.items()
    )
    lines = "\n".join(f"[last_{name}:]" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    reply = f"SIP/2.0 {status} Fine\n{lines}\n{CONTACT}Content-Length: 0\n\n"
    return [f'<recv request="{method}">{action}</recv>', f"<send><![CDATA[\n{reply}\n]]></send>"]


MAY_RING = '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
PAUSE = '<pause milliseconds="200"/>'


def refused(
    status: int, *headers: str, offer: str = "", how: dict[str, str | int] | None = None, **checks: str
) -> list[str]:
    """An INVITE that is refused, and the ACK to that."""
    more: dict[str, str | int] = {"branch": "z9hG4bK-[pid]-[call_number]-one", **(how or {})}
    invite = send("INVITE", 1, *headers, body=offer or sdp(), **more)  # type: ignore[arg-type]
    return [invite, MAY_RING, receive(status, **checks), send("ACK", 1, branch=str(more["branch"]))]


def answered(*headers: str, **checks: str) -> list[str]:
    """An INVITE that is answered, and its ACK."""
    invite = send("INVITE", 1, *headers, body=sdp())
    return [invite, MAY_RING, receive(200, **checks), send("ACK", 1, in_call=True), PAUSE]


def bye(sequence: int) -> list[str]:
    return [send("BYE", sequence, in_call=True), receive(200)]


def scenario(name: str, steps: Iterable[str]) -> str:
    """The file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n'
        + "\n".join(steps)
        + "\n</scenario>\n"
    )
