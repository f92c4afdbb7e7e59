"""Send what the document allows and what it does not, and hold each answer against the document."""
