"""The OpenID Connect relying party: start a sign-in, check the response, sign out.

This module implements the protocol only: no Flask, no database. Authlib's own callback does not
check the discovery issuer, the response's `iss`, the userinfo subject, `auth_time`, or that there
is an ID token at all; this one does. Section numbers refer to OpenID Connect Core 1.0 unless
another document is named.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from portal.identity.openid.access_tokens import audiences, moment, words
from portal.identity.openid.claims import claim_at, shown
from portal.identity.openid.http_client import Answer, Exchange, ProviderUnavailable, exchange
from portal.identity.openid.issuer import InvalidToken, Issuer, Metadata, Verified

LEEWAY = 30  # seconds by which the clocks of two servers may differ
MAX_TOKEN_AGE = 600  # seconds between issue and arrival of an ID token
MAX_LOGOUT_TOKEN_AGE = 120
LOGIN_LIFETIME = 600  # seconds that a started sign-in may take
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Reason = Literal["state", "denied", "invalid", "unavailable", "other_person"]


class SignInFailed(Exception):
    """A sign-in that must not succeed. `reason` selects the page, `detail` is for the log."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Client:
    """The portal's registration at the provider, and the claims that the portal needs."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    after_logout_uri: str
    scope: str = "openid profile email"
    needed_claims: tuple[str, ...] = ("tenant_id", "roles")


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in in progress. Only the browser that started it can finish it."""

    state: str
    nonce: str
    verifier: str
    started_at: int
    place: str = "/"
    max_age: int | None = None
    subject: str | None = None  # only this person may finish it (step-up)
    ticket: str = ""  # for the act that is done then


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity that the provider confirmed.

    Its key is (issuer, subject), never the email (ASVS 6.8.1).
    """

    issuer: str
    subject: str
    auth_time: int | None
    acr: str | None
    sid: str | None
    claims: Mapping[str, Any]
    id_token: str = field(repr=False)

    @property
    def email(self) -> str | None:
        """Return the email address if the provider has verified it; else None."""
        verified = self.claims.get("email_verified") is True
        return shown(self.claims.get("email"), 320) if verified else None

    @property
    def name(self) -> str:
        """Return the name to show: a name claim, else the email address, else the subject."""
        names = (shown(self.claims.get(claim)) for claim in ("name", "preferred_username"))
        return next((name for name in names if name), None) or self.email or self.subject


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A valid back-channel logout: end the session `sid`, or all sessions of `subject`."""

    issuer: str
    token_id: str
    sid: str | None
    subject: str | None


