"""From ``ivr.toml`` and the environment to `Settings`, with every mistake named at once.

A setting ``key`` of the table ``[table]`` is overridden by the variable ``IVR_TABLE_KEY``; lists are
written with commas. ``IVR_CONFIG`` names the file, ``IVR_VAR`` the folder for run-time files and
``IVR_VOSK_MODEL`` the English recognition model.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ivr.config.between import mistakes_between
from ivr.config.http_check import http_problems
from ivr.config.login_check import login_problems, login_variable
from ivr.config.routing_check import routing_problems
from ivr.config.settings import (
    Account,
    AgentSettings,
    CallbackLogin,
    HostPort,
    IciSettings,
    Settings,
    Trunk,
    Workmode,
)
from ivr.config.settings_file import settings_file
from ivr.config.shipped import shipped
from ivr.config.sip_check import is_host, sip_problems
from ivr.config.trunk_check import password_variable, trunk_problems
from ivr.config.workmode_check import read_workmodes
from ivr.errors import Problem, SettingsError

NOT_SETTINGS = {"IVR_CONFIG", "IVR_VAR", "IVR_VOSK_MODEL", "IVR_TEST_SPEECH"}
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
ADDRESS_LISTS = (HostPort | tuple[HostPort, ...], tuple[HostPort, ...])
"""Types of settings that are one address or a list of them."""


class _Bad(Exception):
    """A value that does not fit its setting; the text says what is needed."""


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    `path` wins over ``IVR_CONFIG``, which wins over the nearest ``ivr.toml``, here or in a folder above; without
    any of them the shipped sample settings are used. Relative paths in a file count from the folder the command
    was started in; those of a file found above, from that file's folder.

    Raises SettingsError with every mistake when the file or a variable cannot be used.
    """
    environ = os.environ if environ is None else environ
    file = settings_file(path, environ)
    source = file.path
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            [Problem(str(source), f"cannot read the settings: {reason}; name a readable file with --config")]
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(str(source), "is not UTF-8 text; save it as UTF-8")]) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise SettingsError([Problem(str(source), f"not valid TOML: {message}", line, column)]) from error
    return _Reader(str(source), text, file.home).read(document, environ, source)


