"""`python -m ml.monitoring.exporter build/monitor.json [PORT]`: the last verdict of monitoring, for Prometheus."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KNOWN = ("stable", "drift", "degraded", "not enough data")


def text(path: Path) -> str:
    """The verdict in the file as gauges, 1 for the current one; empty before the first monitoring."""
    try:
        content, when = path.read_bytes(), path.stat().st_mtime
    except OSError:
        return ""
    found = json.loads(content)["verdict"]
    lines = [f'monitor_verdict{{verdict="{name}"}} {int(name == found)}' for name in KNOWN]
    head = "# HELP monitor_verdict 1 for the last verdict of monitoring\n# TYPE monitor_verdict gauge\n"
    return f"{head}{chr(10).join(lines)}\n# TYPE monitor_time_seconds gauge\nmonitor_time_seconds {when}\n"


def server(path: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server that reads the file for each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = text(path).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write no line, because Prometheus sends four requests a minute."""

    return ThreadingHTTPServer((host, port), Handler)


if __name__ == "__main__":
    where = int(sys.argv[2]) if len(sys.argv) > 2 else 9100  # noqa: PLR2004
    server(Path(sys.argv[1]), "0.0.0.0", where).serve_forever()  # noqa: S104 - inside its container
