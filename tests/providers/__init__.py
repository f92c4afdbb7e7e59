"""Tests of the catalogue of providers."""
