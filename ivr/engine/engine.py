"""From settings to a listening voice-response engine, and back."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from ivr import __version__
from ivr.agents.floor import Floor
from ivr.call.clips import clips_of
from ivr.call.exchange import Exchange
from ivr.call.kept_dialogs import hang_up_kept
from ivr.call.lamps import light_lamps
from ivr.call.lookups import open_connectors
from ivr.call.queues import queue_rules
from ivr.call.rooms import Rooms
from ivr.call.screens import Screens, forget_screens, ghosts_of, open_records
from ivr.call.signalling import Signalling
from ivr.call.switchboard import ExchangeSwitchboard
from ivr.clock import Clock, SystemClock
from ivr.config import HostPort, Settings
from ivr.engine import remarks
from ivr.engine.health import Health
from ivr.engine.live_menu import LiveMenu, Tell, tell_nobody
from ivr.engine.music import music_file, ringing_file
from ivr.engine.presence import PresencePages
from ivr.engine.retention import keep_young
from ivr.engine.shelf import live_menu, menu_name, shelf_of
from ivr.engine.sip_trace import SipTrace
from ivr.engine.voices import voice_mistakes
from ivr.engine.web_door import WebDoors
from ivr.errors import MenuError, Problem, SettingsError
from ivr.ici import dialect as dialects
from ivr.ici.client import EventSender
from ivr.ici.client_pulse import pulse_of
from ivr.ici.dialect import Dialect
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.endpoint_trace import IciTrace
from ivr.ici.subscriptions import Subscription
from ivr.media.messages import MediaEvent
from ivr.media.worker.client import MediaWorkers
from ivr.menu.model import Menu
from ivr.net.door import Places
from ivr.net.tls import Certificates
from ivr.sip.events import Output, UserAgentSettings
from ivr.sip.guard import callee
from ivr.sip.limits import Limits
from ivr.sip.sources import source_of
from ivr.sip.trace import Trace
from ivr.sip.user_agent import UserAgent
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.make import make_recogniser
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.store.connector_pool import ConnectorPool
from ivr.store.sqlite import SqliteStore

Progress = Callable[[int, int], None]
"""Told after every rendered prompt: how many are done, of how many."""
LOOK_AT_CERTIFICATE = 5.0
"""Seconds between two looks at whether the certificate's files have changed."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listening:
    """What the engine tells when it is ready."""

    sip: HostPort
    """The first of `sip.listen`."""
    plain: tuple[HostPort, ...]
    """All addresses of UDP and TCP."""
    tls: tuple[HostPort, ...]
    http: HostPort
    menu: str
    published: bool
    """False: nothing was published yet, and callers get the menu folder as it was at this start."""
    hearing: str
    """``on: en`` or ``off: …`` with the reason."""
    rendered: int
    """Prompts rendered at this start."""
    cached: int
    unreadable: tuple[Problem, ...]
    """Recordings that are no sound: callers hear the synthetic voice."""


