import json
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ml.deployment import audit
from ml.settings.scan import AcceptedFinding

TODAY = date(2026, 6, 1)
ADVISORY = {
    "schema_version": "1.6.0",
    "id": "GHSA-0000-aaaa-1111",
    "aliases": ["CVE-2026-0001"],
    "summary": "Planted",
    "affected": [
        {
            "package": {"name": "starlette", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Responds like OSV, with one vulnerability of starlette."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = {"vulns": [ADVISORY]} if asked["package"]["name"] == "starlette" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(known).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    """A vulnerability service for pip-audit."""
    server = HTTPServer(("127.0.0.1", 0), Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/")
    yield
    server.shutdown()
    server.server_close()


def until(day):
    return AcceptedFinding(until=day, reason="only reachable with a header that we drop")


@pytest.mark.slow
def test_a_known_vulnerability_refuses_with_its_names_and_remedy(service):
    result = audit.packages({"starlette": "1.0.0", "fastapi": "0.165.0"}, {}, TODAY)

    assert result.passed is False
    assert "starlette 1.0.0: CVE-2026-0001 = GHSA-0000-aaaa-1111 (fixed in 9.9)" in result.reason
    assert "make locks" in result.reason


@pytest.mark.slow
def test_packages_without_a_known_vulnerability_pass(service):
    result = audit.packages({"fastapi": "0.165.0"}, {}, TODAY)

    assert result.passed is True
    assert result.reason == "no known vulnerability in 1 package"


@pytest.mark.slow
def test_a_service_that_does_not_respond_gives_unknown_and_never_a_pass(monkeypatch):
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://127.0.0.1:9/")

    result = audit.packages({"fastapi": "0.165.0"}, {}, TODAY)

    assert result.passed is None
    assert "cannot be reached" in result.reason


def test_a_package_skipped_by_the_service_is_unknown():
    answered = [
        {"name": "fastapi", "version": "0.165.0", "vulns": []},
        {"name": "uvicorn", "skip_reason": "Dependency not found: uvicorn"},
    ]

    result = audit.judge(answered, {}, TODAY)

    assert result.passed is None
    assert "1 of 2 packages could not be looked up, e.g. Dependency not found: uvicorn" in result.reason


FOUND = [
    {
        "name": "starlette", "version": "1.0.0",
        "vulns": [{"id": "GHSA-0000-aaaa-1111", "aliases": ["CVE-2026-0001"], "fix_versions": []}],
    }
]  # fmt: skip


@pytest.mark.parametrize("name", ["GHSA-0000-aaaa-1111", "CVE-2026-0001"])
def test_an_accepted_vulnerability_passes_by_any_of_its_names_to_the_last_day(name):
    result = audit.judge(FOUND, {name: until(TODAY)}, TODAY)

    assert result.passed is True
    assert "1 accepted" in result.reason


def test_an_expired_acceptance_refuses_with_its_date():
    result = audit.judge(FOUND, {"CVE-2026-0001": until(date(2026, 5, 31))}, TODAY)

    assert result.passed is False
    assert "CVE-2026-0001 was accepted until 2026-05-31" in result.reason


@pytest.mark.parametrize(("ci", "refused"), [("true", True), ("", False)])
def test_an_unknown_result_refuses_only_in_ci(monkeypatch, ci, refused):
    monkeypatch.setenv("CI", ci)

    assert audit.failed([audit.Result("packages", None, "nobody answered")]) is refused
