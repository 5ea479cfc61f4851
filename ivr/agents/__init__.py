"""Agents, presence, caller queues and routing, as a pure machine."""
