"""The provider's state in memory: sign-ins, authorization codes and refresh tokens."""

import secrets
import threading
import time
from dataclasses import dataclass, field, replace

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin

from portal_devtools.identity_provider.people import ProviderClient, ProviderPerson

CODE_LIFETIME = 60  # seconds
SIGN_IN_LIFETIME = 8 * 3600
REFRESH_LIFETIME = 8 * 3600


@dataclass(frozen=True)
class SignIn:
    """A person's sign-in at the provider with one browser, since `auth_time`."""

    sid: str
    person: ProviderPerson
    auth_time: int
    acr: str = "urn:cpod:aal1"

    def get_user_id(self) -> str:
        """Return the subject, for Authlib."""
        return self.person.subject


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """An authorization code and the request that it was issued for."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    sign_in: SignIn
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    expires_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.sign_in.auth_time

    def get_acr(self) -> str:
        return self.sign_in.acr

    def get_amr(self) -> list[str]:
        return ["user"]


@dataclass(frozen=True)
class RefreshToken(TokenMixin):
    """A refresh token. `family` stays the same during rotation; a replay ends the whole family."""

    token: str
    family: str
    client_id: str
    scope: str
    sign_in: SignIn
    expires_at: float
    used: bool = False

    def check_client(self, client: ProviderClient) -> bool:
        return client.client_id == self.client_id

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Store:
    """All state of the provider, protected by one lock."""

    sign_ins: dict[str, SignIn] = field(default_factory=dict)  # browser's cookie → sign-in
    clients_of: dict[str, set[str]] = field(default_factory=dict)  # sid → client ids
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def sign_in(self, cookie: str | None, person: ProviderPerson) -> tuple[str, SignIn]:
        """Record a sign-in of `person`; return the browser's new cookie and the sign-in.

        The same person keeps the sid: a step-up is not a new session for the clients.
        """
        with self.lock:
            before = self.sign_ins.pop(cookie or "", None)
            same = before is not None and before.person == person
            sid = before.sid if before is not None and same else secrets.token_urlsafe(16)
            cookie = secrets.token_urlsafe(32)
            self.sign_ins[cookie] = SignIn(sid, person, int(time.time()))
            return cookie, self.sign_ins[cookie]

    def signed_in(self, cookie: str | None) -> SignIn | None:
        """Return the browser's sign-in if it has not expired."""
        sign_in = self.sign_ins.get(cookie or "")
        if sign_in is None or sign_in.auth_time + SIGN_IN_LIFETIME < time.time():
            return None
        return sign_in

    def end(self, sid: str) -> tuple[SignIn | None, set[str]]:
        """Delete a sign-in and its refresh tokens; return it and the clients to notify."""
        with self.lock:
            ended = [cookie for cookie, s in self.sign_ins.items() if s.sid == sid]
            sign_in = next((self.sign_ins.pop(cookie) for cookie in ended), None)
            self.refresh_tokens = {
                token: kept
                for token, kept in self.refresh_tokens.items()
                if kept.sign_in.sid != sid
            }
            return sign_in, self.clients_of.pop(sid, set())

    def keep_code(self, code: Code) -> None:
        with self.lock:
            now = time.time()
            self.codes = {c: kept for c, kept in self.codes.items() if kept.expires_at > now}
            self.codes[code.code] = code
            self.clients_of.setdefault(code.sign_in.sid, set()).add(code.client_id)

    def take_code(self, code: str, client_id: str) -> Code | None:
        """Return the code and delete it, so that a second exchange finds nothing."""
        with self.lock:
            found = self.codes.get(code)
            if found is None or found.client_id != client_id:
                return None
            del self.codes[code]
            return found if found.expires_at > time.time() else None

    def keep_refresh_token(self, token: RefreshToken) -> None:
        with self.lock:
            self.refresh_tokens[token.token] = token

    def use_refresh_token(self, token: str) -> RefreshToken | None:
        """Return the token at its first use; a replay ends the whole family (RFC 9700, 4.14)."""
        with self.lock:
            found = self.refresh_tokens.get(token)
            if found is None or found.expires_at < time.time():
                return None
            if found.used:
                family = found.family
                self.refresh_tokens = {
                    name: kept
                    for name, kept in self.refresh_tokens.items()
                    if kept.family != family
                }
                return None
            self.refresh_tokens[token] = replace(found, used=True)
            return found