class Engine:
    """All running parts of one node. `start`, then calls are taken until `stop`."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, watch: bool = False, tell: Tell = tell_nobody
    ) -> None:
        """With `watch` drafts are served too, at each save; `tell` gets what menus have to say meanwhile."""
        self.settings = settings
        self._watch = watch
        self._tell = tell
        self.clock = clock or SystemClock()
        self.exchange: Exchange | None = None
        self.store: SqliteStore
        """Open from `start` to `stop`."""
        self.http: HostPort
        """Where HTTP listens, once started."""
        self._screens: Screens | None = None
        self._parts = AsyncExitStack()

        self.https: tuple[HostPort, ...] = ()
        """Where HTTPS listens, once started."""

    async def start(self, on_progress: Progress | None = None) -> Listening:
        """Bring everything up in the order in which mistakes are cheapest to find.

        Raises SettingsError for an address that is taken, MenuError for a menu with mistakes, StoreError for
        an unusable store. After any of them, nothing is left running.
        """
        try:
            return await self._start(on_progress)
        except BaseException:
            await self._parts.aclose()
            raise

    async def _start(self, on_progress: Progress | None) -> Listening:
        settings = self.settings
        menu = await asyncio.to_thread(live_menu, settings)
        var = _folder(settings)

        certificates = self._certificates() if settings.sip.tls_certificate or settings.sip.tls_ca else None
        user_agent = UserAgent(_user_agent_settings(settings))
        places = Places(
            settings.guard.source_connections, exempt=settings.sip.trusted_addresses, source_of=source_of
        )
        signalling = Signalling(
            user_agent,
            self.clock,
            self._on_sip,
            certificates=certificates,
            places=places,
            trace=Trace(settings.trace.kept),
        )
        self._parts.push_async_callback(signalling.close)
        for remark in remarks.signalling(settings):
            logger.warning("setting_remark setting=%s why=%r", remark.where, remark.message)
        await self._bind_sip(signalling)
        if certificates is not None:
            self._watch_files(certificates)
        media = MediaWorkers(settings.media, self._on_media)
        app = web.Application(client_max_size=settings.ici.max_attached_data * 8)
        dialect = dialects.load(settings.ici.dialect)
        web_certificates = self._web_certificates()
        trace = self._ici_trace(dialect)
        sender = EventSender(
            settings.ici,
            dialect,
            self._screen_lost,
            tls=web_certificates.client,
            trace=trace,
            on_unreachable=self._screen_unreachable,
        )
        self._parts.push_async_callback(sender.close)

        store = self.store = await SqliteStore.open(
            settings.store.path, currency=settings.store.currency, clock=self.clock
        )
        self._parts.push_async_callback(store.close)
        connectors = ConnectorPool(self.clock)
        self._parts.push_async_callback(connectors.close)
        await asyncio.to_thread(open_connectors, menu, connectors)
        voice = Pyttsx3Voice()
        library = DiskClipLibrary(var / "prompts", voice, settings.speech.rate, clock=self.clock)
        recogniser = make_recogniser(settings.speech.models, settings.speech.workers)
        music = await asyncio.to_thread(music_file, var)
        rooms = Rooms(
            settings, self.clock, signalling, media, library, recogniser, store, sender, music, connectors
        )
        rooms.ringing = await asyncio.to_thread(ringing_file, var)
        floor = Floor(
            settings.agents,
            queue_rules([menu]),
            settings.routing,
            strict_presence=settings.presence.strict,
        )
        exchange = self.exchange = Exchange(rooms, menu, floor)
        switchboard = ExchangeSwitchboard(exchange)
        web_client = web_certificates.client
        endpoint = IciEndpoint(switchboard, sender, settings.ici, dialect, tls=web_client, trace=trace)
        endpoint.add_to(app)
        self._parts.push_async_callback(endpoint.close)
        Health(exchange).add_to(app)
        SipTrace(signalling.trace, self.clock).add_to(app)
        PresencePages(exchange).add_to(app)
        light_lamps(exchange)
        endpoint.starting = True
        await self._bind_http(app, web_certificates)

        self._parts.push_async_callback(voice.stop)
        self._parts.push_async_callback(library.stop)
        self._parts.push_async_callback(recogniser.stop)
        self._parts.push_async_callback(media.stop)
        await asyncio.gather(voice.start(), recogniser.start(), media.start())
        if mistakes := await asyncio.to_thread(voice_mistakes, menu, voice):
            raise MenuError(mistakes)
        clips = clips_of(menu, settings.menu.audio, currency=settings.store.currency)
        report = await library.build(clips, on_progress, speak_instead=True)
        await exchange.daybook.open()
        open_ones, screens = await open_records(store), await store.screens()
        ghosts = [ghost for record in open_ones for ghost in ghosts_of(record)]
        await switchboard.kept.load()
        exchange.restore(await store.agent_states(), await exchange.calling_back.restored())
        await exchange.find_telephones()
        hang_up_kept(signalling, open_ones)
        self._screens = Screens(exchange, switchboard, sender, switchboard.kept)
        exchange.tasks.spawn(self._screens.bring_back(screens, ghosts, self.clock.utc()))
        await endpoint.restore_monitors(await store.monitors())
        pulse = pulse_of(sender, switchboard, settings.ici)
        pulse.start()
        self._parts.push_async_callback(pulse.stop)
        exchange.accepting = True
        endpoint.starting = False
        exchange.trunks.start()
        self._follow_menus(exchange, library, voice)
        self._parts.push_async_callback(keep_young(settings, self.clock))
        sip = ",".join(map(str, (*settings.sip.addresses, *settings.sip.tls_listen)))
        logger.info("listening sip=%s http=%s version=%s", sip, settings.http.listen, __version__)
        return Listening(
            sip=HostPort(settings.sip.addresses[0].host, signalling.port),
            plain=tuple(dict.fromkeys(HostPort(*one) for one in signalling.plain_addresses)),
            tls=tuple(HostPort(*address) for address in signalling.tls_addresses),
            http=self.http,
            menu=f"{menu.name}@{menu.version}",
            published=shelf_of(settings).live(menu_name(settings)) is not None,
            hearing=recogniser.why,
            rendered=report.rendered + report.recorded,
            cached=report.cached,
            unreadable=report.unreadable,
        )

    def _follow_menus(self, exchange: Exchange, library: DiskClipLibrary, voice: Pyttsx3Voice) -> None:
        """Published versions are taken over from now on."""
        rooms, settings = exchange.rooms, self.settings

        async def prepare(menu: Menu) -> None:
            if mistakes := await asyncio.to_thread(voice_mistakes, menu, voice):
                raise MenuError(mistakes)
            await asyncio.to_thread(open_connectors, menu, rooms.connectors)
            clips = clips_of(menu, settings.menu.audio, currency=settings.store.currency)
            await library.build(clips, speak_instead=True)

        follower = LiveMenu(settings, exchange, prepare, watch=self._watch, tell=self._tell)
        following = asyncio.create_task(follower.run())

        async def end() -> None:
            following.cancel()
            await asyncio.wait([following])

        self._parts.push_async_callback(end)

    async def stop(self) -> None:
        """Hang up what is live, write what is to be written, end every process."""
        if self.exchange is not None:
            if self._screens is not None:
                await self._screens.stop()
            await self.exchange.stop()
            await forget_screens(self.store)
        await self._parts.aclose()
        logger.info("stopped")

    # --- addresses --------------------------------------------------------------------------------------

    async def _bind_sip(self, signalling: Signalling) -> None:
        sip = self.settings.sip
        for address in sip.addresses if sip.udp or sip.tcp else ():
            try:
                await signalling.bind(address.host, address.port, udp=sip.udp, tcp=sip.tcp)
            except OSError as error:
                raise self._taken("sip.listen", "IVR_SIP_LISTEN", address, error) from error
        for address in sip.tls_listen:
            try:
                await signalling.bind_tls(address.host, address.port)
            except OSError as error:
                raise self._taken("sip.tls_listen", "IVR_SIP_TLS_LISTEN", address, error) from error

    def _certificates(self) -> Certificates:
        """Raises SettingsError when the files have become unusable since the settings were checked."""
        sip = self.settings.sip
        try:
            return Certificates(sip.tls_certificate, sip.tls_key, sip.tls_ca)
        except OSError as error:
            path = str(self.settings.source or "ivr.toml")
            raise SettingsError(
                [Problem(path, f"TLS files cannot be used: {error}", where="sip.tls_key")]
            ) from error

    def _watch_files(self, certificates: Certificates) -> None:
        """A renewed certificate is shown from the next handshake on."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(LOOK_AT_CERTIFICATE)
                await asyncio.to_thread(certificates.reload_if_changed)

        watching = asyncio.create_task(watch())

        async def end() -> None:
            watching.cancel()
            await asyncio.wait([watching])

        self._parts.push_async_callback(end)

    def _web_certificates(self) -> Certificates:
        """Raises SettingsError when the files have become unusable since the settings were checked."""
        http, ici = self.settings.http, self.settings.ici
        try:
            found = Certificates(
                http.tls_certificate,
                http.tls_key,
                ici.callback_ca,
                clients=http.tls_clients,
                shown_to_servers=True,
            )
        except OSError as error:
            path = str(self.settings.source or "ivr.toml")
            problem = Problem(path, f"TLS files cannot be used: {error}", where="http.tls_key")
            raise SettingsError([problem]) from error
        if found.server is not None:
            self._watch_files(found)
        return found

    def _ici_trace(self, dialect: Dialect) -> IciTrace | None:
        """Closed after everything that writes to it."""
        ici = self.settings.ici
        if ici.trace is None:
            return None
        try:
            trace = IciTrace(ici.trace, dialect, values=ici.trace_values)
        except OSError as error:
            path, why = str(self.settings.source or "ivr.toml"), error.strerror or str(error)
            message = f"{ici.trace} cannot be written: {why.lower()}; name a file in a folder of yours"
            raise SettingsError([Problem(path, message, where="ici.trace")]) from error
        self._parts.callback(trace.close)
        return trace

    async def _bind_http(self, app: web.Application, certificates: Certificates) -> None:
        listen = self.settings.http.listen
        known = frozenset(self.settings.ici.callbacks)
        doors = WebDoors(app, Places(self.settings.http.source_connections, exempt=known, source_of=source_of))
        self._parts.push_async_callback(doors.close)
        try:
            self.http = HostPort(listen.host, (await doors.open(listen.host, listen.port))[1])
        except OSError as error:
            raise self._taken("http.listen", "IVR_HTTP_LISTEN", listen, error) from error
        found = []
        for address in self.settings.http.tls_listen:
            try:
                found.append(HostPort(*await doors.open(address.host, address.port, certificates.server)))
            except OSError as error:
                raise self._taken("http.tls_listen", "IVR_HTTP_TLS_LISTEN", address, error) from error
        self.https = tuple(found)

    def _taken(self, key: str, variable: str, address: HostPort, error: OSError) -> SettingsError:
        path = str(self.settings.source or "ivr.toml")
        why = (error.strerror or str(error)).lower().split(": ")[-1]
        advice = f'free it, or set {key} (or {variable}) to another, like "{address.host}:{address.port + 1}"'
        if error.errno == errno.EADDRNOTAVAIL:  # no port of it will do
            advice = f'set {key} (or {variable}) to an address of this machine, like "127.0.0.1:{address.port}"'
        return SettingsError([Problem(path, f"cannot listen on {address}: {why}; {advice}", where=key)])

    # --- events of the parts ------------------------------------------------------------------------------

    def _on_sip(self, event: Output) -> None:
        if self.exchange is not None:
            self.exchange.on_sip(event)

    def _on_media(self, event: MediaEvent) -> None:
        if self.exchange is not None:
            self.exchange.on_media(event)

    def _screen_lost(self, user: str) -> None:
        if self.exchange is not None:
            self.exchange.screen_lost(user)

    def _screen_unreachable(self, subscription: Subscription, failure: str) -> None:
        if self._screens is not None:
            self._screens.unreachable(subscription, failure)


