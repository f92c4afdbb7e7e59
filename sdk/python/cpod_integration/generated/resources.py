"""Every operation as a method. Made by `make sdk`; not changed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from cpod_integration import core
from cpod_integration.generated import operations

if TYPE_CHECKING:
    from cpod_integration import types
    from cpod_integration.client import Caller, Pages

Held = str | Mapping[str, Any]
"""An id, or the record that has it."""


class People:
    """The operations of people."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["last_seen_at", "name", "-last_seen_at", "-name"] | None = None,
        q: str | None = None,
        id: str | Sequence[str] | None = None,
        role: Literal["viewer", "editor", "admin"] | None = None,
        last_seen_after: str | datetime | None = None,
        last_seen_before: str | datetime | None = None,
    ) -> Pages[types.PersonDocument]:
        """List the people who have signed in to the tenant; for admins."""
        return self._caller.pages(
            operations.PEOPLE_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "id": id,
                    "role": role,
                    "last_seen_after": last_seen_after,
                    "last_seen_before": last_seen_before,
                }
            ),
        )

    def get(self, id: Held, /) -> types.PersonDocument:
        """Get one person; for admins."""
        return self._caller.one(operations.PEOPLE_GET, core.Given((id,)))

    def end_sessions(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.EndedDocument:
        """End all sessions of a person; for admins."""
        return self._caller.one(
            operations.PEOPLE_END_SESSIONS,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )


class Sessions:
    """The operations of sessions."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Pages[types.SessionDocument]:
        """List your own sessions in browsers."""
        return self._caller.pages(operations.SESSIONS_LIST, core.Given())

    def end(self, id: Held, /, *, validate_only: bool = False) -> None:
        """End one of your own sessions."""
        self._caller.one(operations.SESSIONS_END, core.Given((id,), validate_only=validate_only))

    def end_all(self, *, validate_only: bool = False) -> types.EndedDocument:
        """End all of your own sessions."""
        return self._caller.one(
            operations.SESSIONS_END_ALL, core.Given(validate_only=validate_only)
        )


class Applications:
    """The operations of applications."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal[
            "created_at",
            "display_name",
            "updated_at",
            "-created_at",
            "-display_name",
            "-updated_at",
        ]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        kind: Literal["app", "platform-service", "library"]
        | Sequence[Literal["app", "platform-service", "library"]]
        | None = None,
        status: Literal["draft", "active", "deprecated", "suspended", "retired"]
        | Sequence[Literal["draft", "active", "deprecated", "suspended", "retired"]]
        | None = None,
        slug: str | Sequence[str] | None = None,
        oauth_client_id: str | None = None,
        primary_domain: str | None = None,
        app_id: str | Sequence[str] | None = None,
        created_by: str | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        kind_not: Literal["app", "platform-service", "library"]
        | Sequence[Literal["app", "platform-service", "library"]]
        | None = None,
        status_not: Literal["draft", "active", "deprecated", "suspended", "retired"]
        | Sequence[Literal["draft", "active", "deprecated", "suspended", "retired"]]
        | None = None,
        slug_not: str | Sequence[str] | None = None,
        oauth_client_id_not: str | None = None,
        primary_domain_not: str | None = None,
        app_id_not: str | Sequence[str] | None = None,
        created_by_not: str | None = None,
        tag_not: str | None = None,
        display_name_contains: str | None = None,
        slug_contains: str | None = None,
        primary_domain_contains: str | None = None,
        oauth_client_id_empty: bool | None = None,
        primary_domain_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_not",
            "created_after",
            "created_before",
            "created_by",
            "created_by_not",
            "display_name_contains",
            "kind",
            "kind_not",
            "oauth_client_id",
            "oauth_client_id_empty",
            "oauth_client_id_not",
            "primary_domain",
            "primary_domain_contains",
            "primary_domain_empty",
            "primary_domain_not",
            "slug",
            "slug_contains",
            "slug_not",
            "status",
            "status_not",
            "tag",
            "tag_not",
            "updated_after",
            "updated_before",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_not",
                "created_after",
                "created_before",
                "created_by",
                "created_by_not",
                "display_name_contains",
                "kind",
                "kind_not",
                "oauth_client_id",
                "oauth_client_id_empty",
                "oauth_client_id_not",
                "primary_domain",
                "primary_domain_contains",
                "primary_domain_empty",
                "primary_domain_not",
                "slug",
                "slug_contains",
                "slug_not",
                "status",
                "status_not",
                "tag",
                "tag_not",
                "updated_after",
                "updated_before",
            ]
        ]
        | None = None,
    ) -> Pages[types.ApplicationDocument]:
        """List applications."""
        return self._caller.pages(
            operations.APPLICATIONS_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "kind": kind,
                    "status": status,
                    "slug": slug,
                    "oauth_client_id": oauth_client_id,
                    "primary_domain": primary_domain,
                    "app_id": app_id,
                    "created_by": created_by,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "kind_not": kind_not,
                    "status_not": status_not,
                    "slug_not": slug_not,
                    "oauth_client_id_not": oauth_client_id_not,
                    "primary_domain_not": primary_domain_not,
                    "app_id_not": app_id_not,
                    "created_by_not": created_by_not,
                    "tag_not": tag_not,
                    "display_name_contains": display_name_contains,
                    "slug_contains": slug_contains,
                    "primary_domain_contains": primary_domain_contains,
                    "oauth_client_id_empty": oauth_client_id_empty,
                    "primary_domain_empty": primary_domain_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /, *, include_deleted: bool | None = None) -> types.ApplicationDocument:
        """Get one application."""
        return self._caller.one(
            operations.APPLICATIONS_GET,
            core.Given((id,), query={"include_deleted": include_deleted}),
        )

    def create(
        self,
        body: types.ApplicationInput | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationDocument:
        """Create an application."""
        return self._caller.one(
            operations.APPLICATIONS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def create_many(
        self,
        body: types.ApplicationBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationBatchAnswer:
        """Create up to 500 applications at once."""
        return self._caller.one(
            operations.APPLICATIONS_CREATE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self,
        id: Held,
        body: types.ApplicationInput | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationDocument:
        """Change an application."""
        return self._caller.one(
            operations.APPLICATIONS_UPDATE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def history(
        self, id: Held, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.HistoryEntry]:
        """List the changes of an application."""
        return self._caller.pages(
            operations.APPLICATIONS_HISTORY,
            core.Given((id,), query={"limit": limit, "cursor": cursor}),
        )

    def suspend(
        self,
        id: Held,
        body: types.StateReason,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationDocument:
        """Suspend an application until it is reopened."""
        return self._caller.one(
            operations.APPLICATIONS_SUSPEND,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def retire(
        self,
        id: Held,
        body: types.StateReason,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationDocument:
        """Retire an application."""
        return self._caller.one(
            operations.APPLICATIONS_RETIRE,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def reopen(
        self,
        id: Held,
        body: types.StateReason,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApplicationDocument:
        """Reopen a suspended or retired application."""
        return self._caller.one(
            operations.APPLICATIONS_REOPEN,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )


class ApiKeys:
    """The operations of api-keys."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal[
            "created_at",
            "expires_at",
            "last_used_at",
            "name",
            "spend_usd",
            "updated_at",
            "-created_at",
            "-expires_at",
            "-last_used_at",
            "-name",
            "-spend_usd",
            "-updated_at",
        ]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        status: Literal["active", "revoked", "expired"]
        | Sequence[Literal["active", "revoked", "expired"]]
        | None = None,
        kind: Literal["user", "service", "virtual_llm"]
        | Sequence[Literal["user", "service", "virtual_llm"]]
        | None = None,
        blocked: bool | None = None,
        application_id: str | Sequence[str] | None = None,
        issued_to_user_id: str | None = None,
        issued_to_service: str | None = None,
        created_by_user_id: str | Sequence[str] | None = None,
        rotated_from_key_id: str | Sequence[str] | None = None,
        key_prefix: str | Sequence[str] | None = None,
        key_fingerprint: str | Sequence[str] | None = None,
        app_id: str | Sequence[str] | None = None,
        scope: str | Sequence[str] | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        expires_after: str | datetime | None = None,
        expires_before: str | datetime | None = None,
        last_used_after: str | datetime | None = None,
        last_used_before: str | datetime | None = None,
        revoked_after: str | datetime | None = None,
        revoked_before: str | datetime | None = None,
        revoke_after: str | datetime | None = None,
        revoke_before: str | datetime | None = None,
        brownout_from_after: str | datetime | None = None,
        brownout_from_before: str | datetime | None = None,
        status_not: Literal["active", "revoked", "expired"]
        | Sequence[Literal["active", "revoked", "expired"]]
        | None = None,
        kind_not: Literal["user", "service", "virtual_llm"]
        | Sequence[Literal["user", "service", "virtual_llm"]]
        | None = None,
        application_id_not: str | Sequence[str] | None = None,
        issued_to_user_id_not: str | None = None,
        issued_to_service_not: str | None = None,
        created_by_user_id_not: str | Sequence[str] | None = None,
        rotated_from_key_id_not: str | Sequence[str] | None = None,
        key_prefix_not: str | Sequence[str] | None = None,
        key_fingerprint_not: str | Sequence[str] | None = None,
        app_id_not: str | Sequence[str] | None = None,
        scope_not: str | Sequence[str] | None = None,
        tag_not: str | None = None,
        name_contains: str | None = None,
        application_id_empty: bool | None = None,
        issued_to_user_id_empty: bool | None = None,
        issued_to_service_empty: bool | None = None,
        created_by_user_id_empty: bool | None = None,
        rotated_from_key_id_empty: bool | None = None,
        app_id_empty: bool | None = None,
        expires_empty: bool | None = None,
        last_used_empty: bool | None = None,
        revoked_empty: bool | None = None,
        revoke_empty: bool | None = None,
        brownout_from_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_empty",
            "app_id_not",
            "application_id",
            "application_id_empty",
            "application_id_not",
            "blocked",
            "brownout_from_after",
            "brownout_from_before",
            "brownout_from_empty",
            "created_after",
            "created_before",
            "created_by_user_id",
            "created_by_user_id_empty",
            "created_by_user_id_not",
            "expires_after",
            "expires_before",
            "expires_empty",
            "issued_to_service",
            "issued_to_service_empty",
            "issued_to_service_not",
            "issued_to_user_id",
            "issued_to_user_id_empty",
            "issued_to_user_id_not",
            "key_fingerprint",
            "key_fingerprint_not",
            "key_prefix",
            "key_prefix_not",
            "kind",
            "kind_not",
            "last_used_after",
            "last_used_before",
            "last_used_empty",
            "name_contains",
            "revoke_after",
            "revoke_before",
            "revoke_empty",
            "revoked_after",
            "revoked_before",
            "revoked_empty",
            "rotated_from_key_id",
            "rotated_from_key_id_empty",
            "rotated_from_key_id_not",
            "scope",
            "scope_not",
            "status",
            "status_not",
            "tag",
            "tag_not",
            "updated_after",
            "updated_before",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_empty",
                "app_id_not",
                "application_id",
                "application_id_empty",
                "application_id_not",
                "blocked",
                "brownout_from_after",
                "brownout_from_before",
                "brownout_from_empty",
                "created_after",
                "created_before",
                "created_by_user_id",
                "created_by_user_id_empty",
                "created_by_user_id_not",
                "expires_after",
                "expires_before",
                "expires_empty",
                "issued_to_service",
                "issued_to_service_empty",
                "issued_to_service_not",
                "issued_to_user_id",
                "issued_to_user_id_empty",
                "issued_to_user_id_not",
                "key_fingerprint",
                "key_fingerprint_not",
                "key_prefix",
                "key_prefix_not",
                "kind",
                "kind_not",
                "last_used_after",
                "last_used_before",
                "last_used_empty",
                "name_contains",
                "revoke_after",
                "revoke_before",
                "revoke_empty",
                "revoked_after",
                "revoked_before",
                "revoked_empty",
                "rotated_from_key_id",
                "rotated_from_key_id_empty",
                "rotated_from_key_id_not",
                "scope",
                "scope_not",
                "status",
                "status_not",
                "tag",
                "tag_not",
                "updated_after",
                "updated_before",
            ]
        ]
        | None = None,
    ) -> Pages[types.KeyDocument]:
        """List API keys."""
        return self._caller.pages(
            operations.API_KEYS_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "status": status,
                    "kind": kind,
                    "blocked": blocked,
                    "application_id": application_id,
                    "issued_to_user_id": issued_to_user_id,
                    "issued_to_service": issued_to_service,
                    "created_by_user_id": created_by_user_id,
                    "rotated_from_key_id": rotated_from_key_id,
                    "key_prefix": key_prefix,
                    "key_fingerprint": key_fingerprint,
                    "app_id": app_id,
                    "scope": scope,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "expires_after": expires_after,
                    "expires_before": expires_before,
                    "last_used_after": last_used_after,
                    "last_used_before": last_used_before,
                    "revoked_after": revoked_after,
                    "revoked_before": revoked_before,
                    "revoke_after": revoke_after,
                    "revoke_before": revoke_before,
                    "brownout_from_after": brownout_from_after,
                    "brownout_from_before": brownout_from_before,
                    "status_not": status_not,
                    "kind_not": kind_not,
                    "application_id_not": application_id_not,
                    "issued_to_user_id_not": issued_to_user_id_not,
                    "issued_to_service_not": issued_to_service_not,
                    "created_by_user_id_not": created_by_user_id_not,
                    "rotated_from_key_id_not": rotated_from_key_id_not,
                    "key_prefix_not": key_prefix_not,
                    "key_fingerprint_not": key_fingerprint_not,
                    "app_id_not": app_id_not,
                    "scope_not": scope_not,
                    "tag_not": tag_not,
                    "name_contains": name_contains,
                    "application_id_empty": application_id_empty,
                    "issued_to_user_id_empty": issued_to_user_id_empty,
                    "issued_to_service_empty": issued_to_service_empty,
                    "created_by_user_id_empty": created_by_user_id_empty,
                    "rotated_from_key_id_empty": rotated_from_key_id_empty,
                    "app_id_empty": app_id_empty,
                    "expires_empty": expires_empty,
                    "last_used_empty": last_used_empty,
                    "revoked_empty": revoked_empty,
                    "revoke_empty": revoke_empty,
                    "brownout_from_empty": brownout_from_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /, *, include_deleted: bool | None = None) -> types.KeyDocument:
        """Get one API key."""
        return self._caller.one(
            operations.API_KEYS_GET, core.Given((id,), query={"include_deleted": include_deleted})
        )

    def create(
        self,
        body: types.IssueKey | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApiKeysCreateAnswer:
        """Create an API key."""
        return self._caller.one(
            operations.API_KEYS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def create_many(
        self,
        body: types.IssueKeyBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyBatchAnswer:
        """Create up to 500 API keys at once."""
        return self._caller.one(
            operations.API_KEYS_CREATE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self,
        id: Held,
        body: types.EditKey | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyDocument:
        """Change an API key."""
        return self._caller.one(
            operations.API_KEYS_UPDATE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def history(
        self, id: Held, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.HistoryEntry]:
        """List the changes of an API key."""
        return self._caller.pages(
            operations.API_KEYS_HISTORY, core.Given((id,), query={"limit": limit, "cursor": cursor})
        )

    def revoke(
        self,
        id: Held,
        body: types.RevokeKey | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyDocument:
        """Revoke a key."""
        return self._caller.one(
            operations.API_KEYS_REVOKE,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def block(
        self,
        id: Held,
        body: types.StopKey | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyDocument:
        """Block a key until it is unblocked."""
        return self._caller.one(
            operations.API_KEYS_BLOCK,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def rotate(
        self,
        id: Held,
        body: types.RotateKey | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApiKeysRotateAnswer:
        """Rotate a key: issue a successor."""
        return self._caller.one(
            operations.API_KEYS_ROTATE,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def create_child(
        self,
        id: Held,
        body: types.ChildKey | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ApiKeysCreateChildAnswer:
        """Create a short-lived child key."""
        return self._caller.one(
            operations.API_KEYS_CREATE_CHILD,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def unblock(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyDocument:
        """Unblock a key."""
        return self._caller.one(
            operations.API_KEYS_UNBLOCK,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def cancel_revocation(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.KeyDocument:
        """Take back a planned revocation."""
        return self._caller.one(
            operations.API_KEYS_CANCEL_REVOCATION,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def verify(self, body: types.VerifyKey, /, *, validate_only: bool = False) -> types.Verdict:
        """Verify a key for a call."""
        return self._caller.one(
            operations.API_KEYS_VERIFY, core.Given(body=body, validate_only=validate_only)
        )

    def settle_reservation(
        self,
        id: Held,
        body: types.SettleReservation | None = None,
        /,
        *,
        validate_only: bool = False,
    ) -> types.SpentDocument:
        """Settle the reserved cost of a call."""
        return self._caller.one(
            operations.API_KEYS_SETTLE_RESERVATION,
            core.Given((id,), body, validate_only=validate_only),
        )

    def record_usage(
        self,
        id: Held,
        body: types.SpendOnKey | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.SpentDocument:
        """Record the cost of a call on a key."""
        return self._caller.one(
            operations.API_KEYS_RECORD_USAGE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def revoke_many(
        self,
        body: types.RevokeKeys | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.RevokedDocument:
        """Revoke or block many keys, or count them."""
        return self._caller.one(
            operations.API_KEYS_REVOKE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def report_leak(
        self, body: types.ReportLeak, /, *, validate_only: bool = False
    ) -> types.ReportedDocument:
        """Report a leaked key by its fingerprint."""
        return self._caller.one(
            operations.API_KEYS_REPORT_LEAK, core.Given(body=body, validate_only=validate_only)
        )

    def explain(
        self, body: types.ExplainRequest | None = None, /, *, validate_only: bool = False
    ) -> types.ExplanationDocument:
        """Explain the refusal of a call, by its request id."""
        return self._caller.one(
            operations.API_KEYS_EXPLAIN, core.Given(body=body, validate_only=validate_only)
        )

    def rehearse(
        self, id: Held, body: types.RehearseKey | None = None, /, *, validate_only: bool = False
    ) -> types.Verdict:
        """Rehearse a call with a key; consumes nothing."""
        return self._caller.one(
            operations.API_KEYS_REHEARSE, core.Given((id,), body, validate_only=validate_only)
        )

    def get_posture(self) -> types.PostureDocument:
        """Count the active keys with each weakness."""
        return self._caller.one(operations.API_KEYS_GET_POSTURE, core.Given())

    def get_impact(self, id: Held, /) -> types.ImpactDocument:
        """Get the use of a key in the last 24 hours."""
        return self._caller.one(operations.API_KEYS_GET_IMPACT, core.Given((id,)))

    def get_propagation(self, id: Held, /) -> types.PropagationDocument:
        """Get the propagation of a key's newest change."""
        return self._caller.one(operations.API_KEYS_GET_PROPAGATION, core.Given((id,)))

    def get_rotation(self, id: Held, /) -> types.RotationDocument:
        """Get the newest rotation of a key, and how far its calls have moved."""
        return self._caller.one(operations.API_KEYS_GET_ROTATION, core.Given((id,)))

    def extend_rotation(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.RotationDocument:
        """Let the old key of a rotation work up to one day longer."""
        return self._caller.one(
            operations.API_KEYS_EXTEND_ROTATION,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def finish_rotation(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.RotationDocument:
        """Revoke the old key of a rotation now."""
        return self._caller.one(
            operations.API_KEYS_FINISH_ROTATION,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def take_back_rotation(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.RotationDocument:
        """Let the old key stay, because its successor has ended."""
        return self._caller.one(
            operations.API_KEYS_TAKE_BACK_ROTATION,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def list_leaks(self) -> Pages[types.LeakDocument]:
        """List the newest places where keys were found in public."""
        return self._caller.pages(operations.API_KEYS_LIST_LEAKS, core.Given())

    def settle_leaks(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.SettledDocument:
        """Settle the leaks of a key that a person has dealt with."""
        return self._caller.one(
            operations.API_KEYS_SETTLE_LEAKS,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def get_leak_policy(self) -> types.LeakPolicyDocument:
        """Get the action that follows when a key is found in public."""
        return self._caller.one(operations.API_KEYS_GET_LEAK_POLICY, core.Given())

    def update_leak_policy(
        self, body: types.LeakPolicyInput | None = None, /, *, validate_only: bool = False
    ) -> types.LeakPolicyDocument:
        """Change the action that follows when a key is found in public."""
        return self._caller.one(
            operations.API_KEYS_UPDATE_LEAK_POLICY,
            core.Given(body=body, validate_only=validate_only),
        )

    def get_leak_rule(self) -> types.LeakRuleDocument:
        """Get a rule by which a scanner finds your keys."""
        return self._caller.one(operations.API_KEYS_GET_LEAK_RULE, core.Given())

    def list_weak(
        self,
        weakness: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal[
            "created_at",
            "expires_at",
            "last_used_at",
            "name",
            "spend_usd",
            "updated_at",
            "-created_at",
            "-expires_at",
            "-last_used_at",
            "-name",
            "-spend_usd",
            "-updated_at",
        ]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        status: Literal["active", "revoked", "expired"]
        | Sequence[Literal["active", "revoked", "expired"]]
        | None = None,
        kind: Literal["user", "service", "virtual_llm"]
        | Sequence[Literal["user", "service", "virtual_llm"]]
        | None = None,
        blocked: bool | None = None,
        application_id: str | Sequence[str] | None = None,
        issued_to_user_id: str | None = None,
        issued_to_service: str | None = None,
        created_by_user_id: str | Sequence[str] | None = None,
        rotated_from_key_id: str | Sequence[str] | None = None,
        key_prefix: str | Sequence[str] | None = None,
        key_fingerprint: str | Sequence[str] | None = None,
        app_id: str | Sequence[str] | None = None,
        scope: str | Sequence[str] | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        expires_after: str | datetime | None = None,
        expires_before: str | datetime | None = None,
        last_used_after: str | datetime | None = None,
        last_used_before: str | datetime | None = None,
        revoked_after: str | datetime | None = None,
        revoked_before: str | datetime | None = None,
        revoke_after: str | datetime | None = None,
        revoke_before: str | datetime | None = None,
        brownout_from_after: str | datetime | None = None,
        brownout_from_before: str | datetime | None = None,
        status_not: Literal["active", "revoked", "expired"]
        | Sequence[Literal["active", "revoked", "expired"]]
        | None = None,
        kind_not: Literal["user", "service", "virtual_llm"]
        | Sequence[Literal["user", "service", "virtual_llm"]]
        | None = None,
        application_id_not: str | Sequence[str] | None = None,
        issued_to_user_id_not: str | None = None,
        issued_to_service_not: str | None = None,
        created_by_user_id_not: str | Sequence[str] | None = None,
        rotated_from_key_id_not: str | Sequence[str] | None = None,
        key_prefix_not: str | Sequence[str] | None = None,
        key_fingerprint_not: str | Sequence[str] | None = None,
        app_id_not: str | Sequence[str] | None = None,
        scope_not: str | Sequence[str] | None = None,
        tag_not: str | None = None,
        name_contains: str | None = None,
        application_id_empty: bool | None = None,
        issued_to_user_id_empty: bool | None = None,
        issued_to_service_empty: bool | None = None,
        created_by_user_id_empty: bool | None = None,
        rotated_from_key_id_empty: bool | None = None,
        app_id_empty: bool | None = None,
        expires_empty: bool | None = None,
        last_used_empty: bool | None = None,
        revoked_empty: bool | None = None,
        revoke_empty: bool | None = None,
        brownout_from_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_empty",
            "app_id_not",
            "application_id",
            "application_id_empty",
            "application_id_not",
            "blocked",
            "brownout_from_after",
            "brownout_from_before",
            "brownout_from_empty",
            "created_after",
            "created_before",
            "created_by_user_id",
            "created_by_user_id_empty",
            "created_by_user_id_not",
            "expires_after",
            "expires_before",
            "expires_empty",
            "issued_to_service",
            "issued_to_service_empty",
            "issued_to_service_not",
            "issued_to_user_id",
            "issued_to_user_id_empty",
            "issued_to_user_id_not",
            "key_fingerprint",
            "key_fingerprint_not",
            "key_prefix",
            "key_prefix_not",
            "kind",
            "kind_not",
            "last_used_after",
            "last_used_before",
            "last_used_empty",
            "name_contains",
            "revoke_after",
            "revoke_before",
            "revoke_empty",
            "revoked_after",
            "revoked_before",
            "revoked_empty",
            "rotated_from_key_id",
            "rotated_from_key_id_empty",
            "rotated_from_key_id_not",
            "scope",
            "scope_not",
            "status",
            "status_not",
            "tag",
            "tag_not",
            "updated_after",
            "updated_before",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_empty",
                "app_id_not",
                "application_id",
                "application_id_empty",
                "application_id_not",
                "blocked",
                "brownout_from_after",
                "brownout_from_before",
                "brownout_from_empty",
                "created_after",
                "created_before",
                "created_by_user_id",
                "created_by_user_id_empty",
                "created_by_user_id_not",
                "expires_after",
                "expires_before",
                "expires_empty",
                "issued_to_service",
                "issued_to_service_empty",
                "issued_to_service_not",
                "issued_to_user_id",
                "issued_to_user_id_empty",
                "issued_to_user_id_not",
                "key_fingerprint",
                "key_fingerprint_not",
                "key_prefix",
                "key_prefix_not",
                "kind",
                "kind_not",
                "last_used_after",
                "last_used_before",
                "last_used_empty",
                "name_contains",
                "revoke_after",
                "revoke_before",
                "revoke_empty",
                "revoked_after",
                "revoked_before",
                "revoked_empty",
                "rotated_from_key_id",
                "rotated_from_key_id_empty",
                "rotated_from_key_id_not",
                "scope",
                "scope_not",
                "status",
                "status_not",
                "tag",
                "tag_not",
                "updated_after",
                "updated_before",
            ]
        ]
        | None = None,
    ) -> Pages[types.KeyDocument]:
        """List the keys that have a weakness."""
        return self._caller.pages(
            operations.API_KEYS_LIST_WEAK,
            core.Given(
                (weakness,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "status": status,
                    "kind": kind,
                    "blocked": blocked,
                    "application_id": application_id,
                    "issued_to_user_id": issued_to_user_id,
                    "issued_to_service": issued_to_service,
                    "created_by_user_id": created_by_user_id,
                    "rotated_from_key_id": rotated_from_key_id,
                    "key_prefix": key_prefix,
                    "key_fingerprint": key_fingerprint,
                    "app_id": app_id,
                    "scope": scope,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "expires_after": expires_after,
                    "expires_before": expires_before,
                    "last_used_after": last_used_after,
                    "last_used_before": last_used_before,
                    "revoked_after": revoked_after,
                    "revoked_before": revoked_before,
                    "revoke_after": revoke_after,
                    "revoke_before": revoke_before,
                    "brownout_from_after": brownout_from_after,
                    "brownout_from_before": brownout_from_before,
                    "status_not": status_not,
                    "kind_not": kind_not,
                    "application_id_not": application_id_not,
                    "issued_to_user_id_not": issued_to_user_id_not,
                    "issued_to_service_not": issued_to_service_not,
                    "created_by_user_id_not": created_by_user_id_not,
                    "rotated_from_key_id_not": rotated_from_key_id_not,
                    "key_prefix_not": key_prefix_not,
                    "key_fingerprint_not": key_fingerprint_not,
                    "app_id_not": app_id_not,
                    "scope_not": scope_not,
                    "tag_not": tag_not,
                    "name_contains": name_contains,
                    "application_id_empty": application_id_empty,
                    "issued_to_user_id_empty": issued_to_user_id_empty,
                    "issued_to_service_empty": issued_to_service_empty,
                    "created_by_user_id_empty": created_by_user_id_empty,
                    "rotated_from_key_id_empty": rotated_from_key_id_empty,
                    "app_id_empty": app_id_empty,
                    "expires_empty": expires_empty,
                    "last_used_empty": last_used_empty,
                    "revoked_empty": revoked_empty,
                    "revoke_empty": revoke_empty,
                    "brownout_from_empty": brownout_from_empty,
                    "either": either,
                },
            ),
        )

    def repair_many(
        self,
        body: types.RepairKeys,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.RevokedDocument:
        """Give all keys with a weakness the expiry, limit or budget that they lack."""
        return self._caller.one(
            operations.API_KEYS_REPAIR_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )


class Me:
    """The operations of me."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> types.CallerDocument:
        """Get the caller: who this credential belongs to, and what it may do."""
        return self._caller.one(operations.ME_GET, core.Given())


class Connectors:
    """The operations of connectors."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal[
            "created_at",
            "last_check_at",
            "last_sync_at",
            "name",
            "updated_at",
            "urgency",
            "-created_at",
            "-last_check_at",
            "-last_sync_at",
            "-name",
            "-updated_at",
            "-urgency",
        ]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        type: Literal[
            "edr",
            "siem",
            "ticketing",
            "knowledge",
            "identity",
            "source_control",
            "messaging",
            "itsm",
            "crm",
            "support",
            "incident",
            "observability",
            "cloud_security",
            "storage",
            "warehouse",
            "database",
            "payments",
            "custom",
        ]
        | Sequence[
            Literal[
                "edr",
                "siem",
                "ticketing",
                "knowledge",
                "identity",
                "source_control",
                "messaging",
                "itsm",
                "crm",
                "support",
                "incident",
                "observability",
                "cloud_security",
                "storage",
                "warehouse",
                "database",
                "payments",
                "custom",
            ]
        ]
        | None = None,
        provider: Literal[
            "aws_s3",
            "aws_security_hub",
            "confluence",
            "crowdstrike",
            "datadog",
            "http",
            "github",
            "gitlab",
            "google_workspace",
            "hubspot",
            "jira",
            "mcp",
            "defender_for_endpoint",
            "entra_id",
            "notion",
            "oauth2_issuer",
            "okta",
            "pagerduty",
            "postgres",
            "s3_compatible",
            "salesforce",
            "sentinelone",
            "servicenow",
            "slack",
            "smtp",
            "snowflake",
            "splunk",
            "splunk_hec",
            "stripe",
            "zendesk",
            "custom",
        ]
        | Sequence[
            Literal[
                "aws_s3",
                "aws_security_hub",
                "confluence",
                "crowdstrike",
                "datadog",
                "http",
                "github",
                "gitlab",
                "google_workspace",
                "hubspot",
                "jira",
                "mcp",
                "defender_for_endpoint",
                "entra_id",
                "notion",
                "oauth2_issuer",
                "okta",
                "pagerduty",
                "postgres",
                "s3_compatible",
                "salesforce",
                "sentinelone",
                "servicenow",
                "slack",
                "smtp",
                "snowflake",
                "splunk",
                "splunk_hec",
                "stripe",
                "zendesk",
                "custom",
            ]
        ]
        | None = None,
        scope: Literal["org", "user", "group"]
        | Sequence[Literal["org", "user", "group"]]
        | None = None,
        enabled: bool | None = None,
        sync_status: Literal[
            "disabled",
            "pending",
            "action_required",
            "failing",
            "degraded",
            "rate_limited",
            "stale",
            "healthy",
        ]
        | Sequence[
            Literal[
                "disabled",
                "pending",
                "action_required",
                "failing",
                "degraded",
                "rate_limited",
                "stale",
                "healthy",
            ]
        ]
        | None = None,
        auth_type: Literal[
            "none",
            "api_key",
            "api_key_pair",
            "bearer",
            "basic",
            "oauth2_code",
            "oauth2_client_credentials",
            "oauth2_private_key_jwt",
            "oauth2_jwt_bearer",
            "service_account_jwt",
            "key_pair_jwt",
            "github_app",
            "aws_assume_role",
            "aws_keys",
            "mtls",
            "hmac",
        ]
        | Sequence[
            Literal[
                "none",
                "api_key",
                "api_key_pair",
                "bearer",
                "basic",
                "oauth2_code",
                "oauth2_client_credentials",
                "oauth2_private_key_jwt",
                "oauth2_jwt_bearer",
                "service_account_jwt",
                "key_pair_jwt",
                "github_app",
                "aws_assume_role",
                "aws_keys",
                "mtls",
                "hmac",
            ]
        ]
        | None = None,
        application_id: str | Sequence[str] | None = None,
        webhook_endpoint_id: str | Sequence[str] | None = None,
        owner_id: str | None = None,
        user_id: str | None = None,
        group_id: str | None = None,
        app_id: str | Sequence[str] | None = None,
        created_by: str | None = None,
        show: Literal["need_a_person"] | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        deleted_after: str | datetime | None = None,
        deleted_before: str | datetime | None = None,
        last_sync_after: str | datetime | None = None,
        last_sync_before: str | datetime | None = None,
        last_check_after: str | datetime | None = None,
        last_check_before: str | datetime | None = None,
        oauth_token_expires_after: str | datetime | None = None,
        oauth_token_expires_before: str | datetime | None = None,
        credential_last_rotated_after: str | datetime | None = None,
        credential_last_rotated_before: str | datetime | None = None,
        next_rotation_due_after: str | datetime | None = None,
        next_rotation_due_before: str | datetime | None = None,
        type_not: Literal[
            "edr",
            "siem",
            "ticketing",
            "knowledge",
            "identity",
            "source_control",
            "messaging",
            "itsm",
            "crm",
            "support",
            "incident",
            "observability",
            "cloud_security",
            "storage",
            "warehouse",
            "database",
            "payments",
            "custom",
        ]
        | Sequence[
            Literal[
                "edr",
                "siem",
                "ticketing",
                "knowledge",
                "identity",
                "source_control",
                "messaging",
                "itsm",
                "crm",
                "support",
                "incident",
                "observability",
                "cloud_security",
                "storage",
                "warehouse",
                "database",
                "payments",
                "custom",
            ]
        ]
        | None = None,
        provider_not: Literal[
            "aws_s3",
            "aws_security_hub",
            "confluence",
            "crowdstrike",
            "datadog",
            "http",
            "github",
            "gitlab",
            "google_workspace",
            "hubspot",
            "jira",
            "mcp",
            "defender_for_endpoint",
            "entra_id",
            "notion",
            "oauth2_issuer",
            "okta",
            "pagerduty",
            "postgres",
            "s3_compatible",
            "salesforce",
            "sentinelone",
            "servicenow",
            "slack",
            "smtp",
            "snowflake",
            "splunk",
            "splunk_hec",
            "stripe",
            "zendesk",
            "custom",
        ]
        | Sequence[
            Literal[
                "aws_s3",
                "aws_security_hub",
                "confluence",
                "crowdstrike",
                "datadog",
                "http",
                "github",
                "gitlab",
                "google_workspace",
                "hubspot",
                "jira",
                "mcp",
                "defender_for_endpoint",
                "entra_id",
                "notion",
                "oauth2_issuer",
                "okta",
                "pagerduty",
                "postgres",
                "s3_compatible",
                "salesforce",
                "sentinelone",
                "servicenow",
                "slack",
                "smtp",
                "snowflake",
                "splunk",
                "splunk_hec",
                "stripe",
                "zendesk",
                "custom",
            ]
        ]
        | None = None,
        scope_not: Literal["org", "user", "group"]
        | Sequence[Literal["org", "user", "group"]]
        | None = None,
        sync_status_not: Literal[
            "disabled",
            "pending",
            "action_required",
            "failing",
            "degraded",
            "rate_limited",
            "stale",
            "healthy",
        ]
        | Sequence[
            Literal[
                "disabled",
                "pending",
                "action_required",
                "failing",
                "degraded",
                "rate_limited",
                "stale",
                "healthy",
            ]
        ]
        | None = None,
        auth_type_not: Literal[
            "none",
            "api_key",
            "api_key_pair",
            "bearer",
            "basic",
            "oauth2_code",
            "oauth2_client_credentials",
            "oauth2_private_key_jwt",
            "oauth2_jwt_bearer",
            "service_account_jwt",
            "key_pair_jwt",
            "github_app",
            "aws_assume_role",
            "aws_keys",
            "mtls",
            "hmac",
        ]
        | Sequence[
            Literal[
                "none",
                "api_key",
                "api_key_pair",
                "bearer",
                "basic",
                "oauth2_code",
                "oauth2_client_credentials",
                "oauth2_private_key_jwt",
                "oauth2_jwt_bearer",
                "service_account_jwt",
                "key_pair_jwt",
                "github_app",
                "aws_assume_role",
                "aws_keys",
                "mtls",
                "hmac",
            ]
        ]
        | None = None,
        application_id_not: str | Sequence[str] | None = None,
        webhook_endpoint_id_not: str | Sequence[str] | None = None,
        owner_id_not: str | None = None,
        user_id_not: str | None = None,
        group_id_not: str | None = None,
        app_id_not: str | Sequence[str] | None = None,
        created_by_not: str | None = None,
        tag_not: str | None = None,
        name_contains: str | None = None,
        type_empty: bool | None = None,
        provider_empty: bool | None = None,
        auth_type_empty: bool | None = None,
        application_id_empty: bool | None = None,
        webhook_endpoint_id_empty: bool | None = None,
        owner_id_empty: bool | None = None,
        app_id_empty: bool | None = None,
        last_sync_empty: bool | None = None,
        last_check_empty: bool | None = None,
        oauth_token_expires_empty: bool | None = None,
        credential_last_rotated_empty: bool | None = None,
        next_rotation_due_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_empty",
            "app_id_not",
            "application_id",
            "application_id_empty",
            "application_id_not",
            "auth_type",
            "auth_type_empty",
            "auth_type_not",
            "created_after",
            "created_before",
            "created_by",
            "created_by_not",
            "credential_last_rotated_after",
            "credential_last_rotated_before",
            "credential_last_rotated_empty",
            "deleted_after",
            "deleted_before",
            "enabled",
            "group_id",
            "group_id_not",
            "last_check_after",
            "last_check_before",
            "last_check_empty",
            "last_sync_after",
            "last_sync_before",
            "last_sync_empty",
            "name_contains",
            "next_rotation_due_after",
            "next_rotation_due_before",
            "next_rotation_due_empty",
            "oauth_token_expires_after",
            "oauth_token_expires_before",
            "oauth_token_expires_empty",
            "owner_id",
            "owner_id_empty",
            "owner_id_not",
            "provider",
            "provider_empty",
            "provider_not",
            "scope",
            "scope_not",
            "sync_status",
            "sync_status_not",
            "tag",
            "tag_not",
            "type",
            "type_empty",
            "type_not",
            "updated_after",
            "updated_before",
            "user_id",
            "user_id_not",
            "webhook_endpoint_id",
            "webhook_endpoint_id_empty",
            "webhook_endpoint_id_not",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_empty",
                "app_id_not",
                "application_id",
                "application_id_empty",
                "application_id_not",
                "auth_type",
                "auth_type_empty",
                "auth_type_not",
                "created_after",
                "created_before",
                "created_by",
                "created_by_not",
                "credential_last_rotated_after",
                "credential_last_rotated_before",
                "credential_last_rotated_empty",
                "deleted_after",
                "deleted_before",
                "enabled",
                "group_id",
                "group_id_not",
                "last_check_after",
                "last_check_before",
                "last_check_empty",
                "last_sync_after",
                "last_sync_before",
                "last_sync_empty",
                "name_contains",
                "next_rotation_due_after",
                "next_rotation_due_before",
                "next_rotation_due_empty",
                "oauth_token_expires_after",
                "oauth_token_expires_before",
                "oauth_token_expires_empty",
                "owner_id",
                "owner_id_empty",
                "owner_id_not",
                "provider",
                "provider_empty",
                "provider_not",
                "scope",
                "scope_not",
                "sync_status",
                "sync_status_not",
                "tag",
                "tag_not",
                "type",
                "type_empty",
                "type_not",
                "updated_after",
                "updated_before",
                "user_id",
                "user_id_not",
                "webhook_endpoint_id",
                "webhook_endpoint_id_empty",
                "webhook_endpoint_id_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.ConnectorDocument]:
        """List connectors."""
        return self._caller.pages(
            operations.CONNECTORS_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "type": type,
                    "provider": provider,
                    "scope": scope,
                    "enabled": enabled,
                    "sync_status": sync_status,
                    "auth_type": auth_type,
                    "application_id": application_id,
                    "webhook_endpoint_id": webhook_endpoint_id,
                    "owner_id": owner_id,
                    "user_id": user_id,
                    "group_id": group_id,
                    "app_id": app_id,
                    "created_by": created_by,
                    "show": show,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "deleted_after": deleted_after,
                    "deleted_before": deleted_before,
                    "last_sync_after": last_sync_after,
                    "last_sync_before": last_sync_before,
                    "last_check_after": last_check_after,
                    "last_check_before": last_check_before,
                    "oauth_token_expires_after": oauth_token_expires_after,
                    "oauth_token_expires_before": oauth_token_expires_before,
                    "credential_last_rotated_after": credential_last_rotated_after,
                    "credential_last_rotated_before": credential_last_rotated_before,
                    "next_rotation_due_after": next_rotation_due_after,
                    "next_rotation_due_before": next_rotation_due_before,
                    "type_not": type_not,
                    "provider_not": provider_not,
                    "scope_not": scope_not,
                    "sync_status_not": sync_status_not,
                    "auth_type_not": auth_type_not,
                    "application_id_not": application_id_not,
                    "webhook_endpoint_id_not": webhook_endpoint_id_not,
                    "owner_id_not": owner_id_not,
                    "user_id_not": user_id_not,
                    "group_id_not": group_id_not,
                    "app_id_not": app_id_not,
                    "created_by_not": created_by_not,
                    "tag_not": tag_not,
                    "name_contains": name_contains,
                    "type_empty": type_empty,
                    "provider_empty": provider_empty,
                    "auth_type_empty": auth_type_empty,
                    "application_id_empty": application_id_empty,
                    "webhook_endpoint_id_empty": webhook_endpoint_id_empty,
                    "owner_id_empty": owner_id_empty,
                    "app_id_empty": app_id_empty,
                    "last_sync_empty": last_sync_empty,
                    "last_check_empty": last_check_empty,
                    "oauth_token_expires_empty": oauth_token_expires_empty,
                    "credential_last_rotated_empty": credential_last_rotated_empty,
                    "next_rotation_due_empty": next_rotation_due_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /, *, include_deleted: bool | None = None) -> types.ConnectorDocument:
        """Get one connector."""
        return self._caller.one(
            operations.CONNECTORS_GET, core.Given((id,), query={"include_deleted": include_deleted})
        )

    def create(
        self,
        body: types.ConnectorInput | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ConnectorDocument:
        """Create a connector."""
        return self._caller.one(
            operations.CONNECTORS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def create_many(
        self,
        body: types.ConnectorBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ConnectorBatchAnswer:
        """Create up to 500 connectors at once."""
        return self._caller.one(
            operations.CONNECTORS_CREATE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self,
        id: Held,
        body: types.ConnectorInput | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.ConnectorDocument:
        """Change a connector."""
        return self._caller.one(
            operations.CONNECTORS_UPDATE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def delete(
        self, id: Held, /, *, if_match: str | None = None, validate_only: bool = False
    ) -> None:
        """Delete a connector."""
        self._caller.one(
            operations.CONNECTORS_DELETE,
            core.Given((id,), if_match=if_match, validate_only=validate_only),
        )

    def restore(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ConnectorDocument:
        """Restore a deleted connector."""
        return self._caller.one(
            operations.CONNECTORS_RESTORE,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def history(
        self, id: Held, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.HistoryEntry]:
        """List the changes of a connector."""
        return self._caller.pages(
            operations.CONNECTORS_HISTORY,
            core.Given((id,), query={"limit": limit, "cursor": cursor}),
        )

    def remove_credentials(
        self, id: Held, /, *, if_match: str | None = None, validate_only: bool = False
    ) -> types.ConnectorDocument:
        """Remove all credentials of a connector."""
        return self._caller.one(
            operations.CONNECTORS_REMOVE_CREDENTIALS,
            core.Given((id,), if_match=if_match, validate_only=validate_only),
        )

    def check(
        self,
        id: Held,
        body: types.CheckInput | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.CheckDocument:
        """Ask for a check of a connector."""
        return self._caller.one(
            operations.CONNECTORS_CHECK,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def list_checks(
        self,
        of_id: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
        id: str | Sequence[str] | None = None,
        state: Literal["queued", "running", "done"] | None = None,
        reason: Literal["asked", "saved", "daily", "retry", "expiry"] | None = None,
        outcome: Literal[
            "passed",
            "unproven",
            "auth_invalid",
            "auth_scope",
            "auth_expired",
            "config",
            "rate_limited",
            "transient",
            "secret_store",
            "internal",
        ]
        | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
    ) -> Pages[types.CheckDocument]:
        """List the checks of a connector."""
        return self._caller.pages(
            operations.CONNECTORS_LIST_CHECKS,
            core.Given(
                (of_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "state": state,
                    "reason": reason,
                    "outcome": outcome,
                    "created_after": created_after,
                    "created_before": created_before,
                },
            ),
        )

    def get_check(self, id: Held, check_id: Held, /) -> types.CheckDocument:
        """Get one check, with its steps."""
        return self._caller.one(
            operations.CONNECTORS_GET_CHECK,
            core.Given(
                (
                    id,
                    check_id,
                )
            ),
        )

    def check_draft(
        self, body: types.ConnectorInput | None = None, /, *, validate_only: bool = False
    ) -> types.ResultDocument:
        """Check settings and credentials that are not saved."""
        return self._caller.one(
            operations.CONNECTORS_CHECK_DRAFT, core.Given(body=body, validate_only=validate_only)
        )

    def list_credential_versions(self, id: Held, /) -> Pages[types.CredentialVersionDocument]:
        """List the versions of a connector's credentials."""
        return self._caller.pages(operations.CONNECTORS_LIST_CREDENTIAL_VERSIONS, core.Given((id,)))

    def restore_credentials(
        self,
        id: Held,
        body: types.RestoreInput,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.CheckDocument:
        """Restore an older version of the credentials."""
        return self._caller.one(
            operations.CONNECTORS_RESTORE_CREDENTIALS,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def take_lease(
        self,
        id: Held,
        body: types.LeaseInput | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.GivenDocument:
        """Take a lease of a connector's credentials."""
        return self._caller.one(
            operations.CONNECTORS_TAKE_LEASE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def list_leases(
        self,
        of_id: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
        id: str | Sequence[str] | None = None,
        key_id: str | None = None,
        application_id: str | None = None,
        kind: Literal["token", "credentials"] | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
    ) -> Pages[types.LeaseDocument]:
        """List the leases of a connector."""
        return self._caller.pages(
            operations.CONNECTORS_LIST_LEASES,
            core.Given(
                (of_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "key_id": key_id,
                    "application_id": application_id,
                    "kind": kind,
                    "created_after": created_after,
                    "created_before": created_before,
                },
            ),
        )


class Providers:
    """The operations of providers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Pages[types.ProviderSummary]:
        """List the providers that connectors know."""
        return self._caller.pages(operations.PROVIDERS_LIST, core.Given())

    def get(self, id: Held, /) -> types.ProviderDocument:
        """Get one provider with its settings and its ways to sign in."""
        return self._caller.one(operations.PROVIDERS_GET, core.Given((id,)))


class Webhooks:
    """The operations of webhooks."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal[
            "created_at",
            "last_delivery_at",
            "name",
            "updated_at",
            "-created_at",
            "-last_delivery_at",
            "-name",
            "-updated_at",
        ]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        direction: Literal["outbound", "inbound"]
        | Sequence[Literal["outbound", "inbound"]]
        | None = None,
        url: str | None = None,
        enabled: bool | None = None,
        is_active: bool | None = None,
        signature_scheme: Literal[
            "standard-webhooks",
            "standard-webhooks-ed25519",
            "github",
            "stripe",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
        ]
        | Sequence[
            Literal[
                "standard-webhooks",
                "standard-webhooks-ed25519",
                "github",
                "stripe",
                "hmac-sha256-hex",
                "hmac-sha256-base64",
            ]
        ]
        | None = None,
        inbound_scheme: Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | Sequence[
            Literal[
                "standard-webhooks",
                "inbox",
                "github",
                "stripe",
                "slack",
                "shopify",
                "twilio",
                "sendgrid",
                "hubspot",
                "square",
                "zoom",
                "gitlab",
                "jira",
                "linear",
                "pagerduty",
                "sentry",
                "zendesk",
                "intercom",
                "meta",
                "twitter",
                "paddle",
                "discord",
                "docusign",
                "mailgun",
                "typeform",
                "calendly",
                "dropbox",
                "box",
                "vercel",
                "woocommerce",
                "webflow",
                "elevenlabs",
                "gitea",
                "okta",
                "microsoft-graph",
                "contentful",
                "azure-event-grid",
                "aws-sns",
                "fusionauth",
                "plaid",
                "hmac-sha256-hex",
                "hmac-sha256-base64",
                "hmac-sha512-hex",
                "hmac-sha1-hex",
                "timestamped-hmac",
                "bearer",
                "jwt",
                "api-key",
                "basic",
            ]
        ]
        | None = None,
        last_delivery_status: Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | Sequence[
            Literal[
                "sending",
                "delivered",
                "http_error",
                "redirect",
                "forbidden_address",
                "invalid_request",
                "dns",
                "refused",
                "unreachable",
                "reset",
                "tls",
                "timeout",
                "too_large",
                "protocol_error",
                "cancelled",
            ]
        ]
        | None = None,
        application_id: str | Sequence[str] | None = None,
        connector_id: str | Sequence[str] | None = None,
        app_id: str | Sequence[str] | None = None,
        created_by: str | None = None,
        event_type: str | Sequence[str] | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        deleted_after: str | datetime | None = None,
        deleted_before: str | datetime | None = None,
        last_delivery_after: str | datetime | None = None,
        last_delivery_before: str | datetime | None = None,
        paused_after: str | datetime | None = None,
        paused_before: str | datetime | None = None,
        direction_not: Literal["outbound", "inbound"]
        | Sequence[Literal["outbound", "inbound"]]
        | None = None,
        url_not: str | None = None,
        signature_scheme_not: Literal[
            "standard-webhooks",
            "standard-webhooks-ed25519",
            "github",
            "stripe",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
        ]
        | Sequence[
            Literal[
                "standard-webhooks",
                "standard-webhooks-ed25519",
                "github",
                "stripe",
                "hmac-sha256-hex",
                "hmac-sha256-base64",
            ]
        ]
        | None = None,
        inbound_scheme_not: Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | Sequence[
            Literal[
                "standard-webhooks",
                "inbox",
                "github",
                "stripe",
                "slack",
                "shopify",
                "twilio",
                "sendgrid",
                "hubspot",
                "square",
                "zoom",
                "gitlab",
                "jira",
                "linear",
                "pagerduty",
                "sentry",
                "zendesk",
                "intercom",
                "meta",
                "twitter",
                "paddle",
                "discord",
                "docusign",
                "mailgun",
                "typeform",
                "calendly",
                "dropbox",
                "box",
                "vercel",
                "woocommerce",
                "webflow",
                "elevenlabs",
                "gitea",
                "okta",
                "microsoft-graph",
                "contentful",
                "azure-event-grid",
                "aws-sns",
                "fusionauth",
                "plaid",
                "hmac-sha256-hex",
                "hmac-sha256-base64",
                "hmac-sha512-hex",
                "hmac-sha1-hex",
                "timestamped-hmac",
                "bearer",
                "jwt",
                "api-key",
                "basic",
            ]
        ]
        | None = None,
        last_delivery_status_not: Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | Sequence[
            Literal[
                "sending",
                "delivered",
                "http_error",
                "redirect",
                "forbidden_address",
                "invalid_request",
                "dns",
                "refused",
                "unreachable",
                "reset",
                "tls",
                "timeout",
                "too_large",
                "protocol_error",
                "cancelled",
            ]
        ]
        | None = None,
        application_id_not: str | Sequence[str] | None = None,
        connector_id_not: str | Sequence[str] | None = None,
        app_id_not: str | Sequence[str] | None = None,
        created_by_not: str | None = None,
        event_type_not: str | Sequence[str] | None = None,
        tag_not: str | None = None,
        name_contains: str | None = None,
        url_contains: str | None = None,
        url_empty: bool | None = None,
        last_delivery_status_empty: bool | None = None,
        last_delivery_empty: bool | None = None,
        paused_empty: bool | None = None,
        application_id_empty: bool | None = None,
        connector_id_empty: bool | None = None,
        app_id_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_empty",
            "app_id_not",
            "application_id",
            "application_id_empty",
            "application_id_not",
            "connector_id",
            "connector_id_empty",
            "connector_id_not",
            "created_after",
            "created_before",
            "created_by",
            "created_by_not",
            "deleted_after",
            "deleted_before",
            "direction",
            "direction_not",
            "enabled",
            "event_type",
            "event_type_not",
            "inbound_scheme",
            "inbound_scheme_not",
            "is_active",
            "last_delivery_after",
            "last_delivery_before",
            "last_delivery_empty",
            "last_delivery_status",
            "last_delivery_status_empty",
            "last_delivery_status_not",
            "name_contains",
            "paused_after",
            "paused_before",
            "paused_empty",
            "signature_scheme",
            "signature_scheme_not",
            "tag",
            "tag_not",
            "updated_after",
            "updated_before",
            "url",
            "url_contains",
            "url_empty",
            "url_not",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_empty",
                "app_id_not",
                "application_id",
                "application_id_empty",
                "application_id_not",
                "connector_id",
                "connector_id_empty",
                "connector_id_not",
                "created_after",
                "created_before",
                "created_by",
                "created_by_not",
                "deleted_after",
                "deleted_before",
                "direction",
                "direction_not",
                "enabled",
                "event_type",
                "event_type_not",
                "inbound_scheme",
                "inbound_scheme_not",
                "is_active",
                "last_delivery_after",
                "last_delivery_before",
                "last_delivery_empty",
                "last_delivery_status",
                "last_delivery_status_empty",
                "last_delivery_status_not",
                "name_contains",
                "paused_after",
                "paused_before",
                "paused_empty",
                "signature_scheme",
                "signature_scheme_not",
                "tag",
                "tag_not",
                "updated_after",
                "updated_before",
                "url",
                "url_contains",
                "url_empty",
                "url_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.WebhookDocument]:
        """List webhooks."""
        return self._caller.pages(
            operations.WEBHOOKS_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "direction": direction,
                    "url": url,
                    "enabled": enabled,
                    "is_active": is_active,
                    "signature_scheme": signature_scheme,
                    "inbound_scheme": inbound_scheme,
                    "last_delivery_status": last_delivery_status,
                    "application_id": application_id,
                    "connector_id": connector_id,
                    "app_id": app_id,
                    "created_by": created_by,
                    "event_type": event_type,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "deleted_after": deleted_after,
                    "deleted_before": deleted_before,
                    "last_delivery_after": last_delivery_after,
                    "last_delivery_before": last_delivery_before,
                    "paused_after": paused_after,
                    "paused_before": paused_before,
                    "direction_not": direction_not,
                    "url_not": url_not,
                    "signature_scheme_not": signature_scheme_not,
                    "inbound_scheme_not": inbound_scheme_not,
                    "last_delivery_status_not": last_delivery_status_not,
                    "application_id_not": application_id_not,
                    "connector_id_not": connector_id_not,
                    "app_id_not": app_id_not,
                    "created_by_not": created_by_not,
                    "event_type_not": event_type_not,
                    "tag_not": tag_not,
                    "name_contains": name_contains,
                    "url_contains": url_contains,
                    "url_empty": url_empty,
                    "last_delivery_status_empty": last_delivery_status_empty,
                    "last_delivery_empty": last_delivery_empty,
                    "paused_empty": paused_empty,
                    "application_id_empty": application_id_empty,
                    "connector_id_empty": connector_id_empty,
                    "app_id_empty": app_id_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /, *, include_deleted: bool | None = None) -> types.WebhookDocument:
        """Get one webhook."""
        return self._caller.one(
            operations.WEBHOOKS_GET, core.Given((id,), query={"include_deleted": include_deleted})
        )

    def create(
        self,
        body: types.WebhookInput | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhooksCreateAnswer:
        """Create a webhook."""
        return self._caller.one(
            operations.WEBHOOKS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def create_many(
        self,
        body: types.WebhookBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookBatchAnswer:
        """Create up to 500 webhooks at once."""
        return self._caller.one(
            operations.WEBHOOKS_CREATE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self,
        id: Held,
        body: types.WebhookInput | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookDocument:
        """Change a webhook."""
        return self._caller.one(
            operations.WEBHOOKS_UPDATE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def delete(
        self, id: Held, /, *, if_match: str | None = None, validate_only: bool = False
    ) -> None:
        """Delete a webhook."""
        self._caller.one(
            operations.WEBHOOKS_DELETE,
            core.Given((id,), if_match=if_match, validate_only=validate_only),
        )

    def restore(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookDocument:
        """Restore a deleted webhook."""
        return self._caller.one(
            operations.WEBHOOKS_RESTORE,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def history(
        self, id: Held, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.HistoryEntry]:
        """List the changes of a webhook."""
        return self._caller.pages(
            operations.WEBHOOKS_HISTORY, core.Given((id,), query={"limit": limit, "cursor": cursor})
        )

    def rotate_secret(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhooksRotateSecretAnswer:
        """Rotate the signing secret of a webhook."""
        return self._caller.one(
            operations.WEBHOOKS_ROTATE_SECRET,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def retire_secret(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookDocument:
        """Retire the previous signing secret of a webhook."""
        return self._caller.one(
            operations.WEBHOOKS_RETIRE_SECRET,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def pause(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookDocument:
        """Pause a webhook and hold its events."""
        return self._caller.one(
            operations.WEBHOOKS_PAUSE,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def resume(
        self,
        id: Held,
        body: types.ResumeInput | None = None,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.WebhookDocument:
        """Resume a webhook."""
        return self._caller.one(
            operations.WEBHOOKS_RESUME,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def list_deliveries(
        self,
        of_id: Held,
        /,
        *,
        after: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
        id: str | Sequence[str] | None = None,
        state: str | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
        subject: str | None = None,
        replay_id: str | None = None,
        origin: str | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        state_not: str | None = None,
        event_type_not: str | None = None,
        event_id_not: str | None = None,
        subject_not: str | None = None,
        replay_id_not: str | None = None,
        origin_not: str | None = None,
        event_type_contains: str | None = None,
        subject_contains: str | None = None,
        subject_empty: bool | None = None,
        either: Literal[
            "created_after",
            "created_before",
            "event_id",
            "event_id_not",
            "event_type",
            "event_type_contains",
            "event_type_not",
            "origin",
            "origin_not",
            "replay_id",
            "replay_id_not",
            "state",
            "state_not",
            "subject",
            "subject_contains",
            "subject_empty",
            "subject_not",
        ]
        | Sequence[
            Literal[
                "created_after",
                "created_before",
                "event_id",
                "event_id_not",
                "event_type",
                "event_type_contains",
                "event_type_not",
                "origin",
                "origin_not",
                "replay_id",
                "replay_id_not",
                "state",
                "state_not",
                "subject",
                "subject_contains",
                "subject_empty",
                "subject_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.DeliveryDocument]:
        """List the deliveries of a webhook."""
        return self._caller.pages(
            operations.WEBHOOKS_LIST_DELIVERIES,
            core.Given(
                (of_id,),
                query={
                    "after": after,
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "state": state,
                    "event_type": event_type,
                    "event_id": event_id,
                    "subject": subject,
                    "replay_id": replay_id,
                    "origin": origin,
                    "created_after": created_after,
                    "created_before": created_before,
                    "state_not": state_not,
                    "event_type_not": event_type_not,
                    "event_id_not": event_id_not,
                    "subject_not": subject_not,
                    "replay_id_not": replay_id_not,
                    "origin_not": origin_not,
                    "event_type_contains": event_type_contains,
                    "subject_contains": subject_contains,
                    "subject_empty": subject_empty,
                    "either": either,
                },
            ),
        )

    def replay(
        self,
        id: Held,
        body: types.ReplayInput,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ReplayProgress:
        """Replay the events of a period, or count them."""
        return self._caller.one(
            operations.WEBHOOKS_REPLAY,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def list_replays(self, id: Held, /) -> Pages[types.ReplayDocument]:
        """List the latest replays of a webhook."""
        return self._caller.pages(operations.WEBHOOKS_LIST_REPLAYS, core.Given((id,)))

    def get_backlog(self, id: Held, /) -> types.BacklogDocument:
        """Get the backlog of a webhook."""
        return self._caller.one(operations.WEBHOOKS_GET_BACKLOG, core.Given((id,)))

    def try_filter(
        self, body: types.FilterTest | None = None, /, *, validate_only: bool = False
    ) -> types.FilterTestResult:
        """Test event types and a filter with recent events."""
        return self._caller.one(
            operations.WEBHOOKS_TRY_FILTER, core.Given(body=body, validate_only=validate_only)
        )

    def get_health(self, id: Held, /) -> types.HealthDocument:
        """Get the health of a webhook: the attempts of the last 24 hours, and what waits."""
        return self._caller.one(operations.WEBHOOKS_GET_HEALTH, core.Given((id,)))

    def list_received(
        self,
        of_id: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["received_at", "-received_at"] | None = None,
        id: str | Sequence[str] | None = None,
        state: Literal["accepted", "quarantined"] | None = None,
        code: str | None = None,
        event_type: str | None = None,
        received_after: str | datetime | None = None,
        received_before: str | datetime | None = None,
        state_not: Literal["accepted", "quarantined"] | None = None,
        code_not: str | None = None,
        event_type_not: str | None = None,
        event_type_contains: str | None = None,
        reason_contains: str | None = None,
        event_type_empty: bool | None = None,
        either: Literal[
            "code",
            "code_not",
            "event_type",
            "event_type_contains",
            "event_type_empty",
            "event_type_not",
            "reason_contains",
            "received_after",
            "received_before",
            "state",
            "state_not",
        ]
        | Sequence[
            Literal[
                "code",
                "code_not",
                "event_type",
                "event_type_contains",
                "event_type_empty",
                "event_type_not",
                "reason_contains",
                "received_after",
                "received_before",
                "state",
                "state_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.InboundRequestDocument]:
        """List the received requests of an inbound webhook."""
        return self._caller.pages(
            operations.WEBHOOKS_LIST_RECEIVED,
            core.Given(
                (of_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "state": state,
                    "code": code,
                    "event_type": event_type,
                    "received_after": received_after,
                    "received_before": received_before,
                    "state_not": state_not,
                    "code_not": code_not,
                    "event_type_not": event_type_not,
                    "event_type_contains": event_type_contains,
                    "reason_contains": reason_contains,
                    "event_type_empty": event_type_empty,
                    "either": either,
                },
            ),
        )

    def get_received(self, id: Held, request_id: Held, /) -> types.WholeInboundRequest:
        """Get one received request."""
        return self._caller.one(
            operations.WEBHOOKS_GET_RECEIVED,
            core.Given(
                (
                    id,
                    request_id,
                )
            ),
        )

    def reverify(
        self,
        id: Held,
        request_id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.InboundRequestDocument:
        """Verify a request in quarantine again."""
        return self._caller.one(
            operations.WEBHOOKS_REVERIFY,
            core.Given(
                (
                    id,
                    request_id,
                ),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def reverify_all(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ReviewedDocument:
        """Verify the requests in quarantine again."""
        return self._caller.one(
            operations.WEBHOOKS_REVERIFY_ALL,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def clear_quarantine(
        self, id: Held, /, *, if_match: str | None = None, validate_only: bool = False
    ) -> None:
        """Discard the requests in quarantine."""
        self._caller.one(
            operations.WEBHOOKS_CLEAR_QUARANTINE,
            core.Given((id,), if_match=if_match, validate_only=validate_only),
        )

    def test(
        self,
        id: Held,
        body: types.TestInput,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.AttemptDocument:
        """Send a signed test request."""
        return self._caller.one(
            operations.WEBHOOKS_TEST,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def send_from_lab(
        self,
        id: Held,
        body: types.LabInput,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.DeliveryDocument:
        """Send an event to one webhook alone."""
        return self._caller.one(
            operations.WEBHOOKS_SEND_FROM_LAB,
            core.Given(
                (id,),
                body,
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def list_tests(
        self,
        of_id: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
        id: str | Sequence[str] | None = None,
        outcome: Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | None = None,
        event_type: str | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
    ) -> Pages[types.AttemptDocument]:
        """List the test deliveries of a webhook."""
        return self._caller.pages(
            operations.WEBHOOKS_LIST_TESTS,
            core.Given(
                (of_id,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "outcome": outcome,
                    "event_type": event_type,
                    "created_after": created_after,
                    "created_before": created_before,
                },
            ),
        )

    def get_test(self, id: Held, delivery_id: Held, /) -> types.AttemptDocument:
        """Get one test delivery."""
        return self._caller.one(
            operations.WEBHOOKS_GET_TEST,
            core.Given(
                (
                    id,
                    delivery_id,
                )
            ),
        )


class Replays:
    """The operations of replays."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self, id: Held, /) -> types.ReplayProgress:
        """Get one replay and its progress."""
        return self._caller.one(operations.REPLAYS_GET, core.Given((id,)))

    def cancel(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.ReplayProgress:
        """Cancel a replay."""
        return self._caller.one(
            operations.REPLAYS_CANCEL,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )


class Deliveries:
    """The operations of deliveries."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
        id: str | Sequence[str] | None = None,
        state: str | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
        subject: str | None = None,
        webhook_id: str | None = None,
        replay_id: str | None = None,
        origin: str | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        state_not: str | None = None,
        event_type_not: str | None = None,
        event_id_not: str | None = None,
        subject_not: str | None = None,
        webhook_id_not: str | None = None,
        replay_id_not: str | None = None,
        origin_not: str | None = None,
        event_type_contains: str | None = None,
        subject_contains: str | None = None,
        subject_empty: bool | None = None,
        either: Literal[
            "created_after",
            "created_before",
            "event_id",
            "event_id_not",
            "event_type",
            "event_type_contains",
            "event_type_not",
            "origin",
            "origin_not",
            "replay_id",
            "replay_id_not",
            "state",
            "state_not",
            "subject",
            "subject_contains",
            "subject_empty",
            "subject_not",
            "webhook_id",
            "webhook_id_not",
        ]
        | Sequence[
            Literal[
                "created_after",
                "created_before",
                "event_id",
                "event_id_not",
                "event_type",
                "event_type_contains",
                "event_type_not",
                "origin",
                "origin_not",
                "replay_id",
                "replay_id_not",
                "state",
                "state_not",
                "subject",
                "subject_contains",
                "subject_empty",
                "subject_not",
                "webhook_id",
                "webhook_id_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.DeliveryDocument]:
        """List the deliveries of all webhooks, newest first."""
        return self._caller.pages(
            operations.DELIVERIES_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "state": state,
                    "event_type": event_type,
                    "event_id": event_id,
                    "subject": subject,
                    "webhook_id": webhook_id,
                    "replay_id": replay_id,
                    "origin": origin,
                    "created_after": created_after,
                    "created_before": created_before,
                    "state_not": state_not,
                    "event_type_not": event_type_not,
                    "event_id_not": event_id_not,
                    "subject_not": subject_not,
                    "webhook_id_not": webhook_id_not,
                    "replay_id_not": replay_id_not,
                    "origin_not": origin_not,
                    "event_type_contains": event_type_contains,
                    "subject_contains": subject_contains,
                    "subject_empty": subject_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /) -> types.DeliveryWithAttempts:
        """Get one delivery with its attempts."""
        return self._caller.one(operations.DELIVERIES_GET, core.Given((id,)))

    def redeliver(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.DeliveryDocument:
        """Send the event of a delivery once more."""
        return self._caller.one(
            operations.DELIVERIES_REDELIVER,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def hurry(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.DeliveryDocument:
        """Make the next attempt of a delivery now."""
        return self._caller.one(
            operations.DELIVERIES_HURRY,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )


class Inbox:
    """The operations of inbox."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> types.InboxDocument:
        """Get the tenant's inbox, its own receiver for tests."""
        return self._caller.one(operations.INBOX_GET, core.Given())

    def open(
        self, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.InboxDocument:
        """Create the inbox and the webhook that sends to it, or repair them."""
        return self._caller.one(
            operations.INBOX_OPEN,
            core.Given(idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def heal(self, *, validate_only: bool = False) -> None:
        """Let the inbox answer as usual again, after failures that were ordered."""
        self._caller.one(operations.INBOX_HEAL, core.Given(validate_only=validate_only))


class SignatureChecks:
    """The operations of signature-checks."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(
        self, body: types.SignatureCheck | None = None, /, *, validate_only: bool = False
    ) -> types.SignatureCheckResult:
        """Check the signature of a request."""
        return self._caller.one(
            operations.SIGNATURE_CHECKS_CREATE, core.Given(body=body, validate_only=validate_only)
        )


class BulkJobs:
    """The operations of bulk-jobs."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.BulkJobDocument]:
        """List bulk jobs, newest first."""
        return self._caller.pages(
            operations.BULK_JOBS_LIST, core.Given(query={"limit": limit, "cursor": cursor})
        )

    def create(
        self,
        body: types.BulkJobInput,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.BulkJobDocument:
        """Preview a change of many records."""
        return self._caller.one(
            operations.BULK_JOBS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def get(self, id: Held, /) -> types.BulkJobDocument:
        """Get one bulk job and its progress."""
        return self._caller.one(operations.BULK_JOBS_GET, core.Given((id,)))

    def list_rows(
        self,
        id: Held,
        /,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Literal["waiting", "done", "failed", "skipped", "cancelled"] | None = None,
    ) -> Pages[types.BulkRowDocument]:
        """List the records of a bulk job, and what became of each."""
        return self._caller.pages(
            operations.BULK_JOBS_LIST_ROWS,
            core.Given((id,), query={"limit": limit, "cursor": cursor, "state": state}),
        )

    def confirm(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.BulkJobDocument:
        """Confirm a bulk job, so that it is done."""
        return self._caller.one(
            operations.BULK_JOBS_CONFIRM,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def cancel(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.BulkJobDocument:
        """Cancel a bulk job."""
        return self._caller.one(
            operations.BULK_JOBS_CANCEL,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def retry(
        self, id: Held, /, *, idempotency_key: str | None = None, validate_only: bool = False
    ) -> types.BulkJobDocument:
        """Preview a new job for the records that were not done."""
        return self._caller.one(
            operations.BULK_JOBS_RETRY,
            core.Given((id,), idempotency_key=idempotency_key, validate_only=validate_only),
        )


class EventTypes:
    """The operations of event-types."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["created_at", "name", "updated_at", "-created_at", "-name", "-updated_at"]
        | None = None,
        q: str | None = None,
        tag: str | None = None,
        include_deleted: bool | None = None,
        count: bool | None = None,
        id: str | Sequence[str] | None = None,
        name: str | Sequence[str] | None = None,
        deprecated: bool | None = None,
        validation: Literal["off", "reject"] | Sequence[Literal["off", "reject"]] | None = None,
        app_id: str | Sequence[str] | None = None,
        created_by: str | None = None,
        created_after: str | datetime | None = None,
        created_before: str | datetime | None = None,
        updated_after: str | datetime | None = None,
        updated_before: str | datetime | None = None,
        deleted_after: str | datetime | None = None,
        deleted_before: str | datetime | None = None,
        name_not: str | Sequence[str] | None = None,
        validation_not: Literal["off", "reject"] | Sequence[Literal["off", "reject"]] | None = None,
        app_id_not: str | Sequence[str] | None = None,
        created_by_not: str | None = None,
        tag_not: str | None = None,
        name_contains: str | None = None,
        display_name_contains: str | None = None,
        either: Literal[
            "app_id",
            "app_id_not",
            "created_after",
            "created_before",
            "created_by",
            "created_by_not",
            "deleted_after",
            "deleted_before",
            "deprecated",
            "display_name_contains",
            "name",
            "name_contains",
            "name_not",
            "tag",
            "tag_not",
            "updated_after",
            "updated_before",
            "validation",
            "validation_not",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_not",
                "created_after",
                "created_before",
                "created_by",
                "created_by_not",
                "deleted_after",
                "deleted_before",
                "deprecated",
                "display_name_contains",
                "name",
                "name_contains",
                "name_not",
                "tag",
                "tag_not",
                "updated_after",
                "updated_before",
                "validation",
                "validation_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.EventTypeDocument]:
        """List event types."""
        return self._caller.pages(
            operations.EVENT_TYPES_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "q": q,
                    "tag": tag,
                    "include_deleted": include_deleted,
                    "count": count,
                    "id": id,
                    "name": name,
                    "deprecated": deprecated,
                    "validation": validation,
                    "app_id": app_id,
                    "created_by": created_by,
                    "created_after": created_after,
                    "created_before": created_before,
                    "updated_after": updated_after,
                    "updated_before": updated_before,
                    "deleted_after": deleted_after,
                    "deleted_before": deleted_before,
                    "name_not": name_not,
                    "validation_not": validation_not,
                    "app_id_not": app_id_not,
                    "created_by_not": created_by_not,
                    "tag_not": tag_not,
                    "name_contains": name_contains,
                    "display_name_contains": display_name_contains,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /, *, include_deleted: bool | None = None) -> types.EventTypeDocument:
        """Get one event type."""
        return self._caller.one(
            operations.EVENT_TYPES_GET,
            core.Given((id,), query={"include_deleted": include_deleted}),
        )

    def create(
        self,
        body: types.EventTypeInput | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.EventTypeDocument:
        """Create an event type."""
        return self._caller.one(
            operations.EVENT_TYPES_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def create_many(
        self,
        body: types.EventTypeBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.EventTypeBatchAnswer:
        """Create up to 500 event types at once."""
        return self._caller.one(
            operations.EVENT_TYPES_CREATE_MANY,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self,
        id: Held,
        body: types.EventTypeInput | None = None,
        /,
        *,
        if_match: str | None = None,
        validate_only: bool = False,
    ) -> types.EventTypeDocument:
        """Change an event type."""
        return self._caller.one(
            operations.EVENT_TYPES_UPDATE,
            core.Given((id,), body, if_match=if_match, validate_only=validate_only),
        )

    def delete(
        self, id: Held, /, *, if_match: str | None = None, validate_only: bool = False
    ) -> None:
        """Delete an event type."""
        self._caller.one(
            operations.EVENT_TYPES_DELETE,
            core.Given((id,), if_match=if_match, validate_only=validate_only),
        )

    def restore(
        self,
        id: Held,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.EventTypeDocument:
        """Restore a deleted event type."""
        return self._caller.one(
            operations.EVENT_TYPES_RESTORE,
            core.Given(
                (id,),
                if_match=if_match,
                idempotency_key=idempotency_key,
                validate_only=validate_only,
            ),
        )

    def history(
        self, id: Held, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[types.HistoryEntry]:
        """List the changes of an event type."""
        return self._caller.pages(
            operations.EVENT_TYPES_HISTORY,
            core.Given((id,), query={"limit": limit, "cursor": cursor}),
        )

    def list_own(self) -> Pages[types.OwnTypeDocument]:
        """List the portal's own event types."""
        return self._caller.pages(operations.EVENT_TYPES_LIST_OWN, core.Given())

    def import_types(
        self,
        body: types.Import,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ImportedTypes:
        """Import event types from an OpenAPI document."""
        return self._caller.one(
            operations.EVENT_TYPES_IMPORT_TYPES,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )


class EventSettings:
    """The operations of event-settings."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> types.SettingsDocument:
        """Get the event settings."""
        return self._caller.one(operations.EVENT_SETTINGS_GET, core.Given())

    def update(
        self, body: types.SettingsInput | None = None, /, *, validate_only: bool = False
    ) -> types.SettingsDocument:
        """Change the event settings."""
        return self._caller.one(
            operations.EVENT_SETTINGS_UPDATE, core.Given(body=body, validate_only=validate_only)
        )


class Events:
    """The operations of events."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def publish(
        self,
        body: types.EventBatch,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.PublishedEvents:
        """Publish one event, or up to 500."""
        return self._caller.one(
            operations.EVENTS_PUBLISH,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["received_at", "-received_at"] | None = None,
        id: str | Sequence[str] | None = None,
        type: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
        app_id: str | None = None,
        application_id: str | None = None,
        received_after: str | datetime | None = None,
        received_before: str | datetime | None = None,
        occurred_after: str | datetime | None = None,
        occurred_before: str | datetime | None = None,
        type_not: str | None = None,
        subject_not: str | None = None,
        client_id_not: str | None = None,
        app_id_not: str | None = None,
        application_id_not: str | None = None,
        type_contains: str | None = None,
        subject_contains: str | None = None,
        subject_empty: bool | None = None,
        application_id_empty: bool | None = None,
        either: Literal[
            "app_id",
            "app_id_not",
            "application_id",
            "application_id_empty",
            "application_id_not",
            "client_id",
            "client_id_not",
            "occurred_after",
            "occurred_before",
            "received_after",
            "received_before",
            "subject",
            "subject_contains",
            "subject_empty",
            "subject_not",
            "type",
            "type_contains",
            "type_not",
        ]
        | Sequence[
            Literal[
                "app_id",
                "app_id_not",
                "application_id",
                "application_id_empty",
                "application_id_not",
                "client_id",
                "client_id_not",
                "occurred_after",
                "occurred_before",
                "received_after",
                "received_before",
                "subject",
                "subject_contains",
                "subject_empty",
                "subject_not",
                "type",
                "type_contains",
                "type_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.EventDocument]:
        """List events, newest first."""
        return self._caller.pages(
            operations.EVENTS_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "sort": sort,
                    "id": id,
                    "type": type,
                    "subject": subject,
                    "client_id": client_id,
                    "app_id": app_id,
                    "application_id": application_id,
                    "received_after": received_after,
                    "received_before": received_before,
                    "occurred_after": occurred_after,
                    "occurred_before": occurred_before,
                    "type_not": type_not,
                    "subject_not": subject_not,
                    "client_id_not": client_id_not,
                    "app_id_not": app_id_not,
                    "application_id_not": application_id_not,
                    "type_contains": type_contains,
                    "subject_contains": subject_contains,
                    "subject_empty": subject_empty,
                    "application_id_empty": application_id_empty,
                    "either": either,
                }
            ),
        )

    def get(self, id: Held, /) -> types.EventWithMatches:
        """Get one event and its match with each webhook."""
        return self._caller.one(operations.EVENTS_GET, core.Given((id,)))

    def erase(
        self,
        body: types.Erasure,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.Erased:
        """Erase the events of a subject."""
        return self._caller.one(
            operations.EVENTS_ERASE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )


class Audit:
    """The operations of audit."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        id: str | Sequence[str] | None = None,
        record_id: str | None = None,
        record_kind: str | Sequence[str] | None = None,
        actor_id: str | None = None,
        action: str | None = None,
        request_id: str | None = None,
        occurred_after: str | datetime | None = None,
        occurred_before: str | datetime | None = None,
        record_id_not: str | None = None,
        record_kind_not: str | Sequence[str] | None = None,
        actor_id_not: str | None = None,
        action_not: str | None = None,
        request_id_not: str | None = None,
        action_contains: str | None = None,
        record_name_contains: str | None = None,
        either: Literal[
            "action",
            "action_contains",
            "action_not",
            "actor_id",
            "actor_id_not",
            "occurred_after",
            "occurred_before",
            "record_id",
            "record_id_not",
            "record_kind",
            "record_kind_not",
            "record_name_contains",
            "request_id",
            "request_id_not",
        ]
        | Sequence[
            Literal[
                "action",
                "action_contains",
                "action_not",
                "actor_id",
                "actor_id_not",
                "occurred_after",
                "occurred_before",
                "record_id",
                "record_id_not",
                "record_kind",
                "record_kind_not",
                "record_name_contains",
                "request_id",
                "request_id_not",
            ]
        ]
        | None = None,
    ) -> Pages[types.LogEntry]:
        """List everything that happened in the tenant, newest first."""
        return self._caller.pages(
            operations.AUDIT_LIST,
            core.Given(
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "id": id,
                    "record_id": record_id,
                    "record_kind": record_kind,
                    "actor_id": actor_id,
                    "action": action,
                    "request_id": request_id,
                    "occurred_after": occurred_after,
                    "occurred_before": occurred_before,
                    "record_id_not": record_id_not,
                    "record_kind_not": record_kind_not,
                    "actor_id_not": actor_id_not,
                    "action_not": action_not,
                    "request_id_not": request_id_not,
                    "action_contains": action_contains,
                    "record_name_contains": record_name_contains,
                    "either": either,
                }
            ),
        )


class Deleted:
    """The operations of deleted."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["connectors", "webhooks", "event-types"] | None = None,
        q: str | None = None,
    ) -> Pages[types.DeletedDocument]:
        """List the deleted records of every kind that can be restored."""
        return self._caller.pages(
            operations.DELETED_LIST,
            core.Given(query={"limit": limit, "cursor": cursor, "kind": kind, "q": q}),
        )


class Quotas:
    """The operations of quotas."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> types.QuotasDocument:
        """Get the quotas of the tenant and their use."""
        return self._caller.one(operations.QUOTAS_GET, core.Given())


class Overview:
    """The operations of overview."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> types.OverviewDocument:
        """Get the state of the tenant at one look."""
        return self._caller.one(operations.OVERVIEW_GET, core.Given())


class Views:
    """The operations of views."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        list: Literal[
            "api-keys",
            "applications",
            "audit",
            "connectors",
            "deliveries",
            "event-types",
            "events",
            "webhooks",
        ]
        | None = None,
    ) -> Pages[types.ViewDocument]:
        """List saved views."""
        return self._caller.pages(operations.VIEWS_LIST, core.Given(query={"list": list}))

    def get(self, id: Held, /) -> types.ViewDocument:
        """Get one saved view."""
        return self._caller.one(operations.VIEWS_GET, core.Given((id,)))

    def create(
        self,
        body: types.NewView,
        /,
        *,
        idempotency_key: str | None = None,
        validate_only: bool = False,
    ) -> types.ViewDocument:
        """Save a view."""
        return self._caller.one(
            operations.VIEWS_CREATE,
            core.Given(body=body, idempotency_key=idempotency_key, validate_only=validate_only),
        )

    def update(
        self, id: Held, body: types.ChangedView | None = None, /, *, validate_only: bool = False
    ) -> types.ViewDocument:
        """Change a saved view."""
        return self._caller.one(
            operations.VIEWS_UPDATE, core.Given((id,), body, validate_only=validate_only)
        )

    def delete(self, id: Held, /, *, validate_only: bool = False) -> None:
        """Delete a saved view."""
        self._caller.one(operations.VIEWS_DELETE, core.Given((id,), validate_only=validate_only))


class Search:
    """The operations of search."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def find(self, *, q: str | None = None) -> Pages[types.FoundDocument]:
        """Find records of every kind by words or by an id, up to 8 of each kind."""
        return self._caller.pages(operations.SEARCH_FIND, core.Given(query={"q": q}))


class Notices:
    """The operations of notices."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Pages[types.NoticeDocument]:
        """List what needs attention now, and what passed in the last day."""
        return self._caller.pages(operations.NOTICES_LIST, core.Given())


class Integration:
    """All resources of the integration domain."""

    def __init__(self, caller: Caller) -> None:
        self.people = People(caller)
        self.sessions = Sessions(caller)
        self.applications = Applications(caller)
        self.api_keys = ApiKeys(caller)
        self.me = Me(caller)
        self.connectors = Connectors(caller)
        self.providers = Providers(caller)
        self.webhooks = Webhooks(caller)
        self.replays = Replays(caller)
        self.deliveries = Deliveries(caller)
        self.inbox = Inbox(caller)
        self.signature_checks = SignatureChecks(caller)
        self.bulk_jobs = BulkJobs(caller)
        self.event_types = EventTypes(caller)
        self.event_settings = EventSettings(caller)
        self.events = Events(caller)
        self.audit = Audit(caller)
        self.deleted = Deleted(caller)
        self.quotas = Quotas(caller)
        self.overview = Overview(caller)
        self.views = Views(caller)
        self.search = Search(caller)
        self.notices = Notices(caller)
