"""The one endpoint: every AWS call passes a chain of layers and ends in moto.

The gateway reads a request once into an `ApiCall`. Each layer may answer it, refuse it with an
`ApiError`, or let it proceed and look at the response. The chain's order is the server's.
"""

from __future__ import annotations

import io
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from localaws.rest_operations import SERVICES as REST_SERVICES
from localaws.rest_operations import rest_operation

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from localaws.clock import Clock

INTERNAL_KEY_PREFIX = "ASIALOCAL"
"""How the access keys begin that this program gives to its own functions and executions.

Their callers are units of work already; every other call counts as a unit while it is handled.
"""

SERVICES_KEY = f"{INTERNAL_KEY_PREFIX}SERVICES000"
"""The access key with which this program itself calls, in place of AWS's own services."""

_LOG = logging.getLogger(__name__)

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_LAMBDA_INVOKE = re.compile(r"^/2015-03-31/functions/[^/]+/invocations$")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of an AWS API.

    Parameters
    ----------
    service : str
        The signing name, such as `organizations`, `states` or `lambda`.
    operation : str
        The API's name of the operation, such as `DetachPolicy`; empty for services whose paths this
        program does not read, such as S3.
    region : str
        The region that the request was signed for.
    access_key : str
        The access key id that signed the request; empty if nobody did.
    parameters : mapping
        The JSON body, or the flat form of the query protocol.
    environ : dict
        The WSGI environment, for headers, path and address.
    body : bytes
        The body as it came.
    """

    service: str
    operation: str
    region: str
    access_key: str
    parameters: Mapping[str, Any]
    environ: WSGIEnvironment = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_internal(self) -> bool:
        """Whether one of the embedded AWS's own functions or executions is calling."""
        return self.access_key.startswith(INTERNAL_KEY_PREFIX)

    def with_parameters(self, parameters: Mapping[str, Any]) -> ApiCall:
        """Return the same call of a JSON protocol with other parameters."""
        return replace(self, parameters=parameters, body=json.dumps(parameters).encode())


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What a call is answered with."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status < 400  # noqa: PLR2004 - where HTTP's errors begin

    def json(self) -> Any:
        """Return the body of a JSON protocol, parsed."""
        return json.loads(self.body or b"{}")

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **headers: str) -> ApiResponse:
        """Return a response of a JSON protocol."""
        content = ("Content-Type", "application/x-amz-json-1.1")
        request = ("x-amzn-RequestId", str(uuid.uuid4()))
        named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
        return cls(status, (content, request, *named), json.dumps(value).encode())

    @classmethod
    def of_xml(cls, text: str, status: int = 200) -> ApiResponse:
        """Return a response of the query protocol."""
        return cls(status, (("Content-Type", "text/xml"),), text.encode())


class ApiError(Exception):
    """Refuse a call with an error of the service, in the form of the service's protocol.

    Parameters
    ----------
    code : str
        The error code, such as `TooManyRequestsException`.
    message : str
        The text of the error.
    status : int
        The HTTP status; AWS's client errors are 400.
    **members
        Further members of the error's shape, such as `Reason`.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members

    def response_to(self, call: ApiCall) -> ApiResponse:
        """Return the error as the response to `call`."""
        request_id = str(uuid.uuid4())
        if call.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            kind = "Sender" if self.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's own border
            return ApiResponse.of_xml(
                f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(self.code)}</Code>"
                f"<Message>{escape(self.message)}</Message></Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>",
                self.status,
            )
        body = {"__type": self.code, "message": self.message, **self.members}
        return ApiResponse.of_json(body, self.status, x_amzn_ErrorType=self.code, x_amzn_RequestId=request_id)


Proceed = Callable[[ApiCall], ApiResponse]


class Layer(Protocol):
    """One thing that the embedded AWS adds to moto."""

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer `call`, raise an `ApiError`, or return what `proceed` returns."""


class Gateway:
    """The WSGI application: layers in front of moto.

    Parameters
    ----------
    layers : iterable of Layer
        The layers, outermost first.
    clock : Clock
        Whose units of work the calls from outside are.
    """

    def __init__(self, layers: Iterable[Layer], clock: Clock) -> None:
        self._clock = clock
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._answer: Proceed = self._ask_moto
        for layer in reversed(list(layers)):
            self._answer = _wrap(self._answer, layer)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        call = read_call(environ)
        if call.is_internal:
            response = self.answer(call)
        else:
            with self._clock.working():
                response = self.answer(call)
        length = ("Content-Length", str(len(response.body)))
        others = [pair for pair in response.headers if pair[0].lower() not in {"content-length", "date"}]
        start(f"{response.status} ", [*others, length])
        return [response.body]

    def answer(self, call: ApiCall) -> ApiResponse:
        """Pass a call through all layers and return its response, errors included."""
        try:
            return self._answer(call)
        except ApiError as error:
            return error.response_to(call)
        except Exception as error:  # noqa: BLE001 - a caller gets an answer whatever breaks
            _LOG.exception("%s %s broke the embedded AWS", call.service, call.operation)
            return ApiError("InternalFailure", repr(error), status=500).response_to(call)

    def _ask_moto(self, call: ApiCall) -> ApiResponse:
        environ = {
            **call.environ,
            "wsgi.input": io.BytesIO(call.body),
            "CONTENT_LENGTH": str(len(call.body)),
        }
        chunks, status, headers = run_wsgi_app(self._moto, environ)
        return ApiResponse(int(status.split()[0]), tuple(headers), b"".join(chunks))


def _wrap(proceed: Proceed, layer: Layer) -> Proceed:
    def answer(call: ApiCall) -> ApiResponse:
        try:
            return layer(call, proceed)
        except ApiError as error:
            return error.response_to(call)

    return answer


def read_call(environ: WSGIEnvironment) -> ApiCall:
    """Read an HTTP request into a call.

    Parameters
    ----------
    environ : dict
        The WSGI environment; its body is consumed.

    Returns
    -------
    ApiCall
        The call; service and operation are empty if the request does not tell them.
    """
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, service = credential.groups() if credential else ("", "us-east-1", "")
    operation, parameters = _read_operation(service, environ, body)
    return ApiCall(service, operation, region, access_key, parameters, environ, body)


def _read_operation(service: str, environ: WSGIEnvironment, body: bytes) -> tuple[str, dict[str, Any]]:
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        parameters = json.loads(body or b"{}")
        return target.rpartition(".")[2], parameters if isinstance(parameters, dict) else {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return form.get("Action", ""), form
    if _LAMBDA_INVOKE.match(environ.get("PATH_INFO", "")):
        return "Invoke", {}
    if service in REST_SERVICES:
        return rest_operation(service, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")), {}
    return "", {}
