"""The delivery log: search it, send an event again, replay a period."""
