"""Sign requests in every way that needs no browser.

`signers` has the ways that send what is stored, `tokens` the ways that get an access token first;
`assertions` (JWT) and `sigv4` (AWS) are what they sign with.
"""