def _folder(settings: Settings) -> Path:
    """`var/`, made if missing. Raises SettingsError when it cannot be."""
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        settings.store.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        path = str(settings.source or "ivr.toml")
        message = f"cannot make the folder {settings.var}: {why}; name a writable one"
        raise SettingsError([Problem(path, message, where="var")]) from error
    return settings.var


def _user_agent_settings(settings: Settings) -> UserAgentSettings:
    accounts = {account.user: account.password for account in settings.sip.accounts}
    accounts |= {agent.id: agent.password for agent in settings.agents if agent.password}
    return UserAgentSettings(
        product=f"ivr/{__version__}",
        realm=settings.sip.realm,
        accounts=accounts,
        durable_registrar=True,
        trunks=settings.sip.trusted_addresses,
        switch_to_tcp=settings.sip.tcp,
        session_expires=settings.sip.session_expires,
        min_session_expires=settings.sip.min_session_expires,
        limits=_limits(settings),
    )


def _limits(settings: Settings) -> Limits:
    guard = settings.guard
    return Limits(
        max_calls=settings.sip.max_calls,
        retry_after=settings.sip.retry_after,
        calls_per_second=guard.calls_per_second,
        source_calls_per_second=guard.source_calls_per_second,
        source_requests_per_second=guard.source_requests_per_second,
        source_calls=guard.source_calls,
        emergency=frozenset(map(callee, guard.emergency)),
        emergency_reserve=guard.emergency_reserve,
        drop_scanners=guard.drop_scanners,
        scanners=guard.scanners,
        trunks=settings.sip.trusted_addresses,
    )
