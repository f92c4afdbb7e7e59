"""Tests that the input of one tenant does not slow down the others."""
