"""How events are published: the statements, the group commit and the door on the event loop."""
