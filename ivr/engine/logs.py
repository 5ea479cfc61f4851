"""Logs: one line per event, ``key=value`` or JSON, on standard error."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache

from ivr.config import LogSettings

_PAIR = re.compile(r"(\w+)=(\S*)")


class TextFormat(logging.Formatter):
    """``2026-11-22T10:00:00.123Z INFO ivr.call.visit call_started call=… caller=…``"""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_utc(record)} {record.levelname} {record.name} {one_line(record.getMessage())}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormat(logging.Formatter):
    """One object a line: time, level, logger, event, and the pairs of the message."""

    def format(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        event = text.split(" ", 1)[0]
        fields = dict(_PAIR.findall(text))
        entry = {"time": _utc(record), "level": record.levelname.lower(), "logger": record.name, "event": event}
        entry |= {key: value for key, value in fields.items() if key not in entry}
        entry["message"] = text
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def one_line(text: str) -> str:
    """A stranger's line breaks and control characters must not forge log lines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _utc(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    """Hundreds of lines share one."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class StderrHandler(logging.Handler):
    """Writes to what standard error is at that moment: a progress bar takes it over, to draw below the lines."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def set_up_logs(settings: LogSettings) -> None:
    """Send this package's logs, and warnings of the libraries, to standard error."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # our lines do not name them
    handler = StderrHandler()
    handler.setFormatter(JsonFormat() if settings.format == "json" else TextFormat())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ivr").setLevel(settings.level.upper())
    logging.captureWarnings(True)
