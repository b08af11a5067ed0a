"""What `run` is watched by: metrics, alarms, traces, as the settings say."""

import os
from typing import TYPE_CHECKING

from pydantic import AnyHttpUrl, Secret

from bot.cli.parts import Parts, opened
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.operating import Lookout


def lookout(whole: Parts, *, role: str, owner: str) -> "Lookout":
    """Who looks at this process; traces are switched on when somebody takes them. Raises SettingsError."""
    from bot.operating import Lookout
    from bot.operating.systemd import Manager

    settings = whole.settings
    endpoint = None if settings.otlp_endpoint is None else str(settings.otlp_endpoint)
    if endpoint is not None or os.environ.keys() & {
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    }:
        try:
            from bot.operating import tracing
        except ImportError:
            mend = "traces need OpenTelemetry: `pip install 'handreiking[tracing]'`"
            raise SettingsError([f"HANDREIKING_OTLP_ENDPOINT: {mend}"]) from None
        traces = tracing.to(endpoint, role=role, owner=owner)
        whole.journey.watch.spans = traces
        opened.callback(traces.close)
    return Lookout(
        journey=whole.journey,
        engine=whole.engine,
        role=role,
        owner=owner,
        host=settings.metrics_host,
        port=settings.metrics_port,
        ping_url=_text(settings.ping_url),
        alarm_url=_text(settings.alarm_url),
        # Whoever we start ourselves is not the one that the manager waits for.
        manager=Manager(os.environ.pop("NOTIFY_SOCKET", None)),
    )


def _text(url: Secret[AnyHttpUrl] | None) -> str | None:
    return None if url is None else str(url.get_secret_value())
