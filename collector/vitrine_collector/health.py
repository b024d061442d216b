"""The collector's own page: alive, ready, and its numbers for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from vitrine.errors import ConfigurationError
from vitrine_collector.metrics import Readings
from vitrine_collector.service import Collector

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_message(self, *_: object) -> None:
        """Leave it."""


def lacking(collector: Collector) -> dict[str, str]:
    """Return what keeps the collector from writing what comes, in English; nothing while it is ready."""
    found = {"collector": collector.failure} if collector.failure else {}
    if not collector.host.online.is_set():
        found["broker"] = "there is no session with the broker"
    if not collector.reachable:
        found["database"] = "the database does not answer"
    return found


def application(collector: Collector) -> WSGIApplication:
    """Answer ``/health/live``, ``/health/ready``, and every other path with the numbers."""
    registry = CollectorRegistry()
    registry.register(Readings(collector))
    numbers = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/health/live":
            return _told({"collector": collector.failure} if collector.failure else {}, start_response)
        if path == "/health/ready":
            return _told(lacking(collector), start_response)
        return numbers(environ, start_response)  # type: ignore[no-any-return]  # prometheus_client does not say

    return answer


def serve_health(collector: Collector, port: int) -> int:
    """Serve it on a port of this machine, 0 for any, and return which; ConfigurationError where the port is taken."""
    try:
        server = make_server("127.0.0.1", port, application(collector), ThreadingWSGIServer, handler_class=_Quiet)
    except OSError as error:
        raise ConfigurationError(
            f"the port {port} for metrics cannot be used: {error.strerror}", hint="Name another with --metrics-port."
        ) from error
    threading.Thread(target=server.serve_forever, name="collector-health", daemon=True).start()
    return int(server.server_port)


def _told(lacks: dict[str, str], start_response: StartResponse) -> list[bytes]:
    body = json.dumps({"status": "failing" if lacks else "ok", "lacks": lacks}).encode()
    status = "503 Service Unavailable" if lacks else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
