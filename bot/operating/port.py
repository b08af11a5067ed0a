"""The operators' port: `/metrics`, `/health/live`, `/health/ready`.

It answers from a thread of its own, so that it can still say that the event loop stands still.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from bot.errors import InTheWayError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: A caller who says nothing is let go after so many seconds.
PATIENCE_S: Final = 10

Health = Callable[[], str | None]


def application(figures: CollectorRegistry, *, live: Health, ready: Health) -> "WSGIApplication":
    """`live` and `ready` say in a sentence what is wrong, or None."""
    metrics: WSGIApplication = make_wsgi_app(figures)

    def answer(environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environment["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _say(start, HTTPStatus.METHOD_NOT_ALLOWED, {"status": "only GET"})
        match environment["PATH_INFO"]:
            case "/metrics":
                return metrics(environment, start)
            case "/health/live":
                return _health(start, "live", live())
            case "/health/ready":
                return _health(start, "ready", ready())
            case _:
                return _say(start, HTTPStatus.NOT_FOUND, {"status": "/metrics, /health/live, /health/ready"})

    return answer


def _health(start: "StartResponse", name: str, missing: str | None) -> Iterable[bytes]:
    if missing is None:
        return _say(start, HTTPStatus.OK, {"status": name})
    return _say(start, HTTPStatus.SERVICE_UNAVAILABLE, {"status": f"not {name}", "detail": missing})


def _say(start: "StartResponse", status: HTTPStatus, told: dict[str, str]) -> Iterable[bytes]:
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(f"{status.value} {status.phrase}", headers)
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # The one of HTTPServer asks a name server who we are, which may take many seconds.
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up is no news."""


class _Quiet(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Who scrapes, and how often, is not logged."""


@contextmanager
def serving(application: "WSGIApplication", host: str, port: int) -> Iterator[int]:
    """Serve until the block ends; gives the port. Raises InTheWayError when it cannot be had."""

    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        server = Server((host, port), _Quiet)
    except OSError as error:
        mend = "Choose another HANDREIKING_METRICS_PORT."
        raise InTheWayError(f"port {port} on {host} cannot be used: {error.strerror}. {mend}") from None
    server.set_app(application)
    thread = Thread(target=server.serve_forever, name="operators' port", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
