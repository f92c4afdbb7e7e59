"""What the use of keys says: figures, explanations, concerns and posture."""
