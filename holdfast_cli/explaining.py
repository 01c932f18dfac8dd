"""What went wrong, and what to do next: the one place where a command's errors become words."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from holdfast.calling import THROTTLED
from holdfast.errors import BaselineError, HoldfastError, OrganizationsError, ServiceError

EXPLAINED = (BotoCoreError, ClientError, HoldfastError, OSError)
"""The errors that a command may end with; any other is a fault of its own."""

_SIGN_IN = "sign in (aws sso login), or name a profile that has credentials (--profile), and try again."
_NEXT_OF_ERROR: Mapping[type[BaseException], str] = {
    **dict.fromkeys(
        (
            CredentialRetrievalError,
            NoCredentialsError,
            PartialCredentialsError,
            SSOError,
            TokenRetrievalError,
        ),
        _SIGN_IN,
    ),
    ProfileNotFound: "choose one of those that `aws configure list-profiles` shows.",
    EndpointConnectionError: "check the address and the network; `make local` starts an embedded AWS.",
    BaselineError: "correct it, and let `holdfast validate` check it.",
}
# Source of the codes: "Common errors" of the API references, and botocore's Organizations model.
_NEXT_OF_CODE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException"),
        "use credentials of the management account or of a delegated administrator that may make this call.",
    ),
    **dict.fromkeys(
        THROTTLED, "try again later; somebody else uses up the request rate, and CloudTrail says who."
    ),
    "AWSOrganizationsNotInUseException": "use credentials of the management account (--profile).",
    "PolicyNotFoundException": "look the id up; `aws organizations list-policies` shows all that there are.",
}


def explain(error: BaseException) -> str:
    """Return an error in words, with what to do next where that is known.

    Parameters
    ----------
    error : BaseException
        One of `EXPLAINED`.
    """
    text = str(error) or type(error).__name__
    sentence = text if text.endswith((".", "!", "?")) else f"{text}."
    following = _next_of(error)
    return f"{sentence} Next: {following}" if following else sentence


def _next_of(error: BaseException) -> str | None:
    for kind, following in _NEXT_OF_ERROR.items():
        if isinstance(error, kind):
            return following
    return _NEXT_OF_CODE.get(_code_of(error))


def _code_of(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"].get("Code", "")
    return error.code if isinstance(error, OrganizationsError | ServiceError) else ""
