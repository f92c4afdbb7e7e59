"""Send answers no faster than clients take them, within limits of time and memory.

Read `pipe` (a body that the server reads as fast as the client takes it), `streaming` (answers that
are made while they are sent), `large_answers` (all others over 256 KiB), `listening` (the system
ends connections whose clients take nothing). Only `portal.front.application` uses them. It has no
tables.
"""
