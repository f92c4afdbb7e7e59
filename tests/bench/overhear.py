"""Write the statements that REST sends to FILE as JSON, for the reference that sends the same.

python -m tests.bench.overhear API_KEY KEY_ID FILE
"""

import json
import sys
from pathlib import Path

from portal import create_app
from tests.statements import statements


def main() -> None:
    token, key_id, file = sys.argv[1:]
    app = create_app()
    client = app.test_client()
    found = {}
    for name, path in (("get", f"/api-keys/{key_id}"), ("list", "/api-keys")):
        headers = {"Authorization": f"Bearer {token}"}
        address = f"https://portal.example/api/v1/integration{path}"
        with statements() as sent:
            answer = client.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        sql, values = sent[-1]  # the statements before it authenticated the caller
        found[name] = {"sql": sql, "values": values}
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
