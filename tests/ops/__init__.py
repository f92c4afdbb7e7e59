"""Tests of the operation of the portal."""
