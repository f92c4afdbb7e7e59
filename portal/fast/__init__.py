"""Bypass SQLAlchemy and Jinja where that is faster, measured and tested against the normal way."""
