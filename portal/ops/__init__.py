"""Operation of the portal: command line, server, worker, migrations, doctor and backup."""
