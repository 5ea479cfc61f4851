"""What the engine tells about itself over HTTP."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ivr import __version__
from ivr.agents.figures import QueueFigures
from ivr.call.exchange import Exchange
from ivr.sip.guard import Guard


class Health:
    """``GET /health``: 200 while calls are taken, 503 before and while stopping."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/health", self._health)

    async def _health(self, request: web.Request) -> web.Response:
        status = 200 if self._exchange.accepting else 503
        return web.json_response(self.document(), status=status)

    def document(self) -> dict[str, Any]:
        exchange = self._exchange
        guard = exchange.rooms.signalling.user_agent.guard
        now = exchange.rooms.clock.monotonic()
        figures, callbacks = exchange.agents.figures(), exchange.agents.callbacks()
        agents = {
            agent.id: {
                "state": str(exchange.agents.agent(agent.id).state),
                "reason": exchange.agents.agent(agent.id).reason,
                "phone": exchange.agents.agent(agent.id).phone,
                "presence": str(exchange.agents.agent(agent.id).presence),
                "occupancy": _percent(exchange.agents.occupancy(agent.id, now)),
            }
            for agent in exchange.rooms.settings.agents
        }
        queues = {
            name: {
                "waiting": exchange.agents.queue_length(name),
                "longest_wait": round(exchange.agents.longest_wait(name, now), 1),
                "staffed": exchange.agents.staffed(name),
                "callbacks": sum(promise.queue == name for promise in callbacks),
                "today": figures.get(name, QueueFigures()).document(),
            }
            for name in exchange.menu.queues
        }
        return {
            "version": __version__,
            "accepting": exchange.accepting,
            "menu": f"{exchange.menu.name}@{exchange.menu.version}",
            "calls": {
                "now": len(exchange.visits),
                "total": exchange.calls_total,
                "refused": exchange.calls_refused + (guard.refused if guard else 0),
            },
            "guard": self._guard(guard) if guard else {},
            "late_pops": exchange.late_pops,
            "sip_dropped": exchange.rooms.signalling.dropped,
            "sip": exchange.rooms.signalling.user_agent.counters,
            "trunks": exchange.trunks.document(),
            "telephones": exchange.telephones.document(),
            "connectors": exchange.rooms.connectors.state(),
            "agents": agents,
            "queues": queues,
        }

    def _guard(self, guard: Guard) -> dict[str, int]:
        """Lines taken, sources remembered, and what was kept out for which limit."""
        connections = self._exchange.rooms.signalling.connections
        return {
            "calls": guard.calls,
            "sources": len(guard.sources),
            "connections": connections.now,
            "connections_refused": connections.refused,
            "connections_too_slow": connections.too_slow,
            **guard.counters,
        }


def _percent(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
