"""The worker's jobs for bulk jobs: do them, and forget old ones."""

from datetime import timedelta

from portal.bulk import work
from portal.core.jobs import Job, due_by

HOUSEKEEPING = [
    Job(
        "do bulk jobs",
        work.do_some,
        timedelta(seconds=1),
        due_by("due_bulk_jobs"),
        repeats=True,
    ),
    Job(
        "forget old bulk jobs",
        work.forget_old,
        timedelta(hours=6),
        due_by("due_old_bulk_jobs", work.KEEP),
        repeats=True,
    ),
]
