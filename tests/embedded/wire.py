"""Call a gateway with boto3, without a socket between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from werkzeug.test import EnvironBuilder, run_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.gateway import Gateway


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content

    def read(self, _amount: int | None = None) -> bytes:
        content, self._content = self._content, b""
        return content


def connect(
    gateway: Gateway,
    service: str,
    access_key: str = "AKIAIOSFODNN7EXAMPLE",
    region: str = "us-east-1",
) -> Any:
    """Return a boto3 client whose requests `gateway` answers, with one attempt for each call."""
    client = boto3.client(  # type: ignore[call-overload]
        service,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )

    def send(request: Any, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        body = request.body.encode() if isinstance(request.body, str) else request.body
        builder = EnvironBuilder(request.url, method=request.method, headers=headers, data=body)
        chunks, status, answered = run_wsgi_app(gateway, builder.get_environ())
        raw: Any = _Body(b"".join(chunks))
        fields: Any = dict(answered)
        return AWSResponse(request.url, int(status.split()[0]), fields, raw)

    client.meta.events.register("before-send", send)
    return client
