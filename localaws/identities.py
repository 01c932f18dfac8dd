"""Who calls: the sessions of the embedded AWS's own functions and executions, and everybody else.

Source of the shapes: "CloudTrail userIdentity element" in the AWS CloudTrail user guide.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import string
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from localaws.gateway import INTERNAL_KEY_PREFIX

if TYPE_CHECKING:
    from localaws.clock import Clock
    from localaws.gateway import ApiCall

OPERATOR = "local-operator"
"""The IAM user that a caller with an unknown access key is taken for: no account is behind this
endpoint, so any key works, and whoever uses one is the person at the machine."""

_KEY_CHARACTERS = string.ascii_uppercase + string.digits
_KEY_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller signs its requests with."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A session of a role.

    Parameters
    ----------
    role_arn : str
        The role's ARN, with its path.
    session_name : str
        The name that the session's creator chose.
    created : str
        When the session began, as CloudTrail writes it.
    """

    role_arn: str
    session_name: str
    created: str

    @property
    def account(self) -> str:
        """The role's account."""
        return self.role_arn.split(":")[4]

    @property
    def partition(self) -> str:
        """The role's partition."""
        return self.role_arn.split(":")[1]

    @property
    def role_name(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def arn(self) -> str:
        """The session's own ARN; it leaves the role's path out."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role_name}/{self.session_name}"


class Identities:
    """Give credentials to the embedded AWS's own callers, and tell who any caller is.

    Parameters
    ----------
    clock : Clock
        Tells when a session began.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[tuple[str, str], Credentials] = {}
        self._sessions: dict[str, RoleSession] = {}

    def issue(self, role_arn: str, session_name: str) -> Credentials:
        """Return credentials for a session of a role; the same session always gets the same ones."""
        with self._lock:
            credentials = self._issued.get((role_arn, session_name))
            if credentials is None:
                credentials = _new_credentials()
                self._issued[role_arn, session_name] = credentials
                session = RoleSession(role_arn, session_name, self._now())
                self._sessions[credentials.access_key] = session
            return credentials

    def session_of(self, access_key: str) -> RoleSession | None:
        """Return the session that an access key was issued for, by this program or by moto's STS."""
        with self._lock:
            if known := self._sessions.get(access_key):
                return known
            assumed = _assumed_role(access_key)
            if assumed is None:
                return None
            session = RoleSession(assumed.role_arn, assumed.session_name, self._now())
            return self._sessions.setdefault(access_key, session)

    def principal_of(self, call: ApiCall) -> str:
        """Return the ARN of a call's caller."""
        if session := self.session_of(call.access_key):
            return session.arn
        return str(_user_identity(call)["arn"])

    def user_identity(self, call: ApiCall) -> dict[str, Any]:
        """Return CloudTrail's `userIdentity` for a call's caller.

        A caller with an access key that nobody issued is the IAM user `local-operator`.
        """
        if session := self.session_of(call.access_key):
            return _session_identity(session, call.access_key)
        return _user_identity(call)

    def _now(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def account_of(call: ApiCall) -> str:
    """Return the account in which moto answers a call; the environment's decides first, as in moto."""
    return os.environ.get("MOTO_ACCOUNT_ID") or str(get_account_id_from(call.access_key))


def role_of(session: RoleSession) -> Any | None:
    """Return moto's IAM role of a session, or None if the role does not exist."""
    return role_with(session.role_arn)


def role_with(arn: str) -> Any | None:
    """Return moto's IAM role with this ARN, or None if there is none."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    try:
        return iam_backends[account][partition].get_role_by_arn(arn)
    except NotFoundException:
        return None


def _new_credentials() -> Credentials:
    rest = _KEY_LENGTH - len(INTERNAL_KEY_PREFIX)
    access_key = INTERNAL_KEY_PREFIX + "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(rest))
    return Credentials(access_key, secrets.token_urlsafe(30), secrets.token_urlsafe(90))


def _assumed_role(access_key: str) -> Any | None:
    for partitions in list(sts_backends.values()):
        for backend in list(partitions.values()):
            if role := backend.get_assumed_role_from_access_key(access_key):
                return role
    return None


def _session_identity(session: RoleSession, access_key: str) -> dict[str, Any]:
    role_id = _role_id(session)
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session.session_name}",
        "arn": session.arn,
        "accountId": session.account,
        "accessKeyId": access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": session.role_arn,
                "accountId": session.account,
                "userName": session.role_name,
            },
            "attributes": {"creationDate": session.created, "mfaAuthenticated": "false"},
        },
    }


def _role_id(session: RoleSession) -> str:
    role = role_of(session)
    return str(role.id) if role is not None else _made_up_id("AROA", session.role_arn)


def _user_identity(call: ApiCall) -> dict[str, Any]:
    account, partition = account_of(call), get_partition(call.region)
    user = iam_backends[account][partition].get_user_from_access_key_id(call.access_key)
    arn = user.arn if user is not None else f"arn:{partition}:iam::{account}:user/{OPERATOR}"
    return {
        "type": "IAMUser",
        "principalId": user.id if user is not None else _made_up_id("AIDA", arn),
        "arn": arn,
        "accountId": account,
        "accessKeyId": call.access_key,
        "userName": user.name if user is not None else OPERATOR,
    }


def _made_up_id(prefix: str, arn: str) -> str:
    return prefix + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()
