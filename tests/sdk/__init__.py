"""Test the SDKs."""
