"""Tries webhooks out: test deliveries, trials, rehearsals."""
