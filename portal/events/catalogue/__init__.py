"""The catalogue of event types that can be published and subscribed to."""
