"""Receive a request: store it, deduplicate it, publish it as an event."""
