"""What leaves: the queue of deliveries, the engine that sends them, their log and safe pause."""
