"""Tests of edited keys."""