class _Reader:
    """Turns tables into dataclasses and collects what is wrong with them."""

    def __init__(self, path: str, text: str, home: Path) -> None:
        self.path = path
        self.home = home
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def read(self, document: dict[str, Any], environ: Mapping[str, str], source: Path) -> Settings:
        hints = typing.get_type_hints(Settings)
        values: dict[str, Any] = {"source": source}
        tables = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
        known = [*tables, "agents", "var"]
        for name in document:
            if name not in known:
                self.wrong("", name, f"no such setting{_meant(name, known)}")
        for name, kind in tables.items():
            table = document.get(name, {})
            if not isinstance(table, dict):
                self.wrong("", name, f"is {_show(table)}; write it as a table, [{name}]")
                continue
            values[name] = self.table(name, kind, dict(table), environ)
        values["agents"] = self.agents(document.get("agents", []))
        at_run_time = environ.get("IVR_VAR")
        values["var"] = Path(at_run_time) if at_run_time else self.home / str(document.get("var", "var"))
        secrets = {password_variable(trunk.name) for trunk in values["sip"].trunks} if "sip" in values else set()
        if "ici" in values:
            secrets |= {login_variable(login.host) for login in values["ici"].logins}
        self.variables(environ, tables, secrets)
        settings = Settings(**{k: v for k, v in values.items() if v is not None})
        if model := environ.get("IVR_VOSK_MODEL"):
            speech = dataclasses.replace(settings.speech, models={**settings.speech.models, "en": Path(model)})
            settings = dataclasses.replace(settings, speech=speech)
        named = document.get("store", {})
        if not ((isinstance(named, dict) and "path" in named) or environ.get("IVR_STORE_PATH")):
            store = dataclasses.replace(settings.store, path=settings.var / "ivr.db")
            settings = dataclasses.replace(settings, store=store)
        settings = self.with_shipped(settings, document, environ)
        self.check(settings)
        if self.problems:
            raise SettingsError(self.problems)
        return settings

    def with_shipped(self, settings: Settings, document: dict[str, Any], environ: Mapping[str, str]) -> Settings:
        """Menus and recordings nobody named and that are not here are the shipped ones."""
        menu, table = settings.menu, document.get("menu", {})
        table = table if isinstance(table, dict) else {}
        if "folder" not in table and "IVR_MENU_FOLDER" not in environ and not menu.folder.is_dir():
            menu = dataclasses.replace(menu, folder=shipped("menus"))
        if "audio" not in table and "IVR_MENU_AUDIO" not in environ and not menu.audio.is_dir():
            menu = dataclasses.replace(menu, audio=shipped("audio"))
        return dataclasses.replace(settings, menu=menu)

    def table(self, name: str, kind: Any, table: dict[str, Any], environ: Mapping[str, str]) -> Any:
        hints = typing.get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        for key in table:
            if key not in fields:
                self.wrong(name, key, f"no such setting in [{name}]{_meant(key, list(fields))}")
        values: dict[str, Any] = {}
        for key, hint in hints.items():
            variable = f"IVR_{name}_{key}".upper()
            if hint == tuple[Trunk, ...]:
                values[key] = self.trunks(table.get(key, []), environ)
                continue
            if hint == tuple[CallbackLogin, ...]:
                callbacks = table.get("callbacks", IciSettings().callbacks)
                values[key] = self.logins(table.get(key, []), callbacks, environ)
                continue
            if hint == tuple[Workmode, ...]:
                values[key] = read_workmodes(table.get(key, []), self.row, self.wrong)
                continue
            try:
                if environ.get(variable):
                    values[key] = _convert(_from_text(environ[variable], hint), hint)
                    continue
                if key in table:
                    values[key] = _convert(table[key], hint)
                if self.home != Path():
                    values[key] = self.placed(values[key] if key in values else getattr(kind(), key))
            except _Bad as bad:
                if environ.get(variable):
                    self.problems.append(Problem("environment", str(bad), where=variable))
                else:
                    self.wrong(name, key, str(bad))
        return kind(**values)

    def placed(self, value: Any) -> Any:
        """A path, paths by language, or the name of a YAML file, seen from here."""
        if isinstance(value, dict):
            return {name: self.placed(one) for name, one in value.items()}
        if isinstance(value, str) and value.endswith(".yaml"):
            return str(self.home / value)
        return self.home / value if isinstance(value, Path) else value

    def trunks(self, rows: Any, environ: Mapping[str, str]) -> tuple[Trunk, ...]:
        """`[[sip.trunks]]`; a password may come from the environment, so that the file can be shown around."""
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.wrong(
                "sip", "trunks", "must be written as [[sip.trunks]]; addresses that are believed are `trusted`"
            )
            return ()
        trunks: list[Trunk] = []
        for number, row in enumerate(rows, 1):
            where = f"sip.trunks {number}"
            values = {"name": ""} | self.row(where, row, Trunk)
            if secret := environ.get(password_variable(values["name"])):
                values["password"] = secret
            trunk = Trunk(**values)
            for key, message in trunk_problems(trunk, trunks):
                self.wrong(where, key, message)
            trunks.append(trunk)
        return tuple(trunks)

    def row(self, where: str, row: dict[str, Any], kind: type) -> dict[str, Any]:
        """The values of one table of a list of them, such as ``sip.trunks 2``."""
        hints = typing.get_type_hints(kind)
        for key in row:
            if key not in hints:
                self.wrong(where, key, f"no such setting in [[{where.split()[0]}]]{_meant(key, list(hints))}")
        values: dict[str, Any] = {}
        for key in row.keys() & hints.keys():
            try:
                values[key] = _convert(row[key], hints[key])
            except _Bad as bad:
                self.wrong(where, key, str(bad))
        return values

    def logins(self, rows: Any, callbacks: Any, environ: Mapping[str, str]) -> tuple[CallbackLogin, ...]:
        """`[[ici.logins]]`; a password may come from the environment."""
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.wrong("ici", "logins", "must be written as [[ici.logins]], one table per host")
            return ()
        known = environ["IVR_ICI_CALLBACKS"].split(",") if environ.get("IVR_ICI_CALLBACKS") else callbacks
        hosts = [str(host).strip() for host in known] if isinstance(known, (list, tuple)) else []
        logins: list[CallbackLogin] = []
        for number, row in enumerate(rows, 1):
            login = CallbackLogin(**self.row(f"ici.logins {number}", row, CallbackLogin))
            if secret := environ.get(login_variable(login.host)):
                login = dataclasses.replace(login, password=secret)
            for key, message in login_problems(login, logins, hosts):
                self.wrong(f"ici.logins {number}", key, message)
            logins.append(login)
        return tuple(logins)

    def agents(self, rows: Any) -> tuple[AgentSettings, ...]:
        if not isinstance(rows, list):
            self.wrong("", "agents", "must be written as [[agents]], one table per agent")
            return ()
        agents: list[AgentSettings] = []
        for number, row in enumerate(rows, 1):
            where = f"agents {number}"
            if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
                found = f"is {row['id']!r}" if isinstance(row, dict) and "id" in row else "is missing"
                self.wrong(where, "id", f"{found}; give every [[agents]] an id, a text in quotes")
                continue
            values = self.row(where, row, AgentSettings)
            agent = AgentSettings(**values) if "id" in values else None
            if agent is None:
                continue
            if not re.fullmatch(r"[A-Za-z0-9._-]+", agent.id):
                self.wrong(where, "id", f"is {agent.id!r}; use letters, digits, dot, hyphen and underscore")
            if agent.id in {other.id for other in agents}:
                self.wrong(where, "id", f"{agent.id!r} is used twice; every agent needs an id of its own")
            if agent.phone and not re.match(r"sips?:[^@\s]+@[^@\s]+$|tel:\+?[0-9]+$", agent.phone):
                self.wrong(where, "phone", f"is {agent.phone!r}; write a SIP address, sip:{agent.id}@host:port")
            agents.append(agent)
        return tuple(agents)

    def variables(self, environ: Mapping[str, str], tables: dict[str, Any], secrets: set[str]) -> None:
        known = (
            NOT_SETTINGS
            | secrets
            | {f"IVR_{name}_{f.name}".upper() for name, kind in tables.items() for f in dataclasses.fields(kind)}
        )
        for name in environ:
            if name.startswith("IVR_") and name not in known:
                meant = _meant(name, sorted(known))
                self.problems.append(Problem("environment", f"no such setting{meant}", where=name))

    def check(self, settings: Settings) -> None:
        first, last = settings.media.ports
        if not 1024 <= first < last <= 65535:
            self.wrong("media", "ports", f"is {first}-{last}; write first-last within 1024-65535")
        elif last - first < 3:
            self.wrong("media", "ports", f"{first}-{last} has no room for two calls; a call takes two ports")
        for table, key, message in routing_problems(settings):
            self.wrong(table, key, message)
        limits: list[tuple[str, str, float, float, float]] = [
            ("sip", "max_calls", settings.sip.max_calls, 1, 100_000),
            ("sip", "ring", settings.sip.ring, 0, 60),
            ("sip", "retry_after", settings.sip.retry_after, 1, 3600),
            ("sip", "min_session_expires", settings.sip.min_session_expires, 90, 86_400),
            ("guard", "calls_per_second", settings.guard.calls_per_second, 1, 10_000),
            ("guard", "source_calls_per_second", settings.guard.source_calls_per_second, 1, 10_000),
            ("guard", "source_requests_per_second", settings.guard.source_requests_per_second, 1, 10_000),
            ("guard", "source_calls", settings.guard.source_calls, 1, 100_000),
            ("guard", "source_connections", settings.guard.source_connections, 1, 1000),
            ("guard", "emergency_reserve", settings.guard.emergency_reserve, 0, 100_000),
            ("http", "source_connections", settings.http.source_connections, 1, 100_000),
            ("trace", "kept", settings.trace.kept, 0, 1 << 30),
            ("media", "workers", settings.media.workers, 1, 64),
            ("media", "silence_timeout", settings.media.silence_timeout, 0, 86400),
            ("recording", "keep_days", settings.recording.keep_days, 0, 36_500),
            ("speech", "rate", settings.speech.rate, 80, 400),
            ("speech", "workers", settings.speech.workers, 1, 64),
            ("ici", "pop_wait", settings.ici.pop_wait, 0, 30),
            ("ici", "post_timeout", settings.ici.post_timeout, 0.1, 60),
            ("ici", "heartbeat", settings.ici.heartbeat, 0, 3600),
            ("ici", "max_attached_data", settings.ici.max_attached_data, 1024, 16_777_216),
            ("routing", "wrap_up", settings.routing.wrap_up, 0, 3600),
            ("routing", "after_reject", settings.routing.after_reject, 0, 3600),
            ("routing", "after_missed", settings.routing.after_missed, 0, 3600),
            ("routing", "last_agent", settings.routing.last_agent, 0, 31_536_000),
            ("routing", "widen", settings.routing.widen, 0, 3600),
            ("routing", "answer_within", settings.routing.answer_within, 1, 3600),
            ("routing", "unstaffed", settings.routing.unstaffed, 0, 3600),
        ]
        for table, key, value, least, most in limits:
            if not least <= value <= most:
                needed = f"it must be between {_plain(least)} and {_plain(most)}"
                self.wrong(table, key, f"is {_plain(value)}; {needed}")
        for where, message in http_problems(settings.http, settings.ici):
            table, key = where.split(".")
            self.wrong(table, key, message)
        for key, message in sip_problems(settings.sip):
            self.wrong("sip", key, message)
        if settings.log.level not in LOG_LEVELS:
            self.wrong("log", "level", f"is {settings.log.level!r}; write one of {', '.join(LOG_LEVELS)}")
        if settings.log.format not in LOG_FORMATS:
            self.wrong("log", "format", f"is {settings.log.format!r}; write one of {', '.join(LOG_FORMATS)}")
        if not re.fullmatch(r"[A-Z]{3}", settings.store.currency):
            self.wrong("store", "currency", f"is {settings.store.currency!r}; write an ISO 4217 code, like USD")
        if not is_host(settings.http.listen.host):
            host = settings.http.listen.host
            self.wrong("http", "listen", f"{host!r} is no IP address; write one of this machine, or 0.0.0.0")
        for mistake in mistakes_between(settings):
            self.wrong(*mistake)

    def wrong(self, table: str, key: str, message: str) -> None:
        where = f"{table}.{key}" if table else key
        self.problems.append(Problem(self.path, message, self.line_of(table, key), where=where))

    def line_of(self, table: str, key: str) -> int:
        """The line `key` is written on; 0 where it cannot be told."""
        name, _, number = table.partition(" ")
        whole = f"{table}.{key}" if table else key
        current, seen, header = "", 0, 0
        for at, line in enumerate(self.lines, 1):
            if head := re.match(r"\s*\[+\s*([\w.]+)\s*\]+", line):
                seen += head[1] == name
                current = head[1]
                if head[1] == whole or (current == name and number and seen == int(number)):
                    header = header or at
            elif (
                re.match(rf"\s*{re.escape(key)}\s*=", line)
                and name in (current, current.split(".")[0])
                and (not number or seen == int(number))
            ):
                return at
        return header


