"""The media worker process and the engine's handle on it."""
