"""Applications: what is registered to integrate with the platform."""
