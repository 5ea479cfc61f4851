"""Who can be reached, for other programs: as JSON, and as a stream of changes over a WebSocket (RFC 6455)."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import Any

from aiohttp import WSCloseCode, web

from ivr.agents.presence import options
from ivr.call.exchange import Exchange
from ivr.call.presence import why_not_ready
from ivr.config import AgentSettings
from ivr.ici.endpoint_access import CHALLENGE, credentials, is_loopback, refuse_browsers
from ivr.ici.switchboard import IciRefusal

MOST_WATCHERS = 200
"""WebSockets at once; the next one gets 503."""
BEHIND = 100
"""Changes a slow watcher may be behind; then the connection is closed, and a new one begins with everything."""
HEARTBEAT = 30.0
"""Seconds between two pings; a watcher that does not answer is gone."""
logger = logging.getLogger(__name__)


class PresencePages:
    """``GET /presence`` and ``GET /presence/changes``.

    Whoever comes over loopback may ask, and elsewhere every agent with a password by HTTP Basic; pages in a
    browser never. A change is told once, within a second (PR1): the word, and what may be done with it (PR2);
    `not_ready` says why somebody is not who did not choose to be.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._agents = {agent.id: agent for agent in exchange.rooms.settings.agents}
        self._told: dict[str, dict[str, Any]] = {agent: self._shown(agent) for agent in self._agents}
        self._watchers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        exchange.watchers.append(self._changed)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/presence", self._everybody)
        app.router.add_get("/presence/changes", self._changes)
        app.on_shutdown.append(self._end)

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    async def _everybody(self, request: web.Request) -> web.Response:
        self._let_in(request)
        return web.json_response({"agents": [self._shown(agent) for agent in self._agents]})

    async def _changes(self, request: web.Request) -> web.WebSocketResponse:
        """First everybody, then one object for each change."""
        self._let_in(request)
        if len(self._watchers) >= MOST_WATCHERS:
            raise web.HTTPServiceUnavailable(text="too many are watching already; try again later\n")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=1024)
        await socket.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(BEHIND)
        self._watchers.add(queue)
        listening = asyncio.create_task(_until_closed(socket))
        try:
            await socket.send_json({"agents": [self._shown(agent) for agent in self._agents]})
            await self._pass_on(socket, queue, listening)
        except ConnectionError:
            pass
        finally:
            self._watchers.discard(queue)
            listening.cancel()
        return socket

    async def _pass_on(
        self,
        socket: web.WebSocketResponse,
        queue: asyncio.Queue[dict[str, Any] | None],
        listening: asyncio.Task[None],
    ) -> None:
        while not listening.done():
            waiting = asyncio.create_task(queue.get())
            await asyncio.wait([waiting, listening], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                return
            if (change := waiting.result()) is None:
                behind = queue not in self._watchers
                code = WSCloseCode.TRY_AGAIN_LATER if behind else WSCloseCode.GOING_AWAY
                await socket.close(code=code, message=b"too slow" if behind else b"the engine stops")
                return
            await socket.send_json(change)

    def _changed(self, agent: str) -> None:
        shown = self._shown(agent)
        if shown == self._told[agent]:
            return
        self._told[agent] = shown
        for queue in list(self._watchers):
            try:
                queue.put_nowait(shown)
            except asyncio.QueueFull:
                self._watchers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    def _shown(self, agent: str) -> dict[str, Any]:
        view = self._exchange.agents.agent(agent)
        name, word = self._agents[agent].name or agent, view.presence
        shown = {"user": agent, "name": name, "presence": str(word), "options": list(options(word))}
        return shown | ({"not_ready": why} if (why := why_not_ready(view)) else {})

    def _let_in(self, request: web.Request) -> None:
        try:
            refuse_browsers(request.headers)
        except IciRefusal as refusal:
            raise web.HTTPForbidden(text=f"{refusal}\n") from refusal
        if is_loopback(request.remote or ""):
            return
        name, secret = credentials(request.headers.get("Authorization", ""))
        agent: AgentSettings | None = self._agents.get(name)
        password = agent.password if agent else ""
        right = hmac.compare_digest(secret.encode(), password.encode())
        if not (password and right):
            logger.warning("presence_refused peer=%s user=%r", request.remote, name[:64])
            raise web.HTTPUnauthorized(
                text="needed is HTTP Basic with an agent's id and password\n",
                headers={"WWW-Authenticate": CHALLENGE},
            )

    async def _end(self, app: web.Application) -> None:
        for queue in list(self._watchers):
            if not queue.full():
                queue.put_nowait(None)


async def _until_closed(socket: web.WebSocketResponse) -> None:
    """Nothing is expected; reading answers pings, and notices the end."""
    async for _ in socket:
        pass
