"""Tests of `portal.delivery.queue`."""
