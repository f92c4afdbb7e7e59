"""Tests of `portal.lab`."""
