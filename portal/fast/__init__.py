"""Shortcuts past SQLAlchemy and Jinja, each measured and tested against the ordinary way."""