def _meant(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1, 0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if len(known) < 14 else ""


def _plain(value: float) -> str:
    return f"{value:g}" if value < 1_000_000 else f"{value:.0f}"


def _show(value: object) -> str:
    return repr(value) if not isinstance(value, bool) else str(value).lower()


def _from_text(text: str, hint: Any) -> Any:
    """What an environment variable says, in the shape TOML would give it."""
    if hint is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in words:
            raise _Bad(f"is {text!r}; write true or false")
        return words[text.lower()]
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            raise _Bad(f"is {text!r}; write a number") from None
    if hint == tuple[str, ...] or (hint in ADDRESS_LISTS and "," in text):
        return [part.strip() for part in text.split(",") if part.strip()]
    if hint in ADDRESS_LISTS:
        return text
    if typing.get_origin(hint) in (tuple, dict) and hint != tuple[int, int]:
        raise _Bad("cannot be set from the environment; write it in ivr.toml")
    return text


def _convert(value: Any, hint: Any) -> Any:
    """`value` from TOML as `hint` wants it; raises _Bad with what is needed."""
    if hint is bool or hint is str:
        if type(value) is not hint:
            need = "true or false" if hint is bool else "a text in quotes"
            raise _Bad(f"is {_show(value)}; write {need}")
        return value
    if typing.get_origin(hint) is typing.Literal:
        words = typing.get_args(hint)
        if value not in words:
            raise _Bad(f"is {_show(value)}; write one of {', '.join(words)}")
        return value
    if hint is int or hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, hint)):
            raise _Bad(f"is {_show(value)}; write a {'whole ' if hint is int else ''}number without quotes")
        return hint(value)
    if hint == float | None:
        return _convert(value, float)
    if hint is Path:
        return Path(_convert(value, str)).expanduser()
    if hint is HostPort:
        return _host_port(value)
    if hint == Path | None:
        return _convert(value, Path)
    if hint in ADDRESS_LISTS:
        if isinstance(value, list) and value:
            return tuple(_host_port(item) for item in value)
        if value != []:
            return _host_port(value) if hint != tuple[HostPort, ...] else (_host_port(value),)
        if hint == tuple[HostPort, ...]:
            return ()
        raise _Bad('is an empty list; write at least one address, like "0.0.0.0:5060"')
    if hint == tuple[int, int]:
        match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", value) if isinstance(value, str) else None
        if not match:
            raise _Bad(f'is {_show(value)}; write first-last in quotes, like "20000-23999"')
        return int(match[1]), int(match[2])
    if hint == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _Bad(f'is {_show(value)}; write a list of texts, like ["general", "billing"]')
        return tuple(value)
    if hint == dict[str, Path]:
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise _Bad(f'is {_show(value)}; write one folder per language, like en = "models/en"')
        return {language: Path(folder).expanduser() for language, folder in value.items()}
    if hint == tuple[Account, ...]:
        return _accounts(value)
    raise AssertionError(f"no conversion to {hint!r}" if not isinstance(hint, types.UnionType) else hint)


def _host_port(value: Any) -> HostPort:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+):(\d{1,5})", value) if isinstance(value, str) else None
    if not match or not 0 <= int(match[2]) <= 65535:
        raise _Bad(f'is {_show(value)}; write address:port in quotes, like "0.0.0.0:5060"')
    return HostPort(match[1].strip("[]"), int(match[2]))


def _accounts(value: Any) -> tuple[Account, ...]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _Bad("must be written as [[sip.accounts]], one table per telephone")
    accounts = []
    for row in value:
        if set(row) != {"user", "password"} or not all(isinstance(v, str) and v for v in row.values()):
            raise _Bad("every [[sip.accounts]] needs a user and a password, both texts, and nothing else")
        accounts.append(Account(**row))
    return tuple(accounts)
