"""VoiceXML 2.1: a document's menus and forms as steps.

One dialog becomes a chain of steps: the blocks and fields of a form in their order, what is in ``filled`` behind
its field. What the menu language has no words for is told with its line and left as a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from ivr.errors import MenuError, Problem
from ivr.menu.import_draft import Draft, Fate, identifier
from ivr.menu.import_voicexml_prompts import Said, said_by
from ivr.menu.import_xml import children, line_of, name_of, parse_xml, text_of

_KEYS = {"*": "star", "#": "hash"} | {str(digit): str(digit) for digit in range(10)}
_KINDS = {
    "digits": "digits",
    "boolean": "yes_no",
    "date": "date",
    "currency": "money",
    "phone": "phone",
    "number": "number",
}
_PROPERTIES = {
    "timeout": "wait",
    "interdigittimeout": "between_keys",
    "termchar": "end_key",
    "confidencelevel": "sure_enough",
    "bargein": "interrupt",
    "inputmodes": "listen",
}
_SILENT = frozenset(
    {"property", "var", "noinput", "nomatch", "catch", "help", "error", "filled", "grammar", "option"}
)
"""Elements that are no item of a form, or are read with the one they belong to."""
_LONGEST_MISSES = 9


def from_voicexml(octets: bytes, path: str, name: str, language: str) -> Draft:
    """The menus and forms of one document; the first begins. Raises MenuError when there is none."""
    root = parse_xml(octets, path)
    if name_of(root) != "vxml":
        raise MenuError(
            [Problem(path, f"begins with <{name_of(root)}>, not <vxml>; is it VoiceXML?", line_of(root))]
        )
    dialogs = [element for element in children(root) if name_of(element) in ("menu", "form")]
    if not dialogs:
        raise MenuError([Problem(path, "has no <menu> and no <form>", line_of(root))])
    draft = Draft(name, language, title=_meta(root))
    reader = _Reader(draft, root)
    for dialog in dialogs:
        reader.name(dialog)
    draft.start = reader.names[dialogs[0].get("id", "") or f"#{dialogs.index(dialogs[0])}"]
    draft.defaults |= reader.properties(root, "")
    for element in children(root):
        if name_of(element) not in ("menu", "form", "property", "meta", "metadata"):
            draft.found("lost", line_of(element), f"<{name_of(element)}> of the document; do it by hand")
    for dialog in dialogs:
        reader.dialog(dialog)
    draft.give_up()
    return draft


def _meta(root: etree._Element) -> str:
    named = (
        one.get("content", "") for one in children(root) if name_of(one) == "meta" and one.get("name") == "title"
    )
    return next(named, "")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where content stands."""

    step: str
    """Step that notes belong to."""
    next: str
    """Where the call goes when nothing else is said."""
    items: dict[str, str]
    """Fields of the form to their steps, for ``goto nextitem``."""


