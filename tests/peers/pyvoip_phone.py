"""A telephone made of pyVoIP, in a process of its own: it has threads, prints, and polls.

Usage: pyvoip_phone.py SERVER_PORT USER PASSWORD NUMBER FOLDER. It registers, dials, speaks a tone of 440 Hz and
writes what it hears to FOLDER/heard.raw until a line comes on standard input; then it hangs up. What
happens is told in JSON, one line each.
"""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from pathlib import Path

import pyVoIP.VoIP  # first: importing pyVoIP.SIP before it fails
from pyVoIP.VoIP import CallState, PhoneStatus, VoIPCall, VoIPPhone

PATIENCE = 20.0
TONE = bytes(round(128 + 32 * math.sin(2 * math.pi * 440 * sample / 8000)) for sample in range(8000 * 60))
"""Its samples are 8 bits without sign; 128 is silence."""


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def wait_for(call: VoIPCall, state: CallState) -> bool:
    end = time.monotonic() + PATIENCE
    while call.state != state and time.monotonic() < end:
        time.sleep(0.02)
    return bool(call.state == state)


def listen(call: VoIPCall, heard: Path) -> None:
    """Silence is left out: a blocking read returns when there is sound."""
    with heard.open("wb") as file:
        while call.state == CallState.ANSWERED:
            file.write(call.read_audio(160, blocking=True))
            file.flush()


def main() -> None:
    port, user, password, number, folder = sys.argv[1:]
    first = random.randrange(46000, 48000, 2)
    phone = VoIPPhone(
        "127.0.0.1", int(port), user, password, myIP="127.0.0.1", sipPort=random.randrange(48000, 49000),
        rtpPortLow=first, rtpPortHigh=first + 20,
    )  # fmt: skip
    phone.start()
    end = time.monotonic() + PATIENCE
    while phone.get_status() != PhoneStatus.REGISTERED and time.monotonic() < end:
        time.sleep(0.02)
    tell("registered", status=phone.get_status().value, version=pyVoIP.__version__)
    call = phone.call(number)
    tell("answered", answered=wait_for(call, CallState.ANSWERED))
    threading.Thread(target=listen, args=(call, Path(folder) / "heard.raw"), daemon=True).start()
    call.write_audio(TONE)
    sys.stdin.readline()
    if call.state == CallState.ANSWERED:
        call.hangup()
    tell("ended", ended=wait_for(call, CallState.ENDED))
    phone.stop()
    tell("stopped")


main()
