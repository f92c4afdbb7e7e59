"""Receive requests completely before they run, so that a slow client costs no thread.

One event loop per process (granian's RSGI) receives every request with its body, within a deadline
and a size limit. The loop itself answers what needs nothing but memory. Everything else runs in a
bounded number of threads, as the WSGI application.

Read `application.py` first, then `bodies.py`, `threads.py`, `wsgi.py`. Only `portal.ops.serving`
imports this package.
"""
