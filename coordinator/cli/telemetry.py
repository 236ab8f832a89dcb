"""Traces, metrics and logs as the environment asks for them, for one command.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or its forms for traces and metrics) sends traces and
metrics there, by OTLP over HTTP; ``COORDINATOR_LOG`` names a file for logs. Without
them nothing is imported. Nothing of either is ever on the screen.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from agents.boundary.log_context import FORMAT, agent, session
from coordinator.errors import ConfigInvalid

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES, _METRICS = (
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
LOG = "COORDINATOR_LOG"
SERVICE = "massgen-coordinator"
SENT_S = 3.0
"""How long the last of it may take to be sent; where nobody listens the exporter would
try for seven seconds."""


@contextmanager
def telemetry() -> Generator[None]:
    """Set up what the environment asks for, until the block is left.

    Raises:
        ConfigInvalid: The log's file cannot be written, or packages are missing.
    """
    with ExitStack() as stack:
        if os.environ.get(LOG):
            stack.enter_context(_logged(os.environ[LOG]))
        if any(os.environ.get(name) for name in (ENDPOINT, _TRACES, _METRICS)):
            stack.enter_context(_exported())
        yield


class _Unbound(logging.Filter):
    """Binds what other libraries log as well, so that one format fits all."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "session"):
            record.session, record.agent = session.get(), agent.get()
        return True


@contextmanager
def _logged(path: str) -> Generator[None]:
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigInvalid(
            f"{LOG}={path}: {error.strerror}; name a file that can be written"
        ) from error
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(_Unbound())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


@contextmanager
def _exported() -> Generator[None]:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield
        return
    if find_spec("opentelemetry") is None or not _has_exporter():
        raise ConfigInvalid(
            f"{ENDPOINT} is set, and traces need some packages; pip install "
            "'massgen-coordinator[otel]', or unset it"
        )
    from opentelemetry import metrics, trace  # noqa: PLC0415  (0.3 s, where asked for)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    # It tells of servers that do not answer, for ever; the log has it, the screen not.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    resource = Resource.create({"service.name": name})
    endings: list[Callable[[], object]] = []
    if os.environ.get(ENDPOINT) or os.environ.get(_TRACES):
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
        endings.append(provider.shutdown)
    if os.environ.get(ENDPOINT) or os.environ.get(_METRICS):
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = MeterProvider([reader], resource=resource)
        metrics.set_meter_provider(meters)
        endings.append(meters.shutdown)
    try:
        yield
    finally:
        threads = [threading.Thread(target=end, daemon=True) for end in endings]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SENT_S)


def _has_exporter() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # its parent
        return False
