"""Durable state behind contracts."""
