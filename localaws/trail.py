"""CloudTrail's events for the calls that change something, as EventBridge delivers them.

Sources: "CloudTrail record contents" in the AWS CloudTrail user guide, and real records that people
published; which calls are told, and what of them, says `trailed_services`.
A failed call is an event like any other, with `errorCode` and `errorMessage`; reads are not delivered.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from localaws.calls import error_of
from localaws.gateway import SERVICES_KEY
from localaws.identities import account_of
from localaws.trailed_services import OMITTED, TRAILED, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.calls import CallError
    from localaws.clock import Clock
    from localaws.gateway import ApiCall, ApiResponse, Proceed
    from localaws.identities import Identities
    from localaws.trailed_services import TrailedService

    Event = dict[str, Any]

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_LONGEST_PARAMETERS = 100 * 1024
_LONGEST_ERROR_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that was recorded.

    Parameters
    ----------
    at : float
        Its event time, in whole seconds since 1970-01-01 UTC.
    detail : dict
        CloudTrail's record.
    """

    at: float
    detail: Event


class Trail:
    """A layer that records every call that changes something, and tells an event bus of it.

    Parameters
    ----------
    clock : Clock
        Tells the time of a call.
    identities : Identities
        Tells who called.
    sink : callable
        Takes each event: the whole envelope, a new dict each time.

    Attributes
    ----------
    lookup_lag : float
        Seconds until LookupEvents shows a new event. CloudTrail delivers events to its history minutes
        after the call, without a bound (source: "CloudTrail concepts" in the user guide).
    """

    def __init__(self, clock: Clock, identities: Identities, sink: Callable[[Event], None]) -> None:
        self.lookup_lag = 0.0
        self._clock = clock
        self._identities = identities
        self._sink = sink
        self._recorded: list[Recorded] = []

    def recorded(self) -> list[Recorded]:
        """Return what has been recorded, in order."""
        return list(self._recorded)

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed, then record it.

        What this program itself does, to deploy a template or to deliver an event, is not recorded: on AWS
        CloudFormation and EventBridge are named as the callers, with roles that nobody has here.
        """
        service = TRAILED.get(call.service)
        if service is None or service.event_name(call.operation) is None or call.access_key == SERVICES_KEY:
            return proceed(call)
        at = self._clock.now()
        identity = self._identities.user_identity(call)
        response = proceed(call)
        detail = _record(service, call, response, identity, _timestamp(at))
        self._tell(service, "AWS API Call via CloudTrail", detail)
        for detail in _service_records(service, call, response, self._clock.now()):
            self._tell(service, "AWS Service Event via CloudTrail", detail)
        return response

    def _tell(self, service: TrailedService, detail_type: str, detail: Event) -> None:
        at = datetime.strptime(detail["eventTime"], _TIME_FORMAT).replace(tzinfo=UTC)
        self._recorded.append(Recorded(at.timestamp(), detail))
        self._sink(_envelope(service, detail_type, detail))


def _timestamp(at: datetime) -> str:
    return at.strftime(_TIME_FORMAT)


def _envelope(service: TrailedService, detail_type: str, detail: Event) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": service.source,
        "account": detail["recipientAccountId"],
        "time": detail["eventTime"],
        "region": detail["awsRegion"],
        "resources": [],
        "detail": detail,
    }


def _record(service: TrailedService, call: ApiCall, response: ApiResponse, identity: Event, at: str) -> Event:
    region = service.region or call.region
    error = error_of(response)
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": at,
        "eventSource": service.event_source,
        "eventName": service.event_name(call.operation),
        "awsRegion": region,
        "sourceIPAddress": call.environ.get("REMOTE_ADDR") or "127.0.0.1",
        "userAgent": call.environ.get("HTTP_USER_AGENT", ""),
        **(_error_members(error) if error else {}),
        **_request_parameters(service, call),
        "responseElements": None if error else _response_elements(service, call, response),
        "requestID": _request_id(response),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account_of(call),
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": service.event_source.replace(".", f".{region}.", 1),
        },
    }


def _request_id(response: ApiResponse) -> str:
    named = (value for name, value in response.headers if name.lower() == "x-amzn-requestid")
    return next(named, "") or str(uuid.uuid4())


def _error_members(error: CallError) -> Event:
    # IAM's refusal has another name in CloudTrail than in the service's model (published records).
    code = "AccessDenied" if error.code == "AccessDeniedException" else error.code
    return {"errorCode": code, "errorMessage": error.message[:_LONGEST_ERROR_MESSAGE]}


def _request_parameters(service: TrailedService, call: ApiCall) -> Event:
    parameters = _concealed(service, call.operation, _lower_first(parameters_of(call)))
    if len(json.dumps(parameters)) > _LONGEST_PARAMETERS:
        return {}
    return {"requestParameters": parameters or None}


def _response_elements(service: TrailedService, call: ApiCall, response: ApiResponse) -> Event | None:
    if not response.body.startswith(b"{"):
        # Nothing of an XML answer: those of the calls that are told have nothing but a request id.
        return None
    return _concealed(service, call.operation, _lower_first(response.json())) or None


def _lower_first(value: Any) -> Any:
    """Return a JSON value with members named as CloudTrail does: PolicyId becomes policyId."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _lower_first(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_lower_first(member) for member in value]
    return value


def _concealed(service: TrailedService, operation: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    shown = {
        name: service.concealed.get(f"{operation}.{name}", _concealed(service, operation, member))
        for name, member in value.items()
    }
    return {
        name: member
        for name, member in shown.items()
        if service.concealed.get(f"{operation}.{name}") is not OMITTED
    }


def _service_records(
    service: TrailedService, call: ApiCall, response: ApiResponse, now: datetime
) -> Iterator[Event]:
    """Yield the events that Organizations itself causes when accounts come and go.

    CreateAccountResult is documented with its members; of AccountJoinedOrganization and
    AccountDepartedOrganization botocore's model names the methods and times, and the rest is inferred.
    """
    if call.service != "organizations" or not response.ok:
        return
    at = _timestamp(now)
    if call.operation == "CreateAccount":
        status = _concealed(service, call.operation, _lower_first(response.json()))
        joined = {"accountId": status["createAccountStatus"]["accountId"], "joinedMethod": "CREATED"}
        yield _service_record(service, call, "CreateAccountResult", status, at)
        yield _service_record(service, call, "AccountJoinedOrganization", {**joined, "joinedTime": at}, at)
    if call.operation == "RemoveAccountFromOrganization":
        departed = {"accountId": call.parameters["AccountId"], "departureMethod": "REMOVED"}
        details = {**departed, "departureTime": at}
        yield _service_record(service, call, "AccountDepartedOrganization", details, at)


def _service_record(service: TrailedService, call: ApiCall, name: str, details: Event, at: str) -> Event:
    return {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": account_of(call), "invokedBy": "AWS Internal"},
        "eventTime": at,
        "eventSource": service.event_source,
        "eventName": name,
        "awsRegion": service.region or call.region,
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account_of(call),
        "serviceEventDetails": details,
        "eventCategory": "Management",
    }
