"""The revocation of keys: now, at a time, in bulk, with what each would break."""