@dataclass(frozen=True)
class RelyingParty:
    """A provider and the portal's registration with it."""

    issuer: Issuer
    client: Client
    http: Exchange = exchange
    clock: Callable[[], float] = time.time

    # ------------------------------------------------------------ starting

    def start(
        self, place: str = "/", *, max_age: int | None = None, subject: str | None = None
    ) -> tuple[str, Pending]:
        """Return the URL to redirect the browser to, and the state to store until it returns.

        `max_age` (seconds) requires a sign-in no older than that; 0 forces a new one. Raises
        SignInFailed("unavailable") when the provider's metadata was never read.
        """
        pending = Pending(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            started_at=int(self.clock()),
            place=place,
            max_age=max_age,
            subject=subject,
        )
        query = {
            "response_type": "code",
            "response_mode": "query",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": self.client.scope,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": s256(pending.verifier),
            "code_challenge_method": "S256",
        }
        if max_age is not None:
            query["max_age"] = str(max_age)
        if max_age == 0:
            query["prompt"] = "login"
        return _with_query(self._metadata().authorization_endpoint, query), pending

    # ------------------------------------------------------------ the answer

    def finish(self, answer: Mapping[str, Sequence[str]], started: Sequence[Pending]) -> Identity:
        """Check the callback's parameters (name → values) against the sign-ins in progress.

        Raises SignInFailed. The caller deletes the pending sign-in in either case.
        """
        pending = self._pending(answer, started)
        metadata = self._metadata()
        self._check_issuer(answer, metadata)
        if "error" in answer:
            raise _provider_error(answer)
        code = _single(answer, "code")
        if not code or len(code) > 4096:
            raise SignInFailed("invalid", "no code")
        tokens = self._exchange_code(code, pending, metadata)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise SignInFailed("invalid", "the token response has no id_token")
        verified = self._verify(id_token)
        self._judge(verified, pending, tokens["access_token"])
        claims = self._complete(verified.claims, tokens["access_token"], metadata)
        return self._identity(verified.claims, claims, id_token)

    def _pending(self, answer: Mapping[str, Sequence[str]], started: Sequence[Pending]) -> Pending:
        state = (_single(answer, "state") or "").encode()
        for pending in started:
            if hmac.compare_digest(pending.state.encode(), state):
                if pending.started_at + LOGIN_LIFETIME < self.clock():
                    raise SignInFailed("state", "the sign-in took too long")
                return pending
        raise SignInFailed("state", "this browser did not start that sign-in")

    def _check_issuer(self, answer: Mapping[str, Sequence[str]], metadata: Metadata) -> None:
        """Refuse a wrong `iss`, and a missing one if it was promised (RFC 9207, section 2.4)."""
        if "iss" in answer or (metadata.names_itself and "error" not in answer):
            issuer = _single(answer, "iss")
            if issuer != self.issuer.url:
                raise SignInFailed("invalid", f"the answer is from {issuer!r}")

    def _exchange_code(self, code: str, pending: Pending, metadata: Metadata) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": pending.verifier,
        }
        answer = self._ask(
            "POST", metadata.token_endpoint, form, self._authenticate(form, metadata)
        )
        tokens = _object(answer)
        if answer.status != 200:
            raise SignInFailed(
                "invalid", f"token endpoint: {answer.status} {tokens.get('error')!r}"
            )
        if str(tokens.get("token_type", "")).lower() != "bearer":
            raise SignInFailed("invalid", f"token_type {tokens.get('token_type')!r}")
        if not _is_visible(tokens.get("access_token")):
            raise SignInFailed("invalid", "the token response has no access_token, or a bad one")
        return tokens

    def _authenticate(self, form: dict[str, str], metadata: Metadata) -> dict[str, str]:
        """Return an authentication header, or add the credentials to `form` (RFC 6749, 2.3.1)."""
        if not metadata.secret_in_body:
            pair = f"{quote(self.client.client_id, '')}:{quote(self.client.client_secret, '')}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        form |= {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        return {}

    def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            answer = self.http(method, url, form=form, headers=headers)
        except ProviderUnavailable as error:
            raise SignInFailed("unavailable", f"{url}: {error}") from error
        if answer.status >= 500:
            raise SignInFailed("unavailable", f"{url}: status {answer.status}")
        return answer

    def _metadata(self) -> Metadata:
        try:
            return self.issuer.metadata()
        except ProviderUnavailable as error:
            raise SignInFailed("unavailable", str(error)) from error

    def _verify(self, token: str) -> Verified:
        try:
            return self.issuer.verify(token)
        except InvalidToken as error:
            raise SignInFailed("invalid", str(error)) from error
        except ProviderUnavailable as error:
            raise SignInFailed("unavailable", str(error)) from error

    # ------------------------------------------------------------ the ID token

    def _judge(self, token: Verified, pending: Pending, access_token: str) -> None:
        """Check the ID token by section 3.1.3.7, and its age, leeway, subject and sign-in time."""
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": self.issuer.url},
                "aud": {"essential": True, "value": self.client.client_id},
                "sub": {"essential": True},
            },
            params={
                "nonce": pending.nonce,
                "client_id": self.client.client_id,
                "access_token": access_token,
            },
        )
        try:
            claims.validate(now=int(self.clock()), leeway=LEEWAY)
            words(token.claims, "sub")
            self._judge_times(token.claims, pending)
        except (JoseError, InvalidToken, ValueError, TypeError) as error:
            raise SignInFailed("invalid", f"ID token: {error}") from error
        if pending.subject is not None and token.claims["sub"] != pending.subject:
            raise SignInFailed("other_person", "another person finished the sign-in")

    def _judge_times(self, claims: dict[str, Any], pending: Pending) -> None:
        now = self.clock()
        if moment(claims, "iat") < now - MAX_TOKEN_AGE:
            raise InvalidToken("issued too long ago")
        if pending.max_age is None and claims.get("auth_time") is None:
            return
        auth_time = moment(claims, "auth_time")
        if auth_time > now + LEEWAY:
            raise InvalidToken("auth_time lies in the future")
        # Measured from the start of the sign-in, so that a person may take their time at the
        # provider.
        if pending.max_age is not None:
            oldest = pending.started_at - pending.max_age - LEEWAY
            if auth_time < oldest:
                raise InvalidToken("the provider did not ask for a new sign-in")

    def _complete(
        self, claims: dict[str, Any], access_token: str, metadata: Metadata
    ) -> dict[str, Any]:
        """Return the ID token's claims, and userinfo's for those that are missing (section 5.3)."""
        wanted = (*self.client.needed_claims, "name", "email")
        if metadata.userinfo_endpoint is None or all(
            claim_at(claims, name) is not None for name in wanted
        ):
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = self._ask("GET", metadata.userinfo_endpoint, headers=headers)
        if answer.status != 200:
            raise SignInFailed("invalid", f"userinfo: status {answer.status}")
        more = self._userinfo(answer)
        if more.get("sub") != claims["sub"]:
            raise SignInFailed("invalid", "userinfo is about another subject")
        return {**more, **claims}

    def _userinfo(self, answer: Answer) -> dict[str, Any]:
        if answer.media_type != "application/jwt":
            return _object(answer)
        claims = self._verify(answer.content.decode("ascii", "replace")).claims
        if claims.get("iss") != self.issuer.url or self.client.client_id not in audiences(claims):
            raise SignInFailed("invalid", "signed userinfo is not for us")
        return claims

    def _identity(self, judged: dict[str, Any], claims: dict[str, Any], id_token: str) -> Identity:
        """Return who signed in. The sign-in itself is described by the ID token's own claims
        (`judged`) alone: nobody has checked userinfo's."""
        auth_time, sid = judged.get("auth_time"), judged.get("sid")
        return Identity(
            issuer=self.issuer.url,
            subject=judged["sub"],
            auth_time=None if auth_time is None else int(auth_time),
            acr=shown(judged.get("acr")),
            sid=sid if isinstance(sid, str) else None,
            claims=claims,
            id_token=id_token,
        )

    # ------------------------------------------------------------ ending

    def logout_url(self, state: str, id_token: str | None) -> str | None:
        """Return the URL that ends the provider's session too; None without such an endpoint."""
        try:
            endpoint = self.issuer.metadata().end_session_endpoint
        except ProviderUnavailable:
            return None
        if endpoint is None:
            return None
        query = {
            "client_id": self.client.client_id,
            "post_logout_redirect_uri": self.client.after_logout_uri,
            "state": state,
        }
        if id_token:
            query["id_token_hint"] = id_token
        return _with_query(endpoint, query)

    def read_logout_token(self, token: str) -> LogoutNotice:
        """Return the notice in a logout token (Back-Channel Logout 1.0, section 2.6).

        Raises SignInFailed for an invalid token. The caller must check that its id is new.
        """
        try:
            claims = self.issuer.verify(token, typ="logout+jwt").claims
            return self._judge_logout(claims)
        except InvalidToken as error:
            raise SignInFailed("invalid", f"logout token: {error}") from error
        except ProviderUnavailable as error:
            raise SignInFailed("unavailable", str(error)) from error

    def _judge_logout(self, claims: dict[str, Any]) -> LogoutNotice:
        now, issued_at = self.clock(), moment(claims, "iat")
        events = claims.get("events")
        faults = {
            "issuer": claims.get("iss") != self.issuer.url,
            "audience": self.client.client_id not in audiences(claims),
            "age": not now - MAX_LOGOUT_TOKEN_AGE <= issued_at <= now + LEEWAY,
            "expired": "exp" in claims and moment(claims, "exp") + LEEWAY <= now,
            "event": not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict),
            "nonce": "nonce" in claims,
            "neither sid nor sub": "sid" not in claims and "sub" not in claims,
        }
        if wrong := [name for name, at_fault in faults.items() if at_fault]:
            raise InvalidToken(", ".join(wrong))
        return LogoutNotice(
            issuer=self.issuer.url,
            token_id=words(claims, "jti"),
            sid=words(claims, "sid") if "sid" in claims else None,
            subject=words(claims, "sub") if "sub" in claims else None,
        )


def s256(verifier: str) -> str:
    """Return the PKCE challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _single(answer: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return the parameter's only value; None if it is missing or repeated (RFC 6749, 3.1)."""
    values = answer.get(name, ())
    return values[0] if len(values) == 1 else None


def _provider_error(answer: Mapping[str, Sequence[str]]) -> SignInFailed:
    error, description = _single(answer, "error"), _single(answer, "error_description")
    reason: Reason = "denied" if error in ("access_denied", "login_required") else "invalid"
    if error in ("server_error", "temporarily_unavailable"):
        reason = "unavailable"
    return SignInFailed(reason, f"the provider says {error!r:.80}: {description!r:.200}")


def _is_visible(token: Any) -> bool:
    """Tell whether an access token has the characters that RFC 6749, A.12, allows."""
    return isinstance(token, str) and bool(re.fullmatch(r"[\x20-\x7e]+", token))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json()
    except ProviderUnavailable as error:
        raise SignInFailed("unavailable", str(error)) from error


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(query)
