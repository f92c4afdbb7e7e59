"""Prove a connection in protocols that are more than one HTTP request.

Each dials only what `portal.outbound` resolved and guarded.
"""
