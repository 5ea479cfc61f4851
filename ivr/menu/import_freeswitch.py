"""FreeSWITCH's IVR menus (``ivr.conf.xml``, module `mod_dptools`, application `ivr`) as steps."""

from __future__ import annotations

import re

from lxml import etree

from ivr.errors import MenuError, Problem
from ivr.menu.import_draft import Draft, identifier, milliseconds
from ivr.menu.import_xml import children, line_of, name_of, parse_xml

_KEYS = {"*": "star", "#": "hash"} | {str(digit): str(digit) for digit in range(10)}
_KNOWN = frozenset(
    {
        "name", "greet-long", "greet-short", "invalid-sound", "exit-sound", "timeout", "inter-digit-timeout",
        "max-failures", "max-timeouts", "digit-len",
    }
)  # fmt: skip
_RECORDING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_][A-Za-z0-9_-]*)*\.wav")


def from_freeswitch(octets: bytes, path: str, name: str, language: str) -> Draft:
    """Every menu of the file as one menu step; the first one begins. Raises MenuError when there is none."""
    root = parse_xml(octets, path)
    menus = [element for element in root.iter("menu") if element.get("name")]
    if not menus:
        raise MenuError([Problem(path, "has no <menu name=…>; is it FreeSWITCH's ivr.conf.xml?")])
    draft = Draft(name, language, title=menus[0].get("name", ""))
    reader = _Reader(draft, {})
    for menu in menus:
        if menu.get("name", "") not in reader.names:
            reader.names[menu.get("name", "")] = draft.free_name(menu.get("name", ""))
    draft.start = reader.names[menus[0].get("name", "")]
    for menu in menus:
        reader.menu(menu)
    draft.give_up()
    return draft


