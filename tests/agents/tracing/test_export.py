"""Traces and metrics by OTLP to a receiver of our own; logs bound, off the screen."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents import Agent
from agents.backends.function import FunctionBackend
from agents.boundary.log_context import FORMAT
from coordinator import Team, run

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and decodes it by the protocol's own definition."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.metrics: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        import gzip  # noqa: PLC0415  (for what is compressed)

        from opentelemetry.proto.collector.metrics.v1 import (  # noqa: PLC0415
            metrics_service_pb2 as metrics,
        )
        from opentelemetry.proto.collector.trace.v1 import (  # noqa: PLC0415
            trace_service_pb2 as trace,
        )

        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        collector: Any = self.server
        if self.path == "/v1/traces":
            request: Any = trace.ExportTraceServiceRequest.FromString(body)  # type: ignore[attr-defined]  (made at run time)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    collector.spans += scope.spans
        else:
            told: Any = metrics.ExportMetricsServiceRequest.FromString(body)  # type: ignore[attr-defined]  (made at run time)
            for resource in told.resource_metrics:
                for scope in resource.scope_metrics:
                    collector.metrics |= {metric.name for metric in scope.metrics}
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its own name)
        """Nothing: standard error is the tests'."""


@pytest.fixture
def collector() -> Generator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def command(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coordinator", "run", "Is it so?", "--emulate"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.real_time
@pytest.mark.needs("opentelemetry")
def test_a_command_sends_its_traces_and_metrics_where_the_environment_says(
    collector: Collector,
) -> None:
    done = command(OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)
    names = [span.name for span in collector.spans]
    assert names.count("invoke_workflow slate") == 1 or any(
        name.startswith("invoke_workflow ") for name in names
    )
    assert any(name.startswith("chat claude-") for name in names)
    ids = {span.span_id for span in collector.spans}
    orphans = [x.name for x in collector.spans if x.parent_span_id not in ids]
    assert len(orphans) == 1  # the session's own
    assert len({span.trace_id for span in collector.spans}) == 1
    assert {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"} <= (
        collector.metrics
    )
    assert "opentelemetry" not in done.stdout + done.stderr


@pytest.mark.real_time
@pytest.mark.needs("opentelemetry")
def test_a_collector_that_is_not_there_says_nothing_and_holds_nothing_up() -> None:
    done = command(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert "Error" not in done.stderr
    assert "127.0.0.1:9" not in done.stderr + done.stdout


@pytest.mark.real_time
def test_logs_go_to_the_file_that_the_environment_names(tmp_path: Path) -> None:
    path = tmp_path / "log"
    command(COORDINATOR_LOG=str(path))
    assert path.is_file()


async def test_log_records_say_of_which_session_and_agent_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def breaks(_messages: Any, _tools: Any) -> str:
        raise KeyError("choices")

    ada = Agent(id="ada", backend=FunctionBackend(breaks))
    with caplog.at_level(logging.WARNING, "agents"):
        result = await run("Is it so?", Team(agents=(ada,)))
    (record,) = (each for each in caplog.records if "choices" in each.getMessage())
    told = logging.Formatter(FORMAT).format(record)
    assert f"[{result.session} ada]" in told


@pytest.mark.real_time
def test_what_is_logged_is_not_on_the_screen() -> None:
    code = (
        "import logging, agents.boundary.guard as g;"
        "g.log_error('it', ValueError('seen by nobody'))"
    )
    done = subprocess.run(  # noqa: S603  (ours)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
