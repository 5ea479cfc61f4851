"""The UDP pair of a leg: even port for RTP, the odd one above it for RTCP. RFC 3550 section 11."""

from __future__ import annotations

import ctypes
import os
import socket

from ivr.errors import LocalProtocolError

EXPEDITED_FORWARDING = 0xB8
"""DSCP 46 in the place of the traffic class, RFC 3246 and RFC 4594 section 4.1: voice."""

_libc = ctypes.CDLL(None, use_errno=True)


def open_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Bind both. Raises OSError when either is occupied, LocalProtocolError for an odd port."""
    if port % 2:
        raise LocalProtocolError(f"RTP on port {port}; needed is an even one")
    rtp = _bound(host, port)
    try:
        return rtp, _bound(host, port + 1)
    except OSError:
        rtp.close()
        raise


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED_FORWARDING)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def disconnect(sock: socket.socket) -> None:
    """Let a connected UDP socket hear everybody again; a port that was asked for stays bound.

    Python offers no connect to AF_UNSPEC, and closing and binding anew would lose packets and perhaps the port.
    """
    unspecified = (ctypes.c_ubyte * 16)()
    if _libc.connect(sock.fileno(), ctypes.byref(unspecified), len(unspecified)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
