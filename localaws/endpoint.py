"""The HTTP side of the one endpoint: a threaded server that keeps connections open."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from localaws.clock import Clock

_BACKLOG = 128
_SHUTDOWN_POLL_SECONDS = 0.05


class EndpointError(Exception):
    """Say in one line why the endpoint cannot be opened."""


class Endpoint:
    """A port of this machine, and the server that answers there.

    Parameters
    ----------
    clock : Clock
        What the `Date` of an answer is taken from.
    host : str
        The address to listen on.
    port : int
        The port; 0 takes any free one.

    Raises
    ------
    EndpointError
        If the port is in use or the address cannot be had.
    """

    def __init__(self, clock: Clock, host: str, port: int) -> None:
        self._clock = clock
        self._host = host
        self._listening = _listen(host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.url = f"http://{host}:{self._listening.getsockname()[1]}"

    def serve(self, application: WSGIApplication) -> None:
        """Let an application answer from now on; requests that came before have waited."""
        self._server = _Server(application, self._clock, self._host, self._listening)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), name="endpoint", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and cut the connections that are open."""
        self._listening.close()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.cut_connections()


def _listen(host: str, port: int) -> socket.socket:
    # The server is given an open socket, because on a busy port it would end the whole program.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise EndpointError(f"port {port} of {host} is in use") from error
        raise EndpointError(f"cannot listen on port {port} of {host}: {error.strerror}") from error
    return listening


class _Server(ThreadedWSGIServer):
    def __init__(
        self, application: WSGIApplication, clock: Clock, host: str, listening: socket.socket
    ) -> None:
        port = listening.getsockname()[1]
        super().__init__(host, port, application, _Handler, fd=listening.fileno())
        self.clock = clock
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a caller that hangs up, such as a killed function, is no error of the server."""

    def cut_connections(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def run_wsgi(self) -> None:
        """Answer one request and keep the connection.

        werkzeug's own method closes it, because it must read away what an application left unread; the
        gateway reads every body to its end.
        """
        self.environ = self.make_environ()
        chunks, status, headers = run_wsgi_app(self.server.app, self.environ)
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"".join(chunks))

    def date_time_string(self, timestamp: float | None = None) -> str:
        now = self.server.clock.timestamp() if timestamp is None else timestamp
        return formatdate(now, usegmt=True)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the call log is the embedded AWS's own."""
