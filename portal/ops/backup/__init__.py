"""Backup and restore of everything in the database."""
