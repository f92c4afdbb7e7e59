"""API keys: how programs of an application prove who they are."""
