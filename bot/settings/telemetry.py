"""`telemetry`: where traces go, if anywhere."""

from __future__ import annotations

from bot.settings.addresses import web_url
from bot.settings.credentials import Credentials, Wanted
from bot.settings.indexes import read_proxy
from bot.settings.model import TelemetrySettings
from bot.settings.reading import Reading, name
from bot.settings.shape import TelemetrySection

TRACES = "/v1/traces"


def read_telemetry(main: Reading, credentials: Credentials) -> TelemetrySettings | None:
    """The section; None where it is missing or wrong."""
    above = ("telemetry",)
    if "telemetry" not in main.tree.data:
        return None
    section = main.section(TelemetrySection, above, main.tree.data["telemetry"])
    if section is None:
        return None
    path = (*above, "otlp_endpoint")
    token = credentials.read(main, Wanted(above=above, stem="token", env=section.token_env, file=section.token_file))
    ca_file = main.file((*above, "ca_file"), section.ca_file) if section.ca_file is not None else None
    proxy = read_proxy(main, above, section.proxy)
    try:
        url, safe = web_url(section.otlp_endpoint)
    except ValueError as error:
        main.problem(path, f"{name(path)} {error}")
        return None
    if url.endswith(TRACES):
        main.problem(path, f"{name(path)} must be the collector's own address", f"Remove `{TRACES}` from its end")
    elif not safe and token is not None:
        main.problem(path, f"{name(path)} is plain http to another machine, and there is a token", "Use https")
    elif not safe:
        main.warn(path, f"{name(path)} is plain http: names of projects and refs cross the network unencrypted.")
    return TelemetrySettings(otlp_endpoint=url, sample=section.sample, token=token, ca_file=ca_file, proxy=proxy)
