"""Who made a call, as CloudTrail's `userIdentity` tells it.

Source: CloudTrail user guide, "userIdentity element". Every field may be absent; `arn` is, for example, for
Identity Center users and for AWS services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.fields import mapping_in, text_in


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity behind a call; each part is None where CloudTrail did not record it.

    Parameters
    ----------
    kind : str
        CloudTrail's `type`, such as `AssumedRole` or `IAMUser`; `Unknown` if absent.
    arn : str or None
        The ARN to compare with: the role's own for a session, else the user's or the root user's.
    unique_id : str or None
        The unique id that belongs to `arn`, such as `AROA…` for a role.
    name : str or None
        The name of the role or user; for an AWS service, its name.
    account_id : str or None
        The account of the identity.
    session_name : str or None
        Chosen by the caller: it proves nothing.
    source_identity : str or None
        The source identity that the session was started with.
    mfa : bool or None
        Whether the session was authenticated with MFA.
    access_key_id : str or None
        The id of the access key, which is no secret.
    invoked_by : str or None
        The AWS service that made the call for the identity.
    """

    kind: str
    arn: str | None = None
    unique_id: str | None = None
    name: str | None = None
    account_id: str | None = None
    session_name: str | None = None
    source_identity: str | None = None
    mfa: bool | None = None
    access_key_id: str | None = None
    invoked_by: str | None = None


def parse_principal(identity: Mapping[str, Any]) -> Principal:
    """Return who a `userIdentity` element names, whatever it leaves out.

    Parameters
    ----------
    identity : mapping
        The element; anything in it that is not of the documented type counts as absent.

    Returns
    -------
    Principal
        The identity; the session's role where there is one, because only the role proves something.
    """
    session = mapping_in(identity, "sessionContext")
    issuer = mapping_in(session, "sessionIssuer")
    attributes = mapping_in(session, "attributes")
    invoked_by = text_in(identity, "invokedBy")
    mfa = text_in(attributes, "mfaAuthenticated")
    return Principal(
        kind=text_in(identity, "type") or "Unknown",
        arn=text_in(issuer, "arn") or text_in(identity, "arn"),
        unique_id=text_in(issuer, "principalId") or text_in(identity, "principalId"),
        name=text_in(issuer, "userName")
        or text_in(identity, "userName")
        or _on_behalf_of(identity)
        or invoked_by,
        account_id=text_in(identity, "accountId") or text_in(issuer, "accountId"),
        session_name=_session_name(identity) if issuer else None,
        source_identity=text_in(session, "sourceIdentity"),
        mfa={"true": True, "false": False}.get(mfa or ""),
        access_key_id=text_in(identity, "accessKeyId"),
        invoked_by=invoked_by,
    )


def _session_name(identity: Mapping[str, Any]) -> str | None:
    """Read the session's name from `AROA…:name`, which is there also where the ARN is not."""
    _, colon, name = (text_in(identity, "principalId") or "").partition(":")
    return name if colon and name else None


def _on_behalf_of(identity: Mapping[str, Any]) -> str | None:
    return text_in(mapping_in(identity, "onBehalfOf"), "userId")
