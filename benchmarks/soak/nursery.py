"""A process that has loaded the engine's code once and forks it anew for each life.

Loading takes longer than starting. Each line on standard input is the log file of one more life; its process id is
the answer. The life itself is `ivr serve`, with nothing of the one before.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import ivr.engine.engine  # loaded here, so that no life has to
from ivr.cli.serve import serve


def main(config: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's to bury
    print(ivr.engine.engine.__name__, flush=True)
    for line in sys.stdin:
        log = os.open(line.strip(), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if pid := os.fork():
            os.close(log)
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in enumerate((nothing, log, log)):
            os.dup2(file, number)
        serve(config=config, watch=False)
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
