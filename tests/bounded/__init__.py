"""What one tenant sends costs the others nothing: each kind of input, and all of them at once."""
