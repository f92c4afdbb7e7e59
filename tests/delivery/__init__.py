"""Tests of `portal.delivery`."""
