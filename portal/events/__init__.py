"""Events: what happened, published by programs and by the portal itself, kept for a while."""
