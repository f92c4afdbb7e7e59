"""Measure the JavaScript client against fetch alone: both read and parse the same pages."""

import json
import subprocess
from statistics import median

from tests.bench.figures import Figure, of_rounds
from tests.machine import NODE
from tests.sdk.javascript.programs import SDK

PAGES = 20
PROGRAM = """
const { Client } = await import(given.client);
const { baseUrl, token, pages, rounds } = given;
const most = pages * 200;

async function bare() {
  let [cursor, seen] = ["", 0];
  while (seen < most) {
    const url = `${baseUrl}/api/v1/integration/api-keys?limit=200${cursor}`;
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(await answer.text());
    const page = await answer.json();
    for (const each of page.items) seen += each.version ? 1 : NaN;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

const client = new Client({ baseUrl, token });
async function ours() {
  let seen = 0;
  for await (const each of client.integration.apiKeys.list({ limit: 200 })) {
    seen += each.version ? 1 : NaN;
    if (seen === most) break;
  }
}

const speeds = { bare: [], ours: [] };
for (let round = 0; round <= rounds; round++) {
  for (const [name, work] of Object.entries({ bare, ours })) {
    const begun = performance.now();
    await work();
    // The first round warms up.
    if (round) speeds[name].push(most / (performance.now() - begun) * 1000);
  }
}
process.stdout.write(JSON.stringify(speeds));
"""


def measure(port: int, key: str, rounds: int) -> list[Figure]:
    """Return the figure of the client that iterates over the keys of a large tenant."""
    given = {
        "client": (SDK / "index.js").as_uri(),
        "baseUrl": f"http://127.0.0.1:{port}",
        "token": key,
        "pages": PAGES,
        "rounds": 2 * rounds,
    }
    source = f"const given = {json.dumps(given)};\n{PROGRAM}"
    command = [NODE, "--input-type=module"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stderr)
    speeds = json.loads(done.stdout)
    ours, theirs = speeds["ours"], speeds["bare"]
    return [
        Figure(
            "JavaScript client over pages of 200, against fetch alone",
            of_rounds(ours, theirs),
            0.8,
            "more",
            notes=f"{median(ours):.0f} entries/s against {median(theirs):.0f}/s",
            detail={"ours_per_second": ours, "theirs_per_second": theirs},
        )
    ]
