"""The verification of keys: from memory where possible, and current within milliseconds."""
