"""Tests of deliveries when processes crash."""
