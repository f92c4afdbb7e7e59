"""The tests: real parts, through the front door."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The checkout."""
