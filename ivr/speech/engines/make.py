"""Which recogniser the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ivr.speech.contracts import Recogniser
from ivr.speech.engines.no_recogniser import NoRecogniser
from ivr.speech.engines.vosk_recogniser import VoskRecogniser


class ExplainedRecogniser(Recogniser, Protocol):
    """A recogniser that can say for people whether it hears, and why not."""

    why: str
    """ "on: en (vosk-model-small-en-us-0.15)" or "off: …"; final after start."""


def make_recogniser(models: Mapping[str, Path], workers: int = 1) -> ExplainedRecogniser:
    """vosk where a model is set, keys only where none is. A bad model raises nothing: see `why`."""
    return VoskRecogniser(models, workers) if models else NoRecogniser()
