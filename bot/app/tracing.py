"""Traces, where the configuration wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bot as package
from bot.domain.errors import ConfigError
from bot.domain.secrets import Redactor
from bot.settings.model import TelemetrySettings

if TYPE_CHECKING:
    from bot.adapters.telemetry.otlp import Traces


def open_traces(settings: TelemetrySettings, redactor: Redactor) -> Traces:
    """What sends traces. Raises: ConfigError without the packages that make them."""
    try:
        from bot.adapters.telemetry.otlp import Collector, Traces
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        what = "traces need packages that are not installed"
        remedy = "Install `ropewalk[otel]`, or leave `telemetry` out"
        raise ConfigError(what=what, where="telemetry.otlp_endpoint", remedy=remedy) from None
    collector = Collector(
        url=settings.otlp_endpoint,
        token=settings.token,
        ca_file=None if settings.ca_file is None else str(settings.ca_file),
        proxy=settings.proxy,
    )
    return Traces(collector, sample=settings.sample, version=package.__version__, redact=redactor.redact)