class _Reader:
    def __init__(self, draft: Draft, root: etree._Element) -> None:
        self.draft, self.root = draft, root
        self.names: dict[str, str] = {}
        self._unnamed = 0

    def name(self, dialog: etree._Element) -> None:
        """Keep a step name for a dialog; `goto` may lead to it before it is read."""
        known = dialog.get("id", "") or f"#{self._unnamed}"
        self._unnamed += not dialog.get("id")
        dialog.set("id", known)
        self.names[known] = self.draft.free_name(known.lstrip("#") if known.startswith("#") else known)

    def lost(self, element: etree._Element, step: str, what: str = "", fate: Fate = "lost") -> None:
        self.draft.found(fate, line_of(element), what or f"<{name_of(element)}>; do it by hand", step)

    def dialog(self, dialog: etree._Element) -> None:
        step = self.names[dialog.get("id", "")]
        if name_of(dialog) == "menu":
            self.menu(dialog, step)
        else:
            self.form(dialog, step)
        self.draft.found("taken", line_of(dialog), f"<{name_of(dialog)}> {dialog.get('id')} as step {step}")

    # --- menus --------------------------------------------------------------------------------------

    def menu(self, menu: etree._Element, step: str) -> None:
        draft = self.draft
        entry: dict[str, Any] = {"type": "menu"} | self.properties(menu, step)
        draft.steps[step] |= entry
        place = _Place(step, "REPEAT", {})
        choices, offers, free = [], [], iter("123456789")
        for element in (one for one in children(menu) if name_of(one) == "choice"):
            dtmf = element.get("dtmf", "").strip() or (next(free, "") if menu.get("dtmf") == "true" else "")
            key, words = _KEYS.get(dtmf, ""), text_of(element)
            if dtmf and not key:
                self.lost(
                    element, step, f"dtmf {dtmf!r}: a choice is one key; ask for a number instead (type: ask)"
                )
            if element.get("accept") == "approximate":
                self.lost(element, step, f"accept=approximate of {words!r}; list what callers say", "changed")
            phrase = " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", words.lower()))
            choice = ({"press": key} if key else {}) | ({"speak": [phrase]} if phrase else {})
            if choice:
                choices.append(choice | {"go": self.target(element, place)})
                offers.append((words, dtmf))
            elif not dtmf:
                self.lost(element, step, "a choice without a key and without words")
        said = self.said(menu, step, offers)
        draft.steps[step] |= said | {"choices": choices or [{"press": "0", "go": draft.give_up()}]}
        if not choices:
            self.lost(menu, step, "a menu without a choice; write its choices")
        self.misses(menu, place, draft.steps[step])
        for element in children(menu):
            if name_of(element) not in (*_SILENT, "choice", "prompt", "audio", "enumerate", "value"):
                self.lost(element, step)

    # --- forms --------------------------------------------------------------------------------------

    def form(self, form: etree._Element, first: str) -> None:
        draft = self.draft
        items = [one for one in children(form) if name_of(one) in ("block", "field", "transfer")]
        steps, fields = [], {}
        for number, item in enumerate(items):
            wanted = f"{first}_{item.get('name') or name_of(item)}"
            steps.append(first if number == 0 else draft.free_name(wanted))
            fields[item.get("name", "")] = steps[-1]
        if not items:
            draft.steps[first] |= {"type": "say", "say": draft.prompt(f"{first}.say", "…"), "go": "END"}
            self.lost(form, first, "a form without blocks and fields; write what it says")
        end = self.all_filled(form, _Place(steps[-1] if steps else first, "END", fields))
        for item, step, after in zip(items, steps, [*steps[1:], end] if steps else [], strict=True):
            place = _Place(step, after, fields)
            {"block": self.block, "field": self.field, "transfer": self.transfer}[name_of(item)](item, place)
            for attribute in ("cond", "expr"):
                if item.get(attribute):
                    self.lost(item, step, f"{attribute}={item.get(attribute)!r}; put a check step before")
        usual = self.properties(form, first)
        for step in steps:
            if draft.steps[step].get("type") == "ask":
                draft.steps[step] = usual | draft.steps[step]
        for element in children(form):
            if name_of(element) not in (*_SILENT, "block", "field", "transfer"):
                self.lost(element, first)
            elif name_of(element) == "var":
                self.lost(element, first, f"<var name={element.get('name')!r}>; write set: where it is needed")

    def all_filled(self, form: etree._Element, place: _Place) -> str:
        filled = [one for one in children(form) if name_of(one) == "filled"]
        return self.content(filled[0], place, f"{place.step}_filled") if filled else place.next

    def block(self, block: etree._Element, place: _Place) -> None:
        self.content(block, place, place.step, reserved=True)

    def field(self, field: etree._Element, place: _Place) -> None:
        draft, step, name = self.draft, place.step, identifier(field.get("name", "") or place.step)
        options = [one for one in children(field) if name_of(one) == "option"]
        filled = [one for one in children(field) if name_of(one) == "filled"]
        after = self.content(filled[0], place, f"{step}_filled") if filled else place.next
        entry = {"type": "menu" if options else "ask"} | self.properties(field, step)
        draft.steps[step] |= entry
        draft.steps[step] |= self.said(field, step, [(text_of(one), one.get("dtmf", "")) for one in options])
        if options:
            draft.steps[step]["choices"] = [self.option(one, name, after, step) for one in options]
        else:
            draft.steps[step] |= {"take": self.take(field, step), "as": name, "go": after}
        self.misses(field, place, draft.steps[step])

    def option(self, option: etree._Element, name: str, after: str, step: str) -> dict[str, Any]:
        words = text_of(option)
        value = option.get("value") or words
        key = _KEYS.get(option.get("dtmf", ""))
        if option.get("dtmf") and not key:
            self.lost(option, step, f"dtmf {option.get('dtmf')!r} of the option {words!r}: one key only")
        choice: dict[str, Any] = {"press": key} if key else {}
        return choice | {"speak": [words.lower() or value]} | {"set": {name: f"'{value}'"}, "go": after}

    def take(self, field: etree._Element, step: str) -> dict[str, str]:
        kind, _, rest = field.get("type", "").partition("?")
        limits = dict(part.split("=", 1) for part in re.split("[;&]", rest) if "=" in part)
        take = {"kind": _KINDS.get(kind, "digits")}
        length = limits.get("length") or limits.get("maxlength", "")
        if re.fullmatch(r"[1-9]|[12][0-9]|3[0-2]", length) and take["kind"] == "digits":
            take["length"] = length
        if limits.get("minlength", length) != length:
            taken = f"exactly {length}" if length else "any number of"
            what = f"minlength={limits['minlength']}: {taken} digits are taken"
            self.lost(field, step, what, "changed")
        grammars = [one for one in children(field) if name_of(one) == "grammar"]
        if grammars or kind not in _KINDS:
            source = grammars[0].get("src") or "written in the document" if grammars else f"type {kind!r}"
            self.lost(field, step, f"what may be answered ({source}); digits are taken instead, write take:")
        return take

    def transfer(self, transfer: etree._Element, place: _Place) -> None:
        to = transfer.get("dest", "")
        said = self.said(transfer, place.step, [])
        if not re.fullmatch(r"(tel|sips?):[A-Za-z0-9+@.:_-]+", to):
            self.lost(transfer, place.step, f"transfer to {to or transfer.get('destexpr')!r}; write the number")
            to = "tel:0"
        wanted: dict[str, Any] = {"type": "transfer", "to": to, "failed": self.draft.give_up()}
        for filled in (one for one in children(transfer) if name_of(one) == "filled"):
            wanted["failed"] = self.content(filled, place, f"{place.step}_after")
            self.lost(filled, place.step, "what follows the transfer is done when nobody answers", "changed")
        if said["say"] == "":
            said = {}
        self.draft.steps[place.step] |= wanted | said

    # --- executable content -------------------------------------------------------------------------

    def content(self, holder: etree._Element, place: _Place, wanted: str, *, reserved: bool = False) -> str:
        """The first step of what is done there. With `reserved` that step is there already, under `wanted`."""
        name = wanted if reserved else self.draft.free_name(wanted)
        go, values, spent = place.next, {}, False
        before = set(self.draft.steps)
        for element in children(holder):
            kind = name_of(element)
            if spent:
                self.lost(element, name, f"<{kind}> behind a way out is never reached", "changed")
            elif kind in ("goto", "submit", "exit", "disconnect", "return"):
                go, spent = self.target(element, replace(place, step=name)), True
            elif kind == "assign" and re.fullmatch(r"'[^']*'|[0-9]+", element.get("expr", "")):
                values[identifier(element.get("name", ""))] = element.get("expr", "")
            elif kind == "if":
                go, spent = self.branch(element, replace(place, step=name, next=place.next), name), True
            elif kind not in ("prompt", "audio", "value", "clear", "reprompt"):
                self.lost(element, name)
        said = said_by(holder)
        step: dict[str, Any] = {"type": "say", "say": self.prompt(name, said), "go": go}
        if not said.text and go not in before and self.draft.steps.get(go, {}).get("type") == "lookup":
            self.move_notes(name, go)  # what <submit> became is the step itself
            self.draft.steps[name] = self.draft.steps.pop(go) | ({"set": values} if values else {})
            return name
        if not said.text:
            otherwise = {"type": "check", "when": [{"if": "language is set", "go": go}], "else": go}
            step = otherwise
            if not reserved and not values:
                self.move_notes(name, place.step)
                return go
        self.draft.steps[name] |= step | ({"set": values} if values else {})
        self.tell(said, name)
        return name

    def move_notes(self, name: str, step: str) -> None:
        """A step that does nothing is left out; what is to be known of it is known of the one before."""
        note = self.draft.steps.pop(name).get("note", "")
        if note:
            entry = self.draft.steps[step]
            entry["note"] = f"{entry['note']}; {note}" if "note" in entry else note

    def branch(self, element: etree._Element, place: _Place, wanted: str) -> str:
        """``if``, ``elseif``, ``else``: comparisons become a check step, everything else is told."""
        parts: list[tuple[str, etree._Element]] = [(element.get("cond", ""), etree.Element("block"))]
        parts[0][1].text = element.text
        for child in children(element):
            if name_of(child) in ("elseif", "else"):
                parts.append((child.get("cond", ""), etree.Element("block")))
                parts[-1][1].text = child.tail
            else:
                parts[-1][1].append(child)
        step = self.draft.free_name(f"{wanted}_check")
        entry: dict[str, Any] = {"type": "check", "when": [], "else": place.next}
        for condition, block in parts:
            go = self.content(block, place, f"{wanted}_then")
            said = _condition(condition)
            if said:
                entry["when"].append({"if": said, "go": go})
            elif not condition:
                entry["else"] = go
            else:
                self.lost(element, step, f"cond={condition!r}; write the comparison, it leads to {go}")
        if not entry["when"]:
            entry["when"] = [{"if": "language is set", "go": entry["else"]}]
        self.draft.steps[step] |= entry
        return step

    def target(self, element: etree._Element, place: _Place) -> str:
        kind, next_ = name_of(element), element.get("next", "")
        if kind in ("exit", "disconnect", "return"):
            return "END"
        if element.get("nextitem") in place.items:
            return place.items[element.get("nextitem", "")]
        if next_.startswith("#") and next_[1:] in self.names and kind != "submit":
            return self.names[next_[1:]]
        if kind == "submit":
            return self.submit(element, place)
        where = next_ or element.get("expr") or element.get("event") or element.get("nextitem") or "nowhere"
        what = f"<{kind}> to {where}: it is not in this file; lead to a step, or convert that file too"
        return self.draft.unavailable(
            f"{place.step}_{identifier(where)}", line_of(element), what, self.draft.give_up()
        )

    def submit(self, element: etree._Element, place: _Place) -> str:
        """A look-up: what is asked is known, what comes back is another document."""
        target = identifier(re.sub(r"\W+", "_", element.get("next", "") or "submit").removesuffix("_vxml"))
        needs = [identifier(name) for name in element.get("namelist", "").split()]
        self.draft.data[target] = {"needs": needs, "gives": [], "limit": "5s"}
        step = self.draft.free_name(f"{place.step}_submit")
        give_up = self.draft.give_up()
        exits = dict.fromkeys(("ok", "not_found", "down"), give_up)
        self.draft.steps[step] = {"type": "lookup", "use": target, **exits}
        what = (
            f"<submit> to {element.get('next')!r} became the look-up {target}; write what it gives:, where each "
        )
        self.lost(element, step, f"{what}answer leads, and in connectors.yaml who answers it")
        return step

    # --- what questions have ------------------------------------------------------------------------

    def said(self, holder: etree._Element, step: str, offers: list[tuple[str, str]]) -> dict[str, Any]:
        said = said_by(holder, offers)
        self.tell(said, step)
        if not said.text and name_of(holder) == "transfer":
            return {"say": ""}
        if not said.text:
            self.lost(holder, step, "no prompt; write what is said", "changed")
        entry: dict[str, Any] = {"say": self.prompt(step, said if said.text else replace(said, text="…"))}
        entry |= {"interrupt": "never"} if said.bargein == "false" else {}
        return entry | ({"wait": wait} if (wait := _time(said.timeout)) else {})

    def prompt(self, step: str, said: Said) -> str:
        return self.draft.prompt(f"{step}.say", said.text, said.audio) if said.text else ""

    def tell(self, said: Said, step: str) -> None:
        for element, what in said.lost:
            self.lost(element, step, what, "changed")

    def misses(self, holder: etree._Element, place: _Place, entry: dict[str, Any]) -> None:
        """By their counts; VoiceXML would go on for ever, a menu ends with a way out."""
        for kind, key in (("noinput", "no_input"), ("nomatch", "no_match")):
            handlers: dict[int, etree._Element] = {}
            for level in (self.root, holder.getparent(), holder):
                for one in children(level) if level is not None else ():
                    events = [name_of(one)] if name_of(one) != "catch" else one.get("event", "").split()
                    count = one.get("count", "1")
                    if kind in events and re.fullmatch(r"[1-9]", count):
                        handlers[int(count)] = one
            if handlers:
                entry[key] = self.rows(handlers, place, kind)
        for one in children(holder):
            if name_of(one) in ("help", "error"):
                self.lost(one, place.step)

    def rows(self, handlers: dict[int, etree._Element], place: _Place, kind: str) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = []
        for count in range(1, max(handlers) + 1):
            handler = (
                handlers[max(number for number in handlers if number <= count)] if min(handlers) <= count else None
            )
            row: dict[str, str] = {}
            if handler is not None:
                said = said_by(handler)
                self.tell(said, place.step)
                row |= (
                    {"say": self.draft.prompt(f"{place.step}.{kind}", said.text, said.audio)} if said.text else {}
                )
                for element in children(handler):
                    if name_of(element) in ("goto", "exit", "disconnect", "submit"):
                        row["go"] = self.target(element, place)
            rows.append(row or {"go": "REPEAT"})
        if rows[-1].get("go", "REPEAT") == "REPEAT":
            rows.append({"go": self.draft.give_up()})
            what = f"{kind}: after {len(rows)} in a row the caller is let go, where VoiceXML repeats for ever"
            self.lost(next(iter(handlers.values())), place.step, what, "changed")
        return rows

    def properties(self, holder: etree._Element, step: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in (one for one in children(holder) if name_of(one) == "property"):
            name, value = one.get("name", ""), one.get("value", "").strip()
            key = _PROPERTIES.get(name, "")
            said: Any = _time(value) if key in ("wait", "between_keys") else ""
            if key == "end_key":
                said = _KEYS.get(value, "")
            elif key == "sure_enough" and re.fullmatch(r"0?\.[0-9]+|0|1(\.0)?", value):
                said = f"0{value}" if value.startswith(".") else value
            elif key == "interrupt":
                said = {"true": "any", "false": "never"}.get(value, "")
            elif key == "listen":
                words = [word for mode, word in (("dtmf", "keys"), ("voice", "speech")) if mode in value.split()]
                said = words
            if said:
                found[key] = said
            else:
                self.draft.found("lost", line_of(one), f"property {name}={value!r}", step)
        return found


def _time(text: str) -> str:
    """VoiceXML's ``2.5s`` and ``500ms``; empty for what is neither."""
    match = re.fullmatch(r"\+?([0-9]*\.?[0-9]+)(ms|s)", text or "")
    if not match:
        return ""
    whole = round(float(match[1]) * (1000 if match[2] == "s" else 1))
    return "" if whole < 1 else f"{whole // 1000}s" if whole % 1000 == 0 else f"{whole}ms"


def _condition(text: str) -> str:
    """One comparison of a name with a literal; empty for what needs ECMAScript."""
    match = re.fullmatch(
        r"\s*([A-Za-z_]\w*)\s*(==|!=|<=|>=|<|>)=?\s*('[^']*'|\"[^\"]*\"|true|false|-?[0-9.]+)\s*", text
    )
    if match is None:
        return ""
    value = match[3].replace('"', "'") if match[3][0] in "'\"" else match[3]
    return f"{identifier(match[1])} {match[2]} {value}"
