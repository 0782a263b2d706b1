"""Promise: 10,000 projects are up in 10 s and 600 MB, and one core answers 500 simple REST requests a second.

Prints a calibration line first (a bare HTTP server of the standard library on the same machine), so that figures of
two machines can be compared. The rate of one core is requests by processor time of the server, so that a busy machine
does not change it. `--projects N` and `--requests N` shorten it; exit code 1 if a promise is broken.
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

START_SECONDS = 10.0
MEMORY_MIB = 600.0
REQUESTS_PER_SECOND = 500.0

SIMPLE = {
    "one project": "/api/v4/projects/{}",
    "variables of a project": "/api/v4/projects/{}/variables",
    "tags never read before": "/api/v4/projects/{}/repository/tags",
    "tags read before": "/api/v4/projects/{}/repository/tags",
    "protected tags": "/api/v4/projects/{}/protected_tags",
    "one user": "/api/v4/user",
}
HEAVY = {
    "a page of 100 projects": "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&per_page=100&id_after={}",
    "an idle poll": "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&last_activity_after=2099-01-01T00:00:00Z",
    "the newest events": "/api/v4/events?scope=all",
}


def calibrate(requests: int) -> float:
    """Requests per second of the standard library's server: what the machine gives to a program that does nothing."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: head and body apart would wait for each other's acknowledgement

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        return rate(f"http://127.0.0.1:{server.server_port}", "", lambda _: "/", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rate(url: str, token: str, path: Callable[[int], str], requests: int) -> float:
    """Requests per second of one client on one connection. Raises: RuntimeError for an answer other than 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    started = time.perf_counter()
    for number in range(requests):
        connection.request("GET", path(number), headers={"PRIVATE-TOKEN": token})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path(number)} answered {answer.status}")
    elapsed = time.perf_counter() - started
    connection.close()
    return requests / elapsed


def memory(pid: int) -> float:
    """Resident memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(pid: int) -> float:
    """Processor time a process and its threads have used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure; 0 when every promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=1000)
    asked = parser.parse_args()
    print(f"calibration: http.server answers {calibrate(asked.requests):,.0f} requests/s")
    command = [sys.executable, "-m", "bot", "sandbox", "--projects", str(asked.projects), "--seed", "1"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--format", "json"], stdout=subprocess.PIPE, text=True)
    broken = []
    try:
        assert process.stdout is not None
        state = json.loads(process.stdout.readline())
        seconds = time.perf_counter() - started
        print(f"{asked.projects:,} projects up in {seconds:.1f} s (at most {START_SECONDS:.0f})")
        if seconds > START_SECONDS:
            broken.append("start")
        token = next(one["token"] for one in state["tokens"] if one["name"] == "ropewalk")
        for name, template in (SIMPLE | HEAVY).items():

            def path(number: int, template: str = template) -> str:
                return template.format(1 + number % asked.projects)

            requests = asked.requests if name in SIMPLE else max(1, asked.requests // 20)
            before = processor_seconds(process.pid)
            seen = rate(state["url"], token, path, requests)
            got = requests / max(processor_seconds(process.pid) - before, 0.01)
            promise = f" (at least {REQUESTS_PER_SECOND:.0f})" if name in SIMPLE else ""
            print(f"{name}: {got:,.0f} requests/s of one core{promise}, {seen:,.0f}/s seen by one client")
            if name in SIMPLE and got < REQUESTS_PER_SECOND:
                broken.append(name)
        used = memory(process.pid)
        print(f"resident memory: {used:.0f} MiB (at most {MEMORY_MIB:.0f})")
        if used > MEMORY_MIB:
            broken.append("memory")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    print(f"broken: {', '.join(broken)}" if broken else "every promise holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
