"""What a WSGI server loads: `granian --interface wsgi app:app`, or `portal serve`."""

from portal import create_app

app = create_app()
