"""Share the threads and the interpreter of a process among the calls of many callers.

Read `precedence` first (short calls run before long ones), then `slot` (a call that waits for a
system outside lets another run). It has no tables. Everybody may import it.
"""
