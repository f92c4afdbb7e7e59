"""The front of the web server: takes requests in whole, so that one that waits costs nothing.

One event loop a process (granian's RSGI) receives every request with its body, within a deadline
and a size. It answers what needs nothing but memory right there; everything else runs in a bounded
number of threads, as the WSGI application.

Read `application.py` first, then `bodies.py`, `threads.py`, `wsgi.py`. Nothing imports the front
but `portal.ops.serving`.
"""
