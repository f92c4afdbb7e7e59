"""Send HTTP requests to addresses that tenants type: guarded, limited, explained.

Sockets for other protocols are dialled under the same guard (`OutboundClient.dial`).

Read `client` first, then `urls` (the address a person typed), `networks` and `address_guard` (where
it may lead), `request_headers`, `client_certificates`, `exchange` and `dialling` (the connection),
`attempt` (how far a request came), `failures`, `outcome` and `outcome_texts` (what came of it).

It has no tables. The features send through the names below; the front only reads
how many `client` lets wait, and with `portal.web` the `networks`.
"""

from portal.outbound.address_guard import asker, unguarded_resolver
from portal.outbound.client import OutboundClient, make_trust, send_now, turn
from portal.outbound.dialling import Dialled, Undialled
from portal.outbound.outcome import Kind, Outcome, Request, Timings
from portal.outbound.request_headers import HEADER_NAME, HEADER_VALUE, header_problems
from portal.outbound.urls import UnacceptableUrl, check_url, read_url

__all__ = [
    "HEADER_NAME",
    "HEADER_VALUE",
    "Dialled",
    "Kind",
    "OutboundClient",
    "Outcome",
    "Request",
    "Timings",
    "UnacceptableUrl",
    "Undialled",
    "asker",
    "check_url",
    "header_problems",
    "make_trust",
    "read_url",
    "send_now",
    "turn",
    "unguarded_resolver",
]
