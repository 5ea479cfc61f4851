"""What an engine process and its worker say to each other over a pipe.

One frame is a JSON object and, where there is sound, octets::

     0               4               8
    +---------------+---------------+-----------------+-------------
    | length of JSON| length of body| JSON (UTF-8)    | body
    +---------------+---------------+-----------------+-------------
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

HEAD = struct.Struct("!II")
MOST = 256 * 1024 * 1024
"""Octets of one part; more means that the pipe is out of step, or that something else writes to it."""


class BadFrame(Exception):
    """The pipe carries something that is no frame."""


def encode_frame(message: Mapping[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(text), len(body)) + text + body


async def read_frame(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """The next frame. Raises IncompleteReadError at the end of the pipe, BadFrame when it is no frame."""
    text_size, body_size = HEAD.unpack(await reader.readexactly(HEAD.size))
    if max(text_size, body_size) > MOST:
        raise BadFrame(f"a frame of {text_size} and {body_size} octets")
    text = await reader.readexactly(text_size)
    return _message(text), await reader.readexactly(body_size)


def read_frame_blocking(pipe: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame, in a worker; None when the engine has closed the pipe or is gone."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    text_size, body_size = HEAD.unpack(head)
    if max(text_size, body_size) > MOST:
        raise BadFrame(f"a frame of {text_size} and {body_size} octets")
    text, body = pipe.read(text_size), pipe.read(body_size)
    if len(text) < text_size or len(body) < body_size:
        return None
    return _message(text), body


def _message(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise BadFrame("a frame whose message is no JSON") from error
    if not isinstance(message, dict):
        raise BadFrame("a frame whose message is no object")
    return message
