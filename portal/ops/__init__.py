"""Running the portal: the command line, the server, the worker, migrations, the doctor."""
