"""A local double of the GitHub REST API: it keeps state, speaks HTTP on 127.0.0.1, and fails on demand.

    with Hub("acme/churn", origin=bare_repository) as hub:
        run(env=hub.environment())        # GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN …
        hub.pulls, hub.issues, hub.calls  # the results

Paths work with and without the prefix /api/v3 of GitHub Enterprise Server. `routes.py` and `routes_settings.py`
describe each path.
"""

import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.github.actions import Caches

Record = dict[str, Any]

BOT, APP, PERSON = "ghs_jobtokenoftheworkflow", "ghs_installationtokenofanapp", "ghp_tokenoftheowner"
JOB = "github-actions[bot]"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PRIMARY = "API rate limit exceeded for installation ID 1."


class RefusedError(Exception):
    """An error response."""

    def __init__(self, status: int, message: str, *errors: Record):
        super().__init__(message)
        self.status, self.content = status, {"message": message, **({"errors": [*errors]} if errors else {})}


@dataclass(frozen=True)
class Call:
    """One request and the status of its answer."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    who: str
    status: int

    def __str__(self):
        return f"{self.method} {self.path}"


@dataclass
class Fault:
    """A response that replaces the real one for the next `times` matching calls; `applied`: after the work was done."""

    match: re.Pattern[str]
    status: int
    times: int
    headers: dict[str, str]
    message: str
    applied: bool = False


@dataclass
class Hub:
    """One repository on GitHub. Its state is plain data under `lock`; change it freely between calls."""

    repository: str = "acme/churn"
    origin: Path | None = None  # a bare repository: branches and commits then are the real ones
    actions_may_open_pulls: bool = True  # the repository's setting; an App is not bound by it
    read_only: bool = False  # the token of a pull request from a fork
    permissions: dict[str, str] | None = None  # of the job whose token it is; None: all
    prefix: str = ""  # /api/v3 makes `url` that of an Enterprise Server
    tokens: dict[str, str] = field(default_factory=lambda: {BOT: JOB, APP: "churn-app[bot]", PERSON: "acme"})
    issues: dict[int, Record] = field(default_factory=dict)  # pull requests are issues too, as on GitHub
    comments: dict[int, Record] = field(default_factory=dict)
    labels: dict[str, Record] = field(default_factory=dict)
    statuses: list[Record] = field(default_factory=list)
    checks: dict[int, Record] = field(default_factory=dict)
    runs: dict[int, Record] = field(default_factory=dict)
    workflow_states: dict[str, str] = field(default_factory=dict)  # file to state; else active
    quiet_days: int = 0  # since the newest commit of main; branch mlflow gets one each day
    private: bool = False
    default_branch: str = "main"
    free: bool = False  # the plan of a private repository: no rulesets, no branch protection
    allowed_actions: str = "all"  # or local_only, selected
    selected_actions: Record = field(default_factory=dict)
    has_issues: bool = True
    actions_enabled: bool = True
    environments: dict[str, list[str]] = field(default_factory=dict)  # name to types of its protection rules
    secrets: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    rulesets: dict[int, Record] = field(default_factory=dict)
    artifacts: dict[int, Record] = field(default_factory=dict)  # each with its zip under "content"; "expired" if so
    filtered: set[str] = field(default_factory=set)  # workflows that their path filter keeps from starting
    packages: dict[str, str] = field(default_factory=dict)  # images, by name with the digest of the newest
    attested: dict[str, int] = field(default_factory=dict)  # attestations, by digest
    caches: Caches = field(default_factory=Caches)
    dispatches: list[Record] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    remaining: int = 5000
    faults: list[Fault] = field(default_factory=list)
    hooks: list[tuple[int, bool, Callable[[], None]]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        """The value of GITHUB_API_URL."""
        return f"http://127.0.0.1:{self.server.server_port}{self.prefix}"

    @property
    def pulls(self) -> dict[int, Record]:
        """The pull requests by number."""
        return {number: issue for number, issue in self.issues.items() if "pull_request" in issue}

    def environment(self, token: str = BOT, **more: str) -> dict[str, str]:
        """The variables of a workflow job."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_GRAPHQL_URL": f"{self.url}/graphql",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_TOKEN": token,
            **more,
        }

    def open(self, kind: str = "pulls") -> list[Record]:
        """The open pull requests, or the open issues that are not pull requests."""
        found = self.pulls.values() if kind == "pulls" else [i for i in self.issues.values() if "pull_request" not in i]
        return [item for item in found if item["state"] == "open"]

    def fail(self, match: str, status: int, times: int = 1, *, applied: bool = False, **headers: str) -> None:
        """Answer the next calls whose `METHOD /path` matches with a status; `applied`: the work is done nevertheless.

        Header names use Python's spelling: `retry_after="1"`.
        """
        message = SECONDARY if headers.get("retry_after") else "Server Error" if status >= 500 else "Forbidden"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(re.compile(match), status, times, named, message, applied))

    def finish(self, key: int, conclusion: str = "success") -> list[str]:
        """End a run with a check, named like its workflow, on the commit; returns the events that GitHub emits.

        None if the token of a job started the run.
        """
        run = self.runs[key]
        run |= {"status": "completed", "conclusion": conclusion}
        check = {
            "name": Path(run["path"]).stem,
            "head_sha": run["head_sha"],
            "status": "completed",
            "conclusion": conclusion,
        }
        number = self.number()
        self.checks[number] = check | {"id": number, "event": run["event"]}
        return [] if run["actor"]["login"] == JOB else ["workflow_run"]

    def on_call(self, number: int, hook: Callable[[], None], *, before: bool = False) -> None:
        """Call `hook` when call `number` (the first is 1) is carried out but not answered, or before it."""
        self.hooks.append((number, before, hook))

    def made(self, match: str) -> list[Call]:
        """The calls whose `METHOD /path` matches."""
        return [call for call in self.calls if re.search(match, str(call))]

    def head(self, branch: str) -> str | None:
        """The commit of a branch: of `origin` if there is one, otherwise derived from the name."""
        if self.origin is None:
            return hashlib.sha1(branch.encode()).hexdigest()
        command = ["git", "-C", str(self.origin), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None

    def number(self) -> int:
        """An unused number."""
        everything = [*self.issues, *self.comments, *self.checks, *self.runs, *self.rulesets, *self.artifacts]
        return max(everything, default=0) + 1

    def answer(self, method: str, target: str, who: str, body: Any) -> tuple[int, dict[str, str], Any]:
        """Status, headers and content for one request."""
        from tests.github.routes_settings import routes  # noqa: PLC0415  (routes know the hub)

        parts = urlsplit(target)
        path, query = unquote(parts.path.removeprefix("/api/v3")), dict(parse_qsl(parts.query))
        with self.lock:
            self._hook(before=True)
            fault = self._fault(f"{method} {path}")
            status, headers, content = _failed(fault) if fault else (200, {}, None)
            if fault is None or fault.applied:
                try:
                    done, result = routes.route(self, method, path, query, (who, body))
                except RefusedError as refusal:
                    done, result = refusal.status, refusal.content
                if fault is None:
                    status, content = done, result
            if isinstance(content, list):
                content, headers = self._page(content, parts.path, query)
            self.calls.append(Call(method, path, query, body, who, status))
            self._hook(before=False)
            return status, self._limits() | headers, content

    def _hook(self, *, before: bool) -> None:
        number = len(self.calls) + before
        for at, early, hook in self.hooks:
            if at == number and early is before:
                hook()

    def _fault(self, call: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.match.search(call):
                fault.times -= 1
                return fault
        return None

    def _page(self, items: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        last = max(1, -(-len(items) // size))
        wanted = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
        root = self.url.removesuffix(self.prefix)
        links = [
            f'<{root}{path}?{urlencode(query | {"page": str(n)})}>; rel="{rel}"'
            for rel, n in wanted.items()
            if 1 <= n <= last and n != page
        ]
        return items[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}

    def _limits(self) -> dict[str, str]:
        self.remaining -= 1
        reset = str(int(time.time()) + 3600)
        return {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(max(0, self.remaining)),
            "x-ratelimit-reset": reset,
            "x-ratelimit-resource": "core",
        }


def _failed(fault: Fault) -> tuple[int, dict[str, str], Record]:
    return fault.status, fault.headers, {"message": fault.message}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: header and body apart wait 40 ms for each other

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").split(" ")[-1]
            try:
                status, headers, content = self._refused(token) or hub.answer(
                    self.command, self.path, hub.tokens.get(token, ""), json.loads(raw) if raw else None
                )
            except json.JSONDecodeError:
                status, headers, content = 400, {}, {"message": "Problems parsing JSON"}
            binary = isinstance(content, bytes)
            payload = content if binary else b"" if status == 204 else json.dumps(content).encode()
            try:
                self.send_response(status)
                kind = "application/zip" if binary else "application/json; charset=utf-8"
                for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(payload))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client was stopped on purpose

        def _refused(self, token: str) -> tuple[int, dict[str, str], Record] | None:
            if token not in hub.tokens:
                return 401, {}, {"message": "Bad credentials" if token else "Requires authentication"}
            if hub.remaining <= 0:
                return 403, hub._limits(), {"message": PRIMARY}
            if hub.read_only and self.command != "GET":
                return 403, {}, {"message": "Resource not accessible by integration"}
            return None

        def log_message(self, *_: object) -> None:
            """Print nothing, because `Hub.calls` is the log."""

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  (the library's names)

    return Handler


def main() -> None:
    """Serve until the standard input closes: `python -m tests.github.double acme/churn [BARE-REPOSITORY]`."""
    repository, *origin = sys.argv[1:]
    with Hub(repository, origin=Path(origin[0]) if origin else None) as hub:
        print(hub.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
