"""Sessions of people: their rows, cookies, sealed ID tokens and the login of each request."""
