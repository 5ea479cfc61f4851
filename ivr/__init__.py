"""A voice-response engine with agent handoff over SAP's Integrated Communication Interface."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ivr")
except PackageNotFoundError:  # running from a source tree that nobody installed
    __version__ = "0.0.0+source"
