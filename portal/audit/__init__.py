"""What happened: one entry for each change, written by every verb in the change's transaction."""
