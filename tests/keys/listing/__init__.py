"""Tests of `portal.keys.listing`."""
