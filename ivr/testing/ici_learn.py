"""The dialect of whoever spoke in a trace, or wrote a WSDL: what most envelopes say, and a list of all else.

One envelope that is different is told of and changes nothing. Codes are taken by their name (`INBOUND`), by the
words beside them (`On hold`), by what may be done with the item (accept and reject: it alerts), or where only one
of our words begins like them (`I`); the last two are guesses, and listed as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import yaml
from lxml import etree

from ivr.ici.capabilities import LEGAL
from ivr.ici.dialect import Dialect, Field, Operation, Service, load, parse
from ivr.ici.envelope import SOAP
from ivr.ici.switchboard import EndReason
from ivr.ici.xml import children, local_name
from ivr.testing.ici_trace import Heard
from ivr.testing.ici_votes import Place, Votes, manner_of

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "direction": ("inbound", "outbound"),
    "presence": ("Available", "Busy", "Logged Off"),
    "reason": get_args(EndReason),
    "ended": ("superseded", "unsubscribed", "unreachable", "shutdown", "logged_off"),
}
"""What the program says, by list of codes of a dialect."""
CODED: Final = {
    ("PhoneCall", "direction"): "direction",
    ("PhoneCall", "reason"): "reason",
    ("User", "presence"): "presence",
    ("UserPresence", "presence"): "presence",
}
"""Fields that hold one of them."""
ANSWER: Final = "an answer of the callback"

_PLAIN: Final = re.compile(r"[^a-z0-9]")
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)
_MASKED: Final = re.compile(r"\**\Z")


@dataclass(slots=True)
class Lesson:
    """What a trace taught."""

    document: dict[str, Any]
    """Content of the dialect file: only what is different from the base."""
    unknown: list[str] = field(default_factory=list)
    """Everything that no name of the base fits, as paths."""
    guessed: list[str] = field(default_factory=list)
    """Codes that were taken for a word of ours without being sure."""
    strays: list[str] = field(default_factory=list)
    """What a few envelopes say otherwise than most."""
    understood: int = 0
    """Envelopes whose operation is known."""

    @property
    def remarks(self) -> list[str]:
        """All that a person has to look at, a line each."""
        return [
            *(f"unknown: {path}" for path in self.unknown),
            *(f"guessed: {path}" for path in self.guessed),
            *(f"otherwise: {path}" for path in self.strays),
        ]

    def text(self) -> str:
        """The file, with what a person has to decide at its head."""
        head = ["# Drafted from a trace: look through it, then name it with ici.dialect."]
        for why, lines in (
            ("Nothing of ours fits these; add them where they belong, or leave them:", self.unknown),
            ("Guessed; compare with what the system does:", self.guessed),
            ("A few messages say it otherwise than most:", self.strays),
        ):
            if lines:
                head += [f"# {why}", *(f"#   {line}" for line in lines)]
        return "\n".join(head) + "\n" + yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True)


def learn_dialect(heard: Iterable[Heard], *, base: str = "default", name: str = "learned") -> Lesson:
    """The dialect of whoever spoke, as what it has different from `base`."""
    learner = _Learner(load(base))
    for one in heard:
        learner.hear(one)
    return learner.lesson({"extends": base, "name": name})


class _Learner:
    def __init__(self, base: Dialect) -> None:
        self.base = base
        self.votes = Votes()
        self.understood = 0
        self._unknown: dict[str, None] = {}
        self._asked: dict[tuple[str, str], tuple[Service, Operation]] = {}
        """What an answer answers: by its name and namespace."""
        self._spelt: dict[tuple[str, str], str] = {}

    # --- listening ---------------------------------------------------------------------------------------

    def hear(self, one: Heard) -> None:
        self._header(one)
        if one.name == "Fault":
            return
        known = self._operation(one)
        if known is None:
            self._unknown[f"operation {one.name} in {one.namespace or 'no namespace'}"] = None
            return
        self.understood += 1
        service, operation = known
        if one.namespace:
            self.votes.add(("services", service.name, "namespace"), one.namespace)
        if _NAME.match(one.address):
            self.votes.add(("services", service.name, "spelling"), one.address)
        of_event = service.name == "IciEvent"
        if one.is_answer:
            direction = ANSWER if of_event else "an answer"
            fields, part = operation.results, "results"
        else:
            direction = "an event" if of_event else "a request"
            fields, part = operation.parameters, "parameters"
            self.votes.add(("services", service.name, "operations", operation.name, "spelling"), one.name)
            self._action(one, service)
        if one.style:
            self.votes.add(("style",), one.style)
        if inside := children(one.operation):
            qualified = any(etree.QName(child).namespace for child in inside)
            self.votes.add(("qualified", direction), "yes" if qualified else "no")
        where = ("services", service.name, "operations", operation.name, part)
        self._fields(one.operation, fields, where, one.name, "")

    def _header(self, one: Heard) -> None:
        header = one.root.find(f"{{{SOAP}}}Header")
        known = {self.base.header_element, *self.base.header_aliases}
        for entry in children(header) if header is not None else []:
            leaves = [leaf for leaf in entry.iter() if isinstance(leaf.tag, str) and not len(leaf)]
            users = [leaf for leaf in leaves if local_name(leaf) in known or "user" in local_name(leaf).lower()]
            if not users:
                self._unknown[f"header {local_name(entry)}"] = None
                continue
            self.votes.add(("header", "element"), local_name(users[0]))
            self.votes.add(("header", "namespace"), etree.QName(entry).namespace or self.base.header_namespace)

    def _action(self, one: Heard, service: Service) -> None:
        if one.action is None:
            return
        pattern = one.action.replace("{", "{{").replace("}", "}}")
        if one.namespace and pattern.startswith(one.namespace):
            pattern = "{namespace}" + pattern.removeprefix(one.namespace)
        if pattern.endswith(one.name):
            pattern = pattern.removesuffix(one.name) + "{operation}"
        self.votes.add(("soap_action",), pattern)

    def _operation(self, one: Heard) -> tuple[Service, Operation] | None:
        name = _key(one.name.removesuffix("Response") if one.is_answer else one.name)
        if one.is_answer and (asked := self._asked.get((name, one.namespace))):
            return asked
        said = {_key(local_name(child)) for child in one.operation.iter() if isinstance(child.tag, str)}
        best: tuple[tuple[int, int], Service, Operation] | None = None
        for service in self.base.services.values():
            at_home = _key(service.name.removeprefix("Ici")) in _key(one.namespace)
            for operation in service.operations.values():
                names = {_key(known) for known in (operation.name, *operation.names)}
                if name in names or (service.name == "IciEvent" and name.removesuffix("event") in names):
                    fields = operation.results if one.is_answer else operation.parameters
                    fit = sum((_key(field.spelling) in said) - (not field.optional) for field in fields)
                    # Of two that fit equally, the later service: what all items can do, calls can do first of all.
                    rank = (fit + 2 * at_home, int(_key(operation.name) == name))
                    if best is None or rank >= best[0]:
                        best = rank, service, operation
        if best is None:
            return None
        self._asked[name, one.namespace] = best[1:]
        return best[1:]

    def _fields(
        self, parent: etree._Element, fields: tuple[Field, ...], where: Place, path: str, type: str
    ) -> None:
        known = {_key(name): field for field in fields for name in (field.name, field.spelling)}
        for child in children(parent):
            field = known.get(_key(local_name(child)))
            if field is None:
                sample = " ".join((child.text or "").split())[:30]
                self._unknown[f"{path}/{local_name(child)}" + (f" (such as {sample!r})" if sample else "")] = None
                continue
            self.votes.add((*where, field.name, "spelling"), local_name(child))
            for entry in children(child) if field.many else [child]:
                if field.many:
                    self.votes.add(("list_item",), local_name(entry))
                if field.type in self.base.types:
                    inner = self.base.types[field.type]
                    below = f"{path}/{local_name(child)}"
                    self._fields(entry, inner, ("types", field.type), below, field.type)
                if field.name == "capabilityList":
                    self._code("capabilities", entry)
            if (list_name := CODED.get((type, field.name))) is not None:
                self._code(list_name, child)
        if type == "PhoneCall":
            self._status(parent)
        elif where[-2:-1] == ("subscriptionEnded",):
            for reason in children(parent):
                for part in children(reason):
                    if _key(local_name(part)) == "id":
                        self._code("ended", part)

    def _code(self, list_name: str, element: etree._Element) -> None:
        text = (element.text or "").strip()
        if not _MASKED.match(text):
            self.votes.add(("codes", list_name), text)

    def _status(self, item: etree._Element) -> None:
        parts = {_key(local_name(part)): part for part in children(item)}
        status = parts.get("processingstatus")
        if status is None:
            return
        texts = {_key(local_name(part)): (part.text or "").strip() for part in children(status)}
        code, text = texts.get("id", ""), texts.get("description", "")
        if code:
            self.votes.add(("statuses", code, "description"), text)
            listed = parts.get("capabilitylist")
            tokens = [] if listed is None else [(one.text or "").strip() for one in children(listed)]
            self.votes.add(("statuses", code, "capabilities"), " ".join(sorted(tokens)))

    # --- what it comes to --------------------------------------------------------------------------------

    def lesson(self, document: dict[str, Any]) -> Lesson:
        lesson = Lesson(document, understood=self.understood, unknown=list(self._unknown))
        self._style(lesson)
        for place, had in self._heads():
            self._take(lesson, place, had)
        rules = self._rules()
        document |= rules
        base = parse(dict(document), source="the draft") if rules else self.base
        for place in self.votes.places("services"):
            service = base.services[place[1]]
            if place[2] == "namespace":
                self._take(lesson, place, service.namespace)
            elif place[2] == "spelling":
                self._take(lesson, place, service.spelling)
            elif place[4] == "spelling":
                self._name(lesson, place, service, service.operations[place[3]])
            else:
                operation = service.operations[place[3]]
                fields = operation.results if place[4] == "results" else operation.parameters
                self._take(lesson, place, _spelling(fields, place[5]))
        for place in self.votes.places("types"):
            self._take(lesson, place, _spelling(base.types[place[1]], place[2]))
        capabilities = self._capabilities(lesson)
        self._statuses(lesson, capabilities)
        for list_name, words in WORDS.items():
            codes = {word: self.base.code(list_name, word) for word in words}
            self._codes(lesson, list_name, codes, ("codes", list_name))
        return lesson

    def _heads(self) -> list[tuple[Place, str]]:
        """What is said once for a whole dialect, and what the base says."""
        base = self.base
        return [
            (("soap_action",), base.soap_action),
            (("list_item",), base.list_item),
            (("header", "element"), base.header_element),
            (("header", "namespace"), base.header_namespace),
        ]

    def _take(self, lesson: Lesson, place: Place, had: str) -> None:
        said = self.votes.winner(place)
        lesson.strays += self.votes.strays(place)
        if said is not None and said != had:
            _put(lesson.document, place, said)

    def _name(self, lesson: Lesson, place: Place, service: Service, operation: Operation) -> None:
        """Most win; a name that others have, too, stays what it is: one of several."""
        said = self.votes.winner(place)
        shared = [one for one in service.operations.values() if said in one.names and one is not operation]
        lesson.strays += self.votes.strays(place, but=operation.names)
        if said is not None and said != operation.spelling and not shared:
            _put(lesson.document, place, said)

    def _style(self, lesson: Lesson) -> None:
        own = [place for place in self.votes.places("qualified") if place[1] != ANSWER]
        deciding: Counter[str] = Counter()
        for place in own or self.votes.places("qualified"):
            deciding.update(self.votes.counts(place))
        if not deciding:
            return
        said = deciding.most_common(1)[0][0]
        qualified = said == "yes"
        for place in self.votes.places("qualified"):
            counts = self.votes.counts(place)
            if other := sum(number for answer, number in counts.items() if answer != said):
                words = ("are not", "are") if qualified else ("are", "are not")
                lesson.strays.append(
                    f"children {words[0]} in the service's namespace in {place[1]}: {other} of "
                    f"{sum(counts.values())}; taken is that they {words[1]}"
                )
        style = self.votes.winner(("style",)) or ("document" if qualified else "rpc")
        lesson.strays += self.votes.strays(("style",))
        if qualified != self.base.qualified or (self.votes.winner(("style",)) and style != self.base.style):
            lesson.document |= {"style": style, "qualified": qualified}

    def _rules(self) -> dict[str, str]:
        """Manners of spelling, which hold for names that were not heard, too."""
        fields: dict[str, tuple[str, str]] = {}
        operations: dict[str, tuple[str, str]] = {}
        for place in (*self.votes.places("services"), *self.votes.places("types")):
            said = self.votes.winner(place) or ""
            if place[0] == "types":
                fields[place[2]] = said, _spelling(self.base.types[place[1]], place[2])
            elif place[2] == "operations":
                operation = self.base.services[place[1]].operations[place[3]]
                if place[4] == "spelling":
                    operations[place[3]] = said, operation.spelling
                else:
                    known = operation.results if place[4] == "results" else operation.parameters
                    fields[place[5]] = said, _spelling(known, place[5])
        rules = {}
        for kind, heard in (("operations", operations), ("fields", fields)):
            pairs = [(name, said) for name, (said, _) in heard.items()]
            manner = manner_of(pairs, {name: had for name, (_, had) in heard.items()})
            if manner is not None:
                rules[kind] = manner
        return rules

    # --- codes -------------------------------------------------------------------------------------------

    def _capabilities(self, lesson: Lesson) -> dict[str, str]:
        """Token of the wire to ours, for all that were heard and are known by now."""
        names: dict[str, set[str]] = {}
        calls = {**self.base.services["IciItem"].operations, **self.base.services["IciPhoneCall"].operations}
        for name in self.base.capabilities:
            operation = calls.get({"dtmf": "sendDTMF"}.get(name, name))
            names[name] = {_key(one) for one in operation.names} if operation else set()
        return self._codes(lesson, "capability", dict(self.base.capabilities), ("capabilities",), names)

    def _codes(
        self,
        lesson: Lesson,
        what: str,
        codes: dict[str, str],
        where: Place,
        names: dict[str, set[str]] | None = None,
    ) -> dict[str, str]:
        heard = self.votes.counts(("codes", "capabilities" if what == "capability" else what))
        taken = {code: word for word, code in codes.items() if code in heard}
        for code in sorted(heard, key=lambda one: -heard[one]):
            if code in taken:
                continue
            free = [word for word in codes if word not in taken.values()]
            key = _key(code)
            sure = [word for word in free if key in (_key(word), _key(codes[word]))]
            sure = sure or [word for word in free if key in (names or {}).get(word, ())]
            alike = sure or [word for word in free if key and _key(word).startswith(key)]
            if len(alike) != 1:
                lesson.unknown.append(f"{what} {code!r}: which of {', '.join(free or codes)}?")
                continue
            taken[code] = alike[0]
            if not sure:
                lesson.guessed.append(f"{what} {code!r} is taken for {alike[0]}")
            _put(lesson.document, (*where, alike[0]), code)
        return taken

    def _statuses(self, lesson: Lesson, capabilities: dict[str, str]) -> None:
        codes = list(dict.fromkeys(place[1] for place in self.votes.places("statuses")))
        taken = {text.id: name for name, text in self.base.statuses.items() if text.id in codes}
        for code in codes:
            text = self.votes.winner(("statuses", code, "description")) or ""
            name = taken.get(code) or self._status_of(lesson, code, text, taken, capabilities)
            if name is None:
                continue
            taken[code] = name
            if code != self.base.statuses[name].id:
                _put(lesson.document, ("statuses", name, "id"), code)
            if text and text != self.base.statuses[name].description:
                _put(lesson.document, ("statuses", name, "description"), text)

    def _status_of(
        self, lesson: Lesson, code: str, text: str, taken: dict[str, str], capabilities: dict[str, str]
    ) -> str | None:
        """By its name, by the text beside it, or by what may be done in it."""
        free = {name: known for name, known in self.base.statuses.items() if name not in taken.values()}
        words = {_key(code), _key(text)} - {""}
        for name, known in free.items():
            if words & {_key(name), _key(known.id), _key(known.description)}:
                return name
        legal = self._legal(code, capabilities)
        alike = [name for name, allowed in LEGAL.items() if name in free and set(allowed) == legal]
        if len(alike) != 1:
            lesson.unknown.append(f"status {code!r} ({text}): which of {', '.join(free)}?")
            return None
        lesson.guessed.append(f"status {code!r} ({text}) is taken for {alike[0]}, by what may be done in it")
        return alike[0]

    def _legal(self, code: str, capabilities: dict[str, str]) -> set[str]:
        tokens = self.votes.winner(("statuses", code, "capabilities")) or ""
        return {capabilities.get(token, token) for token in tokens.split()}


def _spelling(fields: tuple[Field, ...], name: str) -> str:
    return next((field.spelling for field in fields if field.name == name), name)


def _put(document: dict[str, Any], place: Place, value: Any) -> None:
    for key in place[:-1]:
        document = document.setdefault(key, {})
    document[place[-1]] = value


def _key(name: str) -> str:
    """The same for names that differ in case, underscores and a leading one only."""
    return _PLAIN.sub("", name.lower())
