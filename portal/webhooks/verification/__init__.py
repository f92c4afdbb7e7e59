"""Verify the signatures of senders, and diagnose why one fails."""
