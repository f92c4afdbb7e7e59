"""The use of keys: figures, explanations of refusals, weaknesses and notices."""
