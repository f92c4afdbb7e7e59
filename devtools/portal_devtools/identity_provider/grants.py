"""Authlib's authorization server, configured with the provider's store, keys and claims."""

import secrets
import time
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, OAuth2Request, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode, OpenIDToken
from authlib.oidc.rpinitiated import EndSessionEndpoint
from flask import Flask
from joserfc.jwk import KeySet

from portal_devtools.identity_provider.people import ProviderClient
from portal_devtools.identity_provider.signing_key import ACCESS_TOKEN_LIFETIME, ALGORITHM
from portal_devtools.identity_provider.store import (
    CODE_LIFETIME,
    REFRESH_LIFETIME,
    Code,
    RefreshToken,
    SignIn,
    Store,
)

ID_TOKEN_LIFETIME = 300


class Server(AuthorizationServer):
    """Authlib's server with the provider's issuer, keys, store and clients."""

    def __init__(
        self,
        app: Flask,
        issuer: str,
        audience: str,
        keys: KeySet,
        store: Store,
        clients: dict[str, ProviderClient],
    ) -> None:
        self.issuer, self.audience, self.keys, self.store = issuer, audience, keys, store
        super().__init__(app, query_client=clients.get, save_token=self._keep)
        self.register_token_generator("default", AccessTokens(self))
        self.register_grant(CodeGrant, [Pkce(required=True), CodeIDTokens(self)])
        self.register_grant(RefreshGrant, [IDTokens(self)])
        self.register_grant(ClientCredentialsGrant)
        self.register_endpoint(EndSession(self))

    def _keep(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Store refresh tokens, for their rotation.

        Access tokens are signed and need no storage.
        """
        if "refresh_token" not in token:
            return
        before: RefreshToken | None = getattr(request, "refresh_token", None)
        self.store.keep_refresh_token(
            RefreshToken(
                token=token["refresh_token"],
                family=before.family if before else secrets.token_urlsafe(16),
                client_id=request.client.get_client_id(),
                scope=token["scope"],
                sign_in=request.user,
                expires_at=time.time() + REFRESH_LIFETIME,
            )
        )


class AccessTokens(JWTBearerTokenGenerator):
    """JWT access tokens (RFC 9068) for the only API."""

    def __init__(self, server: Server) -> None:
        super().__init__(
            server.issuer,
            alg=ALGORITHM,
            refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
            expires_generator=lambda client, grant_type: ACCESS_TOKEN_LIFETIME,
        )
        self.server = server

    def get_jwks(self) -> KeySet:
        return self.server.keys

    def get_audiences(self, client: ProviderClient, user: SignIn | None, scope: str) -> str:
        return self.server.audience

    def get_extra_claims(
        self, client: ProviderClient, grant_type: str, user: SignIn | None, scope: str
    ) -> dict[str, Any]:
        if user is not None:
            return {**user.person.claims(), "auth_time": user.auth_time, "acr": user.acr}
        return {"tenant_id": client.tenant_id}


class Pkce(CodeChallenge):
    """PKCE with S256 for every client, including confidential ones (RFC 9700, section 2.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge with code_challenge_method=S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(grants.AuthorizationCodeGrant):
    """Authorization codes, which are stored and exchanged once."""

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        self.server.store.keep_code(
            Code(
                code=code,
                client_id=request.client.get_client_id(),
                redirect_uri=self.redirect_uri or request.payload.redirect_uri,
                scope=request.scope,
                sign_in=request.user,
                nonce=asked.get("nonce"),
                code_challenge=asked["code_challenge"],
                code_challenge_method="S256",
                expires_at=time.time() + CODE_LIFETIME,
            )
        )

    def query_authorization_code(self, code: str, client: ProviderClient) -> Code | None:
        found: Code | None = self.server.store.take_code(code, client.client_id)
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Do nothing: reading the code removed it, so that two exchanges cannot both succeed."""

    def authenticate_user(self, authorization_code: Code) -> SignIn:
        return authorization_code.sign_in


class RefreshGrant(grants.RefreshTokenGrant):
    """Refresh tokens with rotation: each token can be used once."""

    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        found: RefreshToken | None = self.server.store.use_refresh_token(refresh_token)
        return found

    def authenticate_user(self, refresh_token: RefreshToken) -> SignIn:
        return refresh_token.sign_in

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """Do nothing: the token is marked as used already."""


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """A program's token for itself, with the scopes that the program was registered with."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def validate_requested_scope(self) -> None:
        wished, client = self.request.payload.scope, self.request.client
        if wished and set(wished.split()) - set(client.scopes):
            raise InvalidScopeError()


class IDTokens(OpenIDToken):
    """ID tokens with the provider's claims."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def resolve_client_private_key(self, client: ProviderClient) -> KeySet:
        return self.server.keys

    def get_client_algorithm(self, client: ProviderClient) -> str:
        return ALGORITHM

    def get_encode_header(self, client: ProviderClient) -> dict[str, Any]:
        return {"alg": ALGORITHM, "kid": self.server.keys.keys[0].kid}

    def get_client_claims(self, client: ProviderClient) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.server.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + ID_TOKEN_LIFETIME,
        }

    def generate_user_info(self, user: SignIn, scope: str) -> UserInfo:
        return UserInfo({**user.person.claims(), "auth_time": user.auth_time, "sid": user.sid})


class CodeIDTokens(IDTokens, OpenIDCode):
    """The ID token of the code flow, which must have a nonce."""

    def __init__(self, server: Server) -> None:
        OpenIDCode.__init__(self, require_nonce=True)
        self.server = server

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return any(code.nonce == nonce for code in self.server.store.codes.values())


class EndSession(EndSessionEndpoint):
    """The RP-initiated logout endpoint.

    The app itself ends the session, in `Provider.end_session`.
    """

    def get_server_jwks(self) -> KeySet:
        keys: KeySet = self.server.keys
        return keys

    def is_post_logout_redirect_uri_legitimate(
        self, request: Any, post_logout_redirect_uri: str, client: Any, logout_hint: str | None
    ) -> bool:
        return True  # registered for that client; on one machine that is enough

    def end_session(self, end_session_request: Any) -> None:
        """Do nothing: the app has ended the session before it creates the response."""
