"""The catalogue of event types: what may be published and subscribed to."""
