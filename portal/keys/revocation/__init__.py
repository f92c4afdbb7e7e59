"""Ends of keys: at once, at a time, many at once, with what each would break."""
