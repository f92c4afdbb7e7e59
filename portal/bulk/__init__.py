"""Do one thing to many records of a list: preview, confirm, watch, cancel, try again.

Read `acts` first: what can be done, to records of each kind in `kinds`. `service` makes a job and
its rows, and `work` does the rows in the worker, each with the same verb as for a single record and
with the rights that the asker has then (`askers`). `job_texts` has the sentences of pages.

Tables: bulk_job, bulk_row. Nothing else may write to them, and no other feature calls this one.
"""
