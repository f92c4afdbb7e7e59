"""The health of endpoints: figures, automatic pause, pause by hand.

Read `safe_pause` (a receiver that fails for long), `manual_pause`, `endpoint_figures`,
`consequences` (the sentences beside a failure) and `pages`.
"""
