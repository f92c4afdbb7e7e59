"""Receive requests completely before they run, so that a slow client costs no thread.

One event loop per process (granian's RSGI) receives every request with its body, within a deadline
and a size limit. The loop itself answers what needs nothing but memory. Everything else runs in a
bounded number of threads, as the WSGI application.

Read `application` first, then `bodies`, `room` (memory that sources share), `fair_queue`,
`threads`, `cpu_affinity` (the threads use one CPU), `wsgi`, `answers` (sent no faster than they are
taken), `health`. It has no tables.
`portal.ops.serving` runs `application`, `portal.ops.connections` reads its number of threads, and
`create_app` wires `health`. Nothing else in the portal imports this package.
"""
