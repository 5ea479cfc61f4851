"""What a VoiceXML element says: texts, values and recordings of its prompts as one text of the menu language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from ivr.menu.import_draft import identifier
from ivr.menu.import_xml import children, name_of

_SAY_AS = {"currency": "money", "date": "date", "time": "time", "digits": "digits", "number": "number",
           "cardinal": "number", "ordinal": "ordinal", "phone": "phone", "telephone": "phone", "name": "name",
           "characters": "spell", "spell-out": "spell"}  # fmt: skip
_RECORDING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_][A-Za-z0-9_-]*)*\.wav")
_MARKUP = frozenset(
    {"emphasis", "prosody", "voice", "p", "s", "paragraph", "sentence", "sub", "phoneme", "mark", "lang"}
)  # fmt: skip
_ELSEWHERE = frozenset(
    {
        "choice", "option", "field", "filled", "noinput", "nomatch", "catch", "help", "error", "property",
        "grammar", "if", "goto", "submit", "exit", "disconnect", "return", "assign", "var", "clear", "reprompt",
        "script", "log", "record", "throw",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A prompt as it is taken over."""

    text: str
    audio: str = ""
    """Its only recording, if the whole prompt is one."""
    bargein: str = ""
    timeout: str = ""
    lost: tuple[tuple[etree._Element, str], ...] = ()
    """What could not be said as it was."""


def said_by(holder: etree._Element, offers: list[tuple[str, str]] | None = None) -> Said:
    """Everything `holder` says at its first turn. `offers`: words and keys of the choices, for ``enumerate``."""
    lost: list[tuple[etree._Element, str]] = []
    prompts = [one for one in children(holder) if name_of(one) == "prompt"]
    for prompt in prompts:
        if prompt.get("count", "1") != "1":
            lost.append(
                (prompt, f"the prompt for count={prompt.get('count')} is left out; the first is said again")
            )
        if prompt.get("cond"):
            lost.append((prompt, f"cond={prompt.get('cond')!r} of a prompt: it is always said"))
    parts = list(_texts(holder, offers or [], lost))
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(" ".join(parts).split()))
    recordings = [one.get("src", "") for one in holder.iter("{*}audio") if not _is_elsewhere(one, holder)]
    audio = recordings[0].removeprefix("./") if len(recordings) == 1 and "{" not in text else ""
    if recordings:
        known = bool(audio and _RECORDING.fullmatch(audio))
        audio = audio if known else ""
        what = f"recording {', '.join(recordings)}: " + (
            "copy it into audio/" if known else "name it under audio:"
        )
        lost.append((holder, what))
        text = text or " ".join(re.findall(r"[A-Za-z]{2,}", recordings[0].rpartition("/")[2].rpartition(".")[0]))
    first = next((one for one in prompts if one.get("count", "1") == "1"), None)
    bargein, timeout = (first.get("bargein", ""), first.get("timeout", "")) if first is not None else ("", "")
    return Said(text, audio, bargein, timeout, tuple(lost))


def spoken(text: str | None) -> str:
    return (text or "").replace("{", "{{").replace("}", "}}")


def _is_elsewhere(element: etree._Element, holder: etree._Element) -> bool:
    above = element.getparent()
    while above is not None and above is not holder:
        if name_of(above) in _ELSEWHERE or (name_of(above) == "prompt" and above.get("count", "1") != "1"):
            return True
        above = above.getparent()
    return False


def _texts(
    holder: etree._Element,
    offers: list[tuple[str, str]],
    lost: list[tuple[etree._Element, str]],
    how: str = "",
) -> Iterator[str]:
    yield spoken(holder.text)
    for element in children(holder):
        kind = name_of(element)
        if kind == "value":
            yield _value(element, how, lost)
        elif kind == "enumerate":
            yield " ".join(f"For {spoken(words)}, press {key}." for words, key in offers if key)
        elif kind == "say-as":
            yield from _texts(element, offers, lost, _said_as(element, lost))
        elif (kind == "prompt" and element.get("count", "1") == "1") or kind in ("audio", *_MARKUP):
            yield from _texts(element, offers, lost, how)
        elif kind == "break":
            yield ""
        elif kind not in (*_ELSEWHERE, "prompt"):
            lost.append((element, f"<{kind}> inside a prompt"))
        yield spoken(element.tail)


def _said_as(element: etree._Element, lost: list[tuple[etree._Element, str]]) -> str:
    kind = (element.get("interpret-as") or element.get("type") or "").removeprefix("vxml:")
    if kind not in _SAY_AS:
        lost.append((element, f"say-as {kind!r} is said as it is"))
    return _SAY_AS.get(kind, "")


def _value(element: etree._Element, how: str, lost: list[tuple[etree._Element, str]]) -> str:
    name = element.get("expr", "")
    if not re.fullmatch(r"(?:application\.|session\.|dialog\.)?[A-Za-z_]\w*", name):
        lost.append((element, f"value {name!r} is left out; let a look-up give it"))
        return ""
    kind = f":{how}" if how else ""
    return f"{{{identifier(name.rpartition('.')[2])}{kind}}}"
