"""The pages and endpoints of the identity provider."""

import secrets
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.errors import JoseError

from portal.identity.openid.http_client import ProviderUnavailable, exchange
from portal.identity.openid.relying_party import LOGOUT_EVENT
from portal_devtools.identity_provider.grants import Server
from portal_devtools.identity_provider.people import PEOPLE, SCOPES, ProviderClient, ProviderPerson
from portal_devtools.identity_provider.signing_key import (
    ALGORITHM,
    API_AUDIENCE,
    sign,
    signing_keys,
)
from portal_devtools.identity_provider.store import SignIn, Store

HERE = Path(__file__).resolve().parents[1]
COOKIE = "cpod-provider"

log = structlog.get_logger()


def create_provider(
    issuer: str,
    clients: Sequence[ProviderClient],
    people: Sequence[ProviderPerson] = PEOPLE,
    *,
    data_dir: Path,
    audience: str = API_AUDIENCE,
) -> Flask:
    """Return a WSGI app of the OpenID provider `issuer`.

    Raises ValueError if it is not on loopback.
    """
    if not is_loopback(urlsplit(issuer).hostname or ""):
        raise ValueError(f"The development identity provider runs on loopback only, not {issuer}.")
    app = Flask(
        __name__,
        template_folder=str(HERE / "templates" / "provider"),
        static_folder=str(HERE / "static" / "provider"),
    )
    provider = Provider(app, issuer, clients, people, data_dir, audience)
    for rule, view, methods in provider.routes():
        app.add_url_rule(rule, view.__name__, view, methods=methods)
    app.before_request(provider.refuse_strangers)
    app.after_request(provider.harden)
    return app


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is always this machine (RFC 6761, section 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Provider:
    """The views of the provider and their shared state."""

    def __init__(
        self,
        app: Flask,
        issuer: str,
        clients: Sequence[ProviderClient],
        people: Sequence[ProviderPerson],
        data_dir: Path,
        audience: str,
    ) -> None:
        self.issuer, self.people, self.audience = issuer, people, audience
        self.clients = {client.client_id: client for client in clients}
        self.keys, self.store = signing_keys(data_dir), Store()
        self.server = Server(app, issuer, audience, self.keys, self.store, self.clients)

    def routes(self) -> list[tuple[str, Any, list[str]]]:
        return [
            ("/", self.accounts, ["GET"]),
            ("/sign-out", self.sign_out, ["POST"]),
            ("/.well-known/openid-configuration", self.discovery, ["GET"]),
            ("/jwks", self.jwks, ["GET"]),
            ("/authorize", self.authorize, ["GET", "POST"]),
            ("/token", self.token, ["POST"]),
            ("/userinfo", self.userinfo, ["GET", "POST"]),
            ("/end-session", self.end_session, ["GET", "POST"]),
        ]

    # ------------------------------------------------------------ guards

    def refuse_strangers(self) -> None:
        """Allow only this machine, and only the issuer's host name, against DNS rebinding."""
        if not is_loopback(request.remote_addr or ""):
            abort(403)
        if request.host != urlsplit(self.issuer).netloc:
            abort(421)

    def harden(self, response: Response) -> Response:
        # Chromium applies form-action to the redirects after a form, too.
        origins = set().union(*(client.origins for client in self.clients.values()))
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action 'self' {' '.join(sorted(origins))}"
        )
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    # ------------------------------------------------------------ what clients read

    def discovery(self) -> ResponseReturnValue:
        return jsonify(
            issuer=self.issuer,
            authorization_endpoint=f"{self.issuer}/authorize",
            token_endpoint=f"{self.issuer}/token",
            userinfo_endpoint=f"{self.issuer}/userinfo",
            end_session_endpoint=f"{self.issuer}/end-session",
            jwks_uri=f"{self.issuer}/jwks",
            response_types_supported=["code"],
            response_modes_supported=["query"],
            grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
            scopes_supported=list(SCOPES),
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=[ALGORITHM],
            token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
            code_challenge_methods_supported=["S256"],
            prompt_values_supported=["none", "login", "select_account"],
            claims_supported=[
                "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid",
                "name", "email", "email_verified", "tenant_id", "roles", "groups",
            ],
            authorization_response_iss_parameter_supported=True,
            backchannel_logout_supported=True,
            backchannel_logout_session_supported=True,
        )  # fmt: skip

    def jwks(self) -> ResponseReturnValue:
        return jsonify(self.keys.as_dict(private=False))

    # ------------------------------------------------------------ signing in

    def authorize(self) -> ResponseReturnValue:
        """Validate the request, let the person choose an account if needed, and respond."""
        person = self._chosen() if request.method == "POST" else None
        sign_in = self.store.signed_in(request.cookies.get(COOKIE))
        known = sign_in if person is not None or self._is_fresh_enough(sign_in) else None
        cookie = None
        if person is not None:
            cookie, known = self.store.sign_in(request.cookies.get(COOKIE), person)
        try:
            self._check_resource()
            grant = self.server.get_consent_grant(end_user=known)
        except OAuth2Error as error:
            return self._named(self.server.handle_error_response(None, error))
        if person is None and (known is None or grant.prompt in ("login", "select_account")):
            return render_template(
                "choose.html", people=self.people, client=grant.client, current=sign_in
            )
        answer = self.server.create_authorization_response(grant_user=known, grant=grant)
        return self._named(_with_cookie(answer, cookie))

    def _chosen(self) -> ProviderPerson | None:
        """Return the person whose button was pressed on the provider's own page."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403)
        subject = request.form.get("person")
        return next((p for p in self.people if p.subject == subject), None) or abort(400)

    def _is_fresh_enough(self, sign_in: SignIn | None) -> bool:
        """Tell whether the sign-in is younger than `max_age` seconds, if given (Core, 3.1.2.1)."""
        max_age = request.args.get("max_age")
        if sign_in is None or max_age is None:
            return sign_in is not None
        return max_age.isdecimal() and time.time() - sign_in.auth_time < int(max_age)

    def _check_resource(self) -> None:
        """Raise OAuth2Error if the request is for another resource than the one API (RFC 8707)."""
        if set(request.values.getlist("resource")) - {self.audience}:
            error = OAuth2Error("Only one resource is served here.")
            error.error = "invalid_target"
            raise error

    def _named(self, response: Response) -> Response:
        """Add the issuer to a redirect, errors included (RFC 9207)."""
        if response.location:
            response.location = add_params_to_uri(response.location, {"iss": self.issuer})
        return response

    def token(self) -> ResponseReturnValue:
        try:
            self._check_resource()
        except OAuth2Error as error:
            return self.server.handle_error_response(None, error)
        return self.server.create_token_response()

    def userinfo(self) -> ResponseReturnValue:
        """Return the claims of the access token's person."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            claims = jwt.decode(token, self.keys, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            claims = {}
        person = next((p for p in self.people if p.subject == claims.get("sub")), None)
        if scheme.lower() != "bearer" or person is None or claims.get("exp", 0) < time.time():
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return jsonify(error="invalid_token"), 401, challenge
        return jsonify(person.claims())

    # ------------------------------------------------------------ signing out

    def accounts(self) -> ResponseReturnValue:
        """Show the demo people and the browser's current account."""
        sign_in = self.store.signed_in(request.cookies.get(COOKIE))
        return render_template("accounts.html", people=self.people, current=sign_in)

    def sign_out(self) -> ResponseReturnValue:
        """End the sign-in from the provider's side.

        Every client is notified by back-channel logout.
        """
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403)
        if sign_in := self.store.signed_in(request.cookies.get(COOKIE)):
            self._end(sign_in.sid)
        return redirect(url_for("accounts"), 303)

    def end_session(self) -> ResponseReturnValue:
        """Handle a client's logout request (OpenID Connect RP-Initiated Logout 1.0)."""
        try:
            asked = self.server.validate_endpoint_request("end_session")
        except OAuth2Error as error:
            return self.server.handle_error_response(None, error)
        sign_in = self.store.signed_in(request.cookies.get(COOKIE))
        sid = (asked.id_token_claims or {}).get("sid") or (sign_in.sid if sign_in else None)
        if sid is not None:
            self._end(sid)
        answer = self.server.create_endpoint_response("end_session", asked)
        return answer or render_template("accounts.html", people=self.people, current=None)

    def _end(self, sid: str) -> None:
        sign_in, client_ids = self.store.end(sid)
        for client_id in client_ids:
            client = self.clients[client_id]
            if sign_in is not None and client.backchannel_logout_uri:
                self._tell(client, client.backchannel_logout_uri, sign_in)

    def _tell(self, client: ProviderClient, uri: str, sign_in: SignIn) -> None:
        """Send the logout token to a client (OIDC Back-Channel Logout 1.0, section 2.5)."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sub": sign_in.person.subject,
            "sid": sign_in.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        try:
            answer = exchange(
                "POST", uri, form={"logout_token": sign(self.keys, claims, "logout+jwt")}
            )
            log.info("back-channel logout sent", client=client.client_id, status=answer.status)
        except ProviderUnavailable as error:
            log.warning("back-channel logout failed", client=client.client_id, reason=str(error))


def _with_cookie(response: Response, cookie: str | None) -> Response:
    if cookie is not None:
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax", path="/")
    return response
