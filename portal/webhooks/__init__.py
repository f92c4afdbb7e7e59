"""Webhooks: events that leave for a tenant's receivers, and those that come in from providers."""
