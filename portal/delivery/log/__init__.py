"""The delivery log: search it, send again, replay a window."""
