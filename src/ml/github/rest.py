"""HTTP requests to GitHub: tokens, pages, retries, and errors with the next step. Only github.py uses it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from ml.io.errors import UserError
from ml.io.text import counted

SECONDS = (10, 60)  # seconds to connect, and to respond

Record = dict[str, Any]


class Patience(Retry):
    """Retries after 5xx, lost connections, and whenever GitHub asks for a later retry.

    A POST is repeated only if GitHub reports that it did nothing: after a 502 it may have been carried out.
    """

    RETRY_AFTER_STATUS_CODES = frozenset({403, 429, 503})  # 403 with Retry-After is a secondary rate limit

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether to retry."""
        if method == "POST":
            return bool(self.total and has_retry_after and status_code in {403, 429})
        return super().is_retry(method, status_code, has_retry_after)


class LostError(Exception):
    """A POST that may or may not have been carried out."""


class NotPermittedError(UserError):
    """The repository's settings do not let workflows open pull requests."""


class IssuesOffError(UserError):
    """Issues are disabled, as in a new fork."""


@dataclass(frozen=True)
class Repository:
    """A repository and how to send requests to it."""

    name: str
    api: str
    web: str
    session: requests.Session
    starts_workflows: bool  # a job's own GITHUB_TOKEN does not, an App's or a person's token does
    bot: bool

    def page(self, path: str) -> str:
        """The address of one of its pages, for people."""
        return f"{self.web}/{self.name}/{path}"


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self.token}"  # so that ~/.netrc cannot replace it
        return r


def connect(environment: Mapping[str, str]) -> Repository | None:
    """The repository in the environment; None without GITHUB_REPOSITORY or a token, as on a laptop.

    APP_TOKEN, of a GitHub App, has priority over GITHUB_TOKEN.
    """
    app, name = environment.get("APP_TOKEN"), environment.get("GITHUB_REPOSITORY")
    token = app or environment.get("GITHUB_TOKEN")
    if not token or not name:
        return None
    session = requests.Session()
    session.auth = _Bearer(token)
    session.headers.update({"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})
    repeated = {"GET", "PATCH", "PUT", "DELETE"}
    patience = Patience(
        total=5,
        allowed_methods=repeated,
        status_forcelist={500, 502, 503, 504},
        backoff_factor=0.5,
        backoff_jitter=0.2,
        retry_after_max=300,
        raise_on_status=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patience))
    api = environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    web = environment.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    person = not token.startswith("ghs_")  # those are of jobs and Apps
    return Repository(name, api, web, session, starts_workflows=bool(app) or person, bot=not person)


def call(repository: Repository, method: str, path: str, body: Record | None = None) -> Any:
    """The response to one request under the repository's path; raises UserError with GitHub's message."""
    return _answer(repository, method, f"{repository.api}/repos/{repository.name}{path}", body)[0]


def outside(repository: Repository, path: str) -> Any:
    """The response to a request outside the repository, such as the packages of its owner."""
    return _answer(repository, "GET", f"{repository.api}{path}")[0]


def every(repository: Repository, path: str, **query: str) -> Iterator[Record]:
    """All items of a list, page after page."""
    asked = "&".join(f"{key}={requests.utils.quote(value, safe='')}" for key, value in query.items())
    url = f"{repository.api}/repos/{repository.name}{path}?per_page=100{'&' if asked else ''}{asked}"
    while url:
        items, links = _answer(repository, "GET", url)
        yield from items
        url = links.get("next", {}).get("url")


def download(repository: Repository, path: str, limit: int) -> bytes:
    """A file of at most `limit` bytes; raises UserError if it is longer, without reading further."""
    url = f"{repository.api}/repos/{repository.name}{path}"
    try:
        with repository.session.get(url, timeout=SECONDS, stream=True) as answer:
            if not answer.ok:
                raise _refusal(repository, "GET", url, answer)
            found = answer.raw.read(limit + 1)
    except (requests.RequestException, HTTPError) as error:
        raise UserError(f"GET {url} got no response: {error}.") from None
    if len(found) > limit:
        raise UserError(f"{url} has more than {counted(limit, 'byte')}.")
    return found


def _answer(repository: Repository, method: str, url: str, body: Record | None = None) -> tuple[Any, Record]:
    try:
        answer = repository.session.request(method, url, json=body, timeout=SECONDS)
    except requests.ConnectTimeout as error:
        raise UserError(f"{repository.api} does not answer: {error}. Check GITHUB_API_URL.") from None
    except requests.RequestException as error:
        kind = LostError if method == "POST" else UserError
        raise kind(f"{method} {url} got no response: {error}.") from None
    if method == "POST" and answer.status_code >= 500:  # noqa: PLR2004
        raise LostError(f"POST {url} failed: GitHub answers {answer.status_code}.")
    if answer.ok:
        return (answer.json() if answer.content else None), answer.links
    raise _refusal(repository, method, url, answer)


def _object(answer: requests.Response) -> dict[str, Any]:
    try:
        return answer.json()
    except ValueError:
        return {"message": answer.text[:200]}


def _refusal(repository: Repository, method: str, url: str, answer: requests.Response) -> UserError:
    said = _object(answer)
    details = "; ".join(str(e.get("message") or e) for e in said.get("errors", []))
    text = f"{method} {url}: {answer.status_code} {said.get('message', '')}{' ' + details if details else ''}"
    if "not permitted to create" in text:
        return NotPermittedError(text)
    if answer.status_code == requests.codes.gone and "/issues" in url:
        return IssuesOffError(f"{text}. Settings → General → Features → Issues.")
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = time.strftime("%H:%M UTC", time.gmtime(int(answer.headers.get("x-ratelimit-reset", "0"))))
        return UserError(f"{text}. The hourly limit is exhausted until {reset}; run the command again afterwards.")
    hints = {
        401: "The token is wrong or has expired.",
        403: "The token lacks a permission: docs/retraining.md lists those that the job needs.",
        410: "GitHub has deleted it after its retention time; run the workflow again.",
        404: f"It does not exist, or this token cannot read it: check the name {repository.name}.",
    }
    return UserError(f"{text}. {hints.get(answer.status_code, 'See docs/retraining.md.')}")
