"""The verification of keys: from memory where possible, current within milliseconds."""
