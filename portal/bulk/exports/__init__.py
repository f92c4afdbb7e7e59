"""Export all records that a filter matches, as CSV or JSON Lines.

`service` counts them, writes the audit entry and returns the file in parts. `reading` reads them
with a cursor, so that memory stays the same however many they are. `writing` writes a record as a
line.
"""
