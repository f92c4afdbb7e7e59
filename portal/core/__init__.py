"""What everybody may import: settings, errors, logs, deadlines. It imports no other room."""
