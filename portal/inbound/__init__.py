"""Inbound webhooks: other systems call us, and what they send is checked, kept and published.

`schemes` describes in data how each provider signs; `verify` is the one engine that reads it;
`challenges` answers what providers ask before they send; `door` is the way in, `/in/{webhook_id}`.
"""
