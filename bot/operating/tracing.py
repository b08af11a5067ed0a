"""Traces of the journey's steps for whoever runs a collector. Only this module loads OpenTelemetry.

Attributes are ids, counts and the kind of an error; never a text.
"""

import time
from collections.abc import Callable
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import StatusCode

from bot import __version__
from bot.watch import Ids

PREFIX: Final = "handreiking."


class Traces:
    """Hands each piece of work that is over to OpenTelemetry, which sends them in batches from a thread of its own."""

    def __init__(self, provider: TracerProvider, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._provider, self._now_ns = provider, now_ns
        self._tracer = provider.get_tracer("handreiking", __version__)

    def __call__(self, name: str, seconds: float, ids: Ids, error: str | None) -> None:
        end = self._now_ns()
        attributes = {
            PREFIX + key: list(map(str, value)) if isinstance(value, tuple) else value for key, value in ids.items()
        }
        span = self._tracer.start_span(name, start_time=end - int(seconds * 1e9), attributes=attributes)
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._provider.shutdown()


def to(endpoint: str | None, *, role: str, owner: str) -> Traces:
    """Traces to a collector; `endpoint` None: where the OTEL_… variables say."""
    resource = Resource.create(
        {
            "service.name": "handreiking",
            "service.version": __version__,
            "service.instance.id": owner,
            "handreiking.role": role,
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    url = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return Traces(provider)
