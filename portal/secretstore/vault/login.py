"""Get the token that the requests of the portal are sent with."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from threading import Lock
from typing import Protocol

import structlog

from portal.secretstore import SecretDenied, StoreUnavailable
from portal.secretstore.vault.transport import Transport, raise_for

log = structlog.get_logger(__name__)

LOGIN_AGAIN_AT = 0.75
"""The share of a token's life after which to log in again: batch tokens cannot be renewed."""

LOGIN_PAUSE = 60.0
"""Seconds without an attempt after refused credentials: five refusals lock a role for a while."""


class Login(Protocol):
    """A source of the token."""

    def token(self) -> str:
        """Return a token that is valid as far as we know."""
        ...

    def replace(self, refused: str) -> bool:
        """Forget a token that was refused. Return whether `token` can now return another one."""
        ...

    def refused(self) -> SecretDenied:
        """Return the error of a token that may not even ask for its permissions."""
        ...


class StaticToken:
    """A token from the configuration. Only an operator can replace it when it expires."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """Return the configured token."""
        return self._token

    def replace(self, refused: str) -> bool:
        """Return False: there is no other token."""
        return False

    def refused(self) -> SecretDenied:
        """Return that the token is at its end."""
        return SecretDenied(
            "The secret store refuses the portal's token: it has expired, was revoked, or may not "
            "update sys/capabilities-self. Set a new token and restart."
        )


class AppRole:
    """Log in with role id and secret id, and again before the token ends or once it is refused.

    Thread-safe: threads that meet an expired token at the same time cause one login.
    """

    def __init__(
        self,
        transport: Transport,
        headers: Mapping[str, str],
        role_id: str,
        secret_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._headers = headers
        self._credentials = {"role_id": role_id, "secret_id": secret_id}
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._good_until = 0.0
        self._refused_until = 0.0

    def token(self) -> str:
        """Return the current token, or a new one from a login. Raises any error of the store."""
        with self._lock:
            if not self._token or self._clock() >= self._good_until:
                self._log_in()
            return self._token

    def replace(self, refused: str) -> bool:
        """Drop the token unless another thread has already dropped it."""
        with self._lock:
            if self._token == refused:
                self._token = ""
        return True

    def refused(self) -> SecretDenied:
        """Return that the new token lacks the permission."""
        return SecretDenied(
            "The policy of the portal's role lacks update on sys/capabilities-self, or all of its "
            "policies are gone. Give it one of portal/secretstore/policies."
        )

    def _log_in(self) -> None:
        if self._clock() < self._refused_until:
            raise _credentials_refused()
        answer = self._transport.send(
            "POST", "auth/approle/login", self._headers, self._credentials
        )
        # A wrong secret id is a 400, not a 403: either way the portal's own credentials are wrong.
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
            log.error("secret_store_login_refused", status=answer.status)
            self._refused_until = self._clock() + LOGIN_PAUSE
            raise _credentials_refused()
        raise_for(answer, "login")
        try:
            granted = answer.body["auth"]
            self._token = str(granted["client_token"])
            life = float(granted["lease_duration"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreUnavailable from error
        # A life of 0 is a token that does not expire.
        self._good_until = self._clock() + life * LOGIN_AGAIN_AT if life else float("inf")


def _credentials_refused() -> SecretDenied:
    return SecretDenied(
        "The secret store does not accept the portal's own credentials. "
        "An operator must check its role id and secret id."
    )