class _Reader:
    def __init__(self, draft: Draft, names: dict[str, str]) -> None:
        self.draft = draft
        self.names = names
        """FreeSWITCH's name of a menu to its step."""

    def menu(self, menu: etree._Element) -> None:
        draft, step, line = self.draft, self.names[menu.get("name", "")], line_of(menu)
        if "type" in draft.steps[step]:
            draft.found("lost", line, f"a second menu named {menu.get('name')!r}; only the first is taken", step)
            return
        said = self.sound(menu, "greet-long", step)
        entry = draft.steps[step]
        entry |= {"type": "menu", "say": said, "listen": ["keys"]}
        if menu.get("greet-short"):
            what = f"greet-short {menu.get('greet-short')!r} is left out: the question itself is repeated"
            draft.found("changed", line, what, step)
        for attribute, key in (("timeout", "wait"), ("inter-digit-timeout", "between_keys")):
            if time := milliseconds(menu.get(attribute, "")):
                entry[key] = time
        for attribute in sorted(set(map(str, menu.attrib)) - _KNOWN):
            if not menu.get(attribute):  # written out and left empty, as in the samples of FreeSWITCH
                continue
            draft.found("lost", line, f"{attribute}={menu.get(attribute)!r} of the menu", step)
        leave = self.leaving(menu, step)
        entry["choices"] = [choice for one in children(menu) if (choice := self.choice(one, step, leave))]
        if not entry["choices"]:
            draft.steps[step] = {"type": "say", "say": entry["say"], "go": leave} | {
                key: entry[key] for key in ("note",) if key in entry
            }
            draft.found("changed", line, "a menu without a choice that can be taken only says its greeting", step)
            return
        entry["no_input"] = self.misses(menu, "max-timeouts", "", step, leave)
        entry["no_match"] = self.misses(menu, "max-failures", "invalid-sound", step, leave)
        draft.found("taken", line, f"menu {menu.get('name')!r} as step {step}")

    def leaving(self, menu: etree._Element, step: str) -> str:
        """Where a caller goes who is given up, or leaves by menu-exit."""
        if not menu.get("exit-sound"):
            return self.draft.give_up()
        name = self.draft.free_name(f"{step}_exit")
        said = self.sound(menu, "exit-sound", name)
        self.draft.steps[name] |= {"type": "say", "say": said, "go": "END"}
        return name

    def misses(self, menu: etree._Element, most: str, sound: str, step: str, leave: str) -> list[dict[str, str]]:
        text = menu.get(most, "3")
        count = int(text) if re.fullmatch(r"[1-9]|10", text) else 3
        again: dict[str, str] = (
            {"say": self.sound(menu, sound, step)} if sound and menu.get(sound) else {"go": "REPEAT"}
        )
        return [dict(again) for _ in range(count - 1)] + [{"go": leave}]

    def sound(self, element: etree._Element, attribute: str, step: str) -> str:
        """A prompt for a sound. Words are known for ``say:`` only; a file is played if it is put into audio/."""
        value, draft = element.get(attribute, ""), self.draft
        wanted = f"{step}.{identifier(attribute)}"
        if value.startswith("say:"):
            return draft.prompt(wanted, _braces(value[4:]))
        kind, _, rest = value.partition(":") if value.startswith(("phrase:", "file_string:")) else ("", "", value)
        words = (
            re.sub(r"\.[a-z0-9]{2,4}$", "", rest.rpartition("/")[2]).replace("_", " ").replace("-", " ").strip()
        )
        audio = rest if not kind and _RECORDING.fullmatch(rest) else ""
        what = f"{attribute} {value!r} has no words in this file; write them into the prompt"
        if audio:
            what += f", and copy the recording to audio/{draft.language}/{audio}"
        prompt = draft.prompt(wanted, _braces(words) or "Welcome.", audio)
        if not value:
            what = f"{attribute} is missing; write the words of the prompt {prompt}"
        draft.found("changed", line_of(element), what, step)
        return prompt

    # --- entries ------------------------------------------------------------------------------------

    def choice(self, entry: etree._Element, step: str, leave: str) -> dict[str, str] | None:
        line, digits = line_of(entry), entry.get("digits", "")
        if name_of(entry) != "entry":
            self.draft.found("lost", line, f"<{name_of(entry)}>", step)
            return None
        key = _KEYS.get(digits)
        if key is None:
            what = f"digits {digits!r}: a choice is one key; ask for a number instead (type: ask)"
            self.draft.found(
                "lost", line, f"{what}, then {entry.get('action')} {entry.get('param', '')}".strip(), step
            )
            return None
        if any(one.get("press") == key for one in self.draft.steps[step].get("choices", [])):
            self.draft.found("lost", line, f"key {digits} is there twice; the first one acts", step)
            return None
        go = self.target(entry, step, leave)
        self.draft.found("taken", line, f"key {digits} of {step} leads to {go}")
        return {"press": key, "go": go}

    def target(self, entry: etree._Element, step: str, leave: str) -> str:
        action, param, line = entry.get("action", ""), entry.get("param", "").strip(), line_of(entry)
        wanted = f"{step}_{identifier(entry.get('digits', '')).removeprefix('step_') or 'key'}"
        match action:
            case "menu-sub" if param in self.names:
                return self.names[param]
            case "menu-top":
                return "START"
            case "menu-back":
                return "BACK"
            case "menu-exit":
                return leave
            case "menu-play-sound" | "menu-say-phrase":
                return self.playing(entry, param, wanted, step)
            case "menu-exec-app":
                return self.application(entry, param, wanted, step)
        what = f"{action} {param}".strip()
        if action == "menu-sub":
            what += f": there is no menu {param!r} in this file"
        return self.draft.unavailable(wanted, line, what, step)

    def playing(self, entry: etree._Element, sound: str, wanted: str, back: str) -> str:
        name = self.draft.free_name(wanted)
        copy = etree.Element("entry", {"sound": sound})
        copy.sourceline = line_of(entry)  # type: ignore[assignment]
        said = self.sound(copy, "sound", name)
        self.draft.steps[name] |= {"type": "say", "say": said, "go": back}
        return name

    def application(self, entry: etree._Element, param: str, wanted: str, step: str) -> str:
        app, _, rest = param.partition(" ")
        line, rest = line_of(entry), rest.strip()
        if app == "playback":
            return self.playing(entry, rest, wanted, step)
        if app == "hangup":
            return "END"
        to = _dialled(app, rest)
        if not to:
            return self.draft.unavailable(
                wanted, line, f"{param}: there is no such step; choose another type", step
            )
        name = self.draft.free_name(wanted)
        self.draft.steps[name] = {"type": "transfer", "to": to, "failed": self.draft.give_up()}
        what = f"{param} became a transfer to {to}; make it a handoff where our own agents shall answer"
        self.draft.found("changed", line, what, name)
        return name


def _dialled(app: str, rest: str) -> str:
    """The address that transfer or bridge leads to; empty where a variable or a script is in it."""
    first = rest.split(" ")[0]
    if "$" in first or not first:
        return ""
    if app == "transfer" and re.fullmatch(r"\+?[0-9]{2,20}", first):
        return f"tel:{first}"
    if app == "bridge":
        plain = re.sub(r"^(\{[^}]*\}|\[[^\]]*\])+", "", first).split(",")[0].split("|")[0]
        if found := re.fullmatch(r"sofia/gateway/[^/]+/(\+?[0-9]{2,20})", plain):
            return f"tel:{found[1]}"
        if found := re.fullmatch(r"sofia/[^/]+/(?:sips?:)?([A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+(?::[0-9]+)?)", plain):
            return f"sip:{found[1]}"
        if found := re.fullmatch(r"user/([0-9]{2,20})", plain):
            return f"tel:{found[1]}"
    return ""


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
