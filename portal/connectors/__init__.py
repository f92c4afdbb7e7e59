"""Connectors: sources and sinks of data, their settings in the row, their secrets in the store."""
