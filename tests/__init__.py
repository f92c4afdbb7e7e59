"""Test the portal with real servers, through its own interfaces."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The root of the checkout."""
