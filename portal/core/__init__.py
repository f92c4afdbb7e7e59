"""Define what every package may import: settings, errors, logs, deadlines.

This package imports no other package of the portal.
"""
