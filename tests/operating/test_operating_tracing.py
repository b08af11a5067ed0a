"""Traces: a collector of the tests' own takes them over OTLP/HTTP and reads what they hold."""

import gzip
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bot.cli import watching
from bot.cli.parts import Parts
from bot.operating import tracing
from bot.settings import Settings, write_keys
from bot.watch import Watch
from tests.test_end_to_end import ANNA, TOKEN

ROOT = Path(__file__).parents[2]


@pytest.fixture
def collector():
    """Gives its URL and what it was handed."""
    taken = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            taken.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Nobody listens."""

    server = HTTPServer(("127.0.0.1", 0), Take)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    server.server_close()
    thread.join()


def read(taken):
    """(name, attributes, seconds, in error) of every span."""

    def value(one):
        if one.HasField("array_value"):
            return [value(part) for part in one.array_value.values]
        return getattr(one, one.WhichOneof("value"))

    return [
        (
            span.name,
            {pair.key: value(pair.value) for pair in span.attributes},
            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
            span.status.code == 2,
        )
        for _, request in taken
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


async def test_a_citizens_way_is_traced_with_ids_and_no_words(watched, collector):
    url, taken = collector
    traces = tracing.to(url, role="all", owner="ab12")
    async with watched() as (stage, _):
        stage.journey.watch.spans = traces
        await stage.joins(ANNA, "money")
        await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")
        await stage.press(ANNA, "more")
        await stage.says(ANNA, "card.zorgtoeslag.body")
        stage.journey.learn()
    traces.close()

    spans = read(taken)
    names = {name for name, *_ in spans}
    assert {path for path, _ in taken} == {"/v1/traces"}
    assert {"receive", "plan", "decide", "lease", "depart", "send", "take_in", "hear", "learn"} <= names
    assert "sweep" not in names  # a look that found nothing is not told
    heard = [attributes["handreiking.update_id"] for name, attributes, *_ in spans if name == "hear"]
    assert len(heard) == len(set(heard)) > 3
    sent = {attributes["handreiking.message"] for name, attributes, *_ in spans if name == "send"}
    departed = {int(one) for name, a, *_ in spans if name == "depart" for one in a["handreiking.messages"]}
    assert sent <= departed
    assert all(0 <= seconds < 60 and not failed for _, _, seconds, failed in spans)
    everything = b"".join(request.SerializeToString() for _, request in taken)
    for secret in (str(ANNA), TOKEN, "Test", stage.journey.wording.say("button.more", "nl")):
        assert secret.encode() not in everything
    [resource] = {str(request.resource_spans[0].resource) for _, request in taken}
    assert "handreiking.role" in resource


async def test_what_fails_is_traced_by_its_kind(collector):
    url, taken = collector
    traces = tracing.to(url, role="all", owner="ab12")
    watch = Watch()
    watch.spans = traces
    with pytest.raises(ValueError), watch.during("hear", {"update_id": 7}):
        raise ValueError("mijn geheim")
    traces.close()

    [(name, attributes, _, failed)] = read(taken)
    assert (name, failed) == ("hear", True)
    assert attributes == {"handreiking.update_id": 7, "error.type": "ValueError"}


def test_traces_are_on_when_an_endpoint_is_set_in_either_way_and_off_otherwise(
    monkeypatch, collector, engine, tmp_path, database_url
):
    write_keys(tmp_path / "keys.toml", b"the tests' own finding key, 32 b")

    def whole(**given):
        return Parts(Settings(keys_file=tmp_path / "keys.toml", database_url=database_url, **given))

    off, ours, standard = whole(), whole(otlp_endpoint=collector[0]), whole()
    watching.lookout(off, role="all", owner="x")
    watching.lookout(ours, role="all", owner="x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector[0])
    watching.lookout(standard, role="all", owner="x")
    for one in (ours, standard):
        with one.journey.watch.during("hear", {}):
            pass
        one.journey.watch.spans.close()

    assert off.journey.watch.spans is None
    assert [name for name, *_ in read(collector[1])] == ["hear", "hear"]
    watching.opened.close()


def test_without_an_endpoint_neither_opentelemetrys_sdk_nor_its_exporter_is_loaded():
    # Its bare API comes along with another library.
    program = (
        "import sys; import bot.service, bot.cli.watching, bot.operating.metrics; "
        "print([n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
