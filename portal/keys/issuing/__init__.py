"""What a new key is: its format, what it may inherit, the form and the one-time link."""
