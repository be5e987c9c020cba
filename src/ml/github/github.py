"""The only module that changes GitHub: every operation searches for existing objects and changes only differences.

So the next run completes a run that was stopped between any two calls. Works on github.com and on Enterprise Server
(GITHUB_API_URL). Our objects carry a hidden marker, `<!-- ml:… -->`.
"""

import re
import time
from collections.abc import Callable, Iterator

from ml.github.rest import IssuesOffError, LostError, NotPermittedError, Record, Repository, call, connect, every
from ml.io.errors import UserError

LIMIT = 60_000  # characters of a body; GitHub allows 65,536
SAYING = 140  # characters of a status
PAUSES = (1, 4, 16)  # seconds before checking whether a request with a lost response was carried out
COLOURS = {"retraining": "0e8a16", "alert": "d93f0b"}

__all__ = [
    "IssuesOffError",
    "NotPermittedError",
    "Repository",
    "close",
    "comment",
    "compare_link",
    "connect",
    "issue",
    "newest_run",
    "open_issue",
    "pull_request",
    "retrainings",
    "status",
]


def comment(repository: Repository, number: int, name: str, text: str) -> None:
    """One comment called `name` on an issue or pull request, holding `text`."""

    def find() -> Record | None:
        return _marked(repository, every(repository, f"/issues/{number}/comments"), name)

    content = body(text, name)
    found = _ensured(find, lambda: call(repository, "POST", f"/issues/{number}/comments", {"body": content}))
    if found["body"] != content:
        call(repository, "PATCH", f"/issues/comments/{found['id']}", {"body": content})


def issue(repository: Repository, name: str, title: str, text: str) -> Record:
    """The one open issue called `name`, with this title and text, and a link to its entry in the runbook."""
    entry = repository.page(f"blob/HEAD/docs/runbook.md#{name}")
    wanted = {"title": title, "body": body(f"{text}\n\nAction: [runbook, {name}]({entry})", name)}
    new = wanted | {"labels": [label(repository, "alert")]}
    found = _ensured(lambda: open_issue(repository, name), lambda: call(repository, "POST", "/issues", new))
    return _refreshed(repository, f"/issues/{found['number']}", found, wanted)


def open_issue(repository: Repository, name: str) -> Record | None:
    """The open issue called `name`, if there is one."""
    return _marked(repository, every(repository, "/issues", state="open", labels="alert"), name)


def close(repository: Repository, number: int, word: str) -> None:
    """Close an issue or pull request, after a comment with the reason."""
    comment(repository, number, "closed", word)
    call(repository, "PATCH", f"/issues/{number}", {"state": "closed"})


def retrainings(repository: Repository, prefix: str, state: str = "open") -> list[Record]:
    """The pull requests from our own branches under `prefix`, newest first; those of forks never count.

    A fork may belong to the same owner, so neither `head.label` nor the filter `head` tells which repository it is.
    """
    pulls = every(repository, "/pulls", state=state)
    return [
        pull
        for pull in pulls
        if pull["head"]["ref"].startswith(prefix) and home(pull) == pull["base"]["repo"]["full_name"]
    ]


def home(pull: Record) -> str | None:
    """The owner/name of the repository with the branch of a pull request; None if its fork was deleted."""
    return (pull["head"]["repo"] or {}).get("full_name")


def pull_request(repository: Repository, branch: str, base: str, title: str, text: str) -> Record:
    """The one open pull request of a branch, with this title and text; raises NotPermittedError."""
    wanted = {"title": title, "body": body(text, "retraining")}

    def find() -> Record | None:
        return next((p for p in retrainings(repository, branch) if p["head"]["ref"] == branch), None)

    found = _ensured(find, lambda: call(repository, "POST", "/pulls", wanted | {"head": branch, "base": base}))
    found = _refreshed(repository, f"/pulls/{found['number']}", found, wanted)
    if "retraining" not in [own["name"] for own in found["labels"]]:
        names = {"labels": [label(repository, "retraining")]}
        call(repository, "POST", f"/issues/{found['number']}/labels", names)
    return found


def label(repository: Repository, name: str) -> str:
    """The name of an existing label."""
    new = {"name": name, "color": COLOURS[name], "description": "Written by the pipeline"}

    def find() -> Record | None:
        return next((own for own in every(repository, "/labels") if own["name"] == name), None)

    return _ensured(find, lambda: call(repository, "POST", "/labels", new))["name"]


def status(repository: Repository, commit: str, said: Record) -> None:
    """The status of a commit: its name as `context`, `state`, `description`, and `target_url` if there is a page."""
    wanted = said | {"description": said["description"][:SAYING]}
    known = every(repository, f"/commits/{commit}/statuses")
    newest = next((own for own in known if own["context"] == wanted["context"]), {})
    if {key: newest.get(key) for key in wanted} != wanted:
        try:
            call(repository, "POST", f"/statuses/{commit}", wanted)
        except LostError:
            call(repository, "POST", f"/statuses/{commit}", wanted)  # the newest counts: repeating is safe


def newest_run(repository: Repository, workflow: str) -> tuple[str, str | None]:
    """The state of a workflow (active, disabled_inactivity, …) and when it last ran by schedule, if it ever did."""
    path = f"/actions/workflows/{workflow}"
    runs = call(repository, "GET", f"{path}/runs?event=schedule&per_page=1")["workflow_runs"]
    return call(repository, "GET", path)["state"], runs[0]["created_at"] if runs else None


def compare_link(repository: Repository, base: str, branch: str) -> str:
    """The page on which a person opens the pull request."""
    return repository.page(f"compare/{base}...{branch}?expand=1")


def body(text: str, name: str) -> str:
    """Text for GitHub: with our marker, without mentions, at most 60,000 characters, with closed fences."""
    marked = f"{marker(name)}\n" + re.sub(r"@(?=[A-Za-z0-9])", "@\u200b", text)
    if len(marked) <= LIMIT:
        return marked
    cut = marked[: LIMIT - 100].rsplit("\n", 1)[0]
    fence = "\n```" if cut.count("```") % 2 else ""
    return f"{cut}{fence}\n\n_Cut at {LIMIT:,} characters._"


def marker(name: str) -> str:
    """The hidden marker at the start of our texts."""
    return f"<!-- ml:{name} -->"


def _marked(repository: Repository, items: Iterator[Record], name: str) -> Record | None:
    """The oldest of our objects with a marker; an object of another person with a copied marker does not count."""
    ours = (item for item in items if item["user"]["type"] == "Bot" or not repository.bot)
    found = [item for item in ours if (item["body"] or "").startswith(marker(name)) and "pull_request" not in item]
    return min(found, key=lambda item: item["id"], default=None)


def _ensured(find: Callable[[], Record | None], create: Callable[[], Record]) -> Record:
    """The existing object, otherwise the result of `create`, also if responses are lost."""
    for pause in (*PAUSES, None):
        found = find()
        if found is not None:
            return found
        try:
            return create()
        except LostError as error:
            if pause is None:
                raise UserError(f"{error} Try again later: finished steps are not repeated.") from None
            time.sleep(pause)
    raise AssertionError


def _refreshed(repository: Repository, path: str, found: Record, wanted: Record) -> Record:
    if any(found[key] != value for key, value in wanted.items()):
        return call(repository, "PATCH", path, wanted)
    return found
