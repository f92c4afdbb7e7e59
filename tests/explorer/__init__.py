"""Tests of `portal.explorer`."""
