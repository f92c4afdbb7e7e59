"""Run the portal's command line with a short deadline for clients that take nothing."""

from portal.core import deadlines
from portal.ops.cli import main

SECONDS = 3.0

if __name__ == "__main__":
    deadlines.PART_SECONDS = SECONDS
    main()
