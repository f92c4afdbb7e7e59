"""The delivery log: search it, send an event again, replay a period.

Read `search`, `resend` (again, or retry now), `replays` (a period), then what pages show: `table`,
`today`, `story`, `attempt_view` and `pages`.
"""
