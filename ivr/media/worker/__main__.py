"""``python -m ivr.media.worker FD``: a media worker on an inherited control socket. Started by the engine only."""

from __future__ import annotations

import sys

from ivr.media.worker.server import serve

if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python -m ivr.media.worker FD (the engine starts media workers itself)")
    serve(int(sys.argv[1]))
