from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound

from holdfast.errors import BaselineError, OrganizationsThrottledError
from holdfast_cli.explaining import explain

SIGN_IN = "Next: sign in (aws sso login), or name a profile that has credentials (--profile), and try again."


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "It says why"}}, "ListRoots")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), f"Unable to locate credentials. {SIGN_IN}"),
        (
            refusal("ExpiredTokenException"),
            "An error occurred (ExpiredTokenException) when calling the ListRoots operation: It says why. "
            + SIGN_IN,
        ),
        (
            ProfileNotFound(profile="nope"),
            (
                "The config profile (nope) could not be found. "
                "Next: choose one of those that `aws configure list-profiles` shows."
            ),
        ),
        (
            BaselineError("guardrail[0].policy: got nothing"),
            "guardrail[0].policy: got nothing. Next: correct it, and let `holdfast validate` check it.",
        ),
        (
            OrganizationsThrottledError("ListRoots", "TooManyRequestsException", "Slower!"),
            (
                "ListRoots: TooManyRequestsException: Slower! "
                "Next: try again later; somebody else uses up the request rate, and CloudTrail says who."
            ),
        ),
        (
            refusal("InvalidInputException"),
            "An error occurred (InvalidInputException) when calling the ListRoots operation: It says why.",
        ),
        (OSError(), "OSError."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_told_with_what_to_do_next(error: Exception, words: str) -> None:
    assert explain(error) == words
