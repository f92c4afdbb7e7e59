"""The tests: real parts, through the front door."""
