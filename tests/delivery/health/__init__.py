"""Tests of `portal.delivery.health`."""
