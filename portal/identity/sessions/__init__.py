"""Sessions of people: their rows, cookies, sealed ID tokens and the login of each request.

Read `sessions` (begin, find, end), `cookies` with `sealed_text`, `login` (who is signed in),
`id_tokens` (for the logout at the provider) and `kept_acts` (what is done after a step-up).
"""
