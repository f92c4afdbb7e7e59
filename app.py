"""Hold the application for any WSGI server, such as `granian --interface wsgi app:app`."""

from portal import create_app

app = create_app()
