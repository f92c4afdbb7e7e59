"""Backup and restore of the whole database.

Read `archive` (the file), `postgres_programs` (pg_dump and pg_restore), `backup` and `restore`.
"""
