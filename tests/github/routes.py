"""The handlers of the double: documented fields of the REST API that this repository uses."""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.github.double import JOB, Hub, Record, RefusedError

LONGEST = 65_536
NOT_PERMITTED = "GitHub Actions is not permitted to create or approve pull requests."
Said = tuple[str, Any]  # who asks, and the body
Answer = tuple[int, Any]
Handler = Callable[..., Answer]

ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def on(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler; `{x}` in the pattern is one part of the path, `{x+}` any number."""
    regex = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", pattern)
    regex = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", regex)

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(f"^{regex}$"), handler))
        return handler

    return register


def route(hub: Hub, method: str, path: str, query: dict[str, str], said: Said) -> Answer:
    """The response to one call; raises RefusedError."""
    home = f"/repos/{hub.repository}"
    if path == "/rate_limit":
        return 200, {"resources": {"core": {"limit": 5000, "remaining": hub.remaining}}}
    if path.startswith(f"/users/{hub.repository.split('/')[0]}/packages"):
        return _packages(hub, path)
    if path != home and not path.startswith(f"{home}/"):
        raise RefusedError(404, "Not Found")
    rest = path.removeprefix(home)
    if rest.startswith("/issues") and not hub.has_issues:
        raise RefusedError(410, "Issues are disabled for this repo")
    for verb, pattern, handler in ROUTES:
        found = pattern.match(rest)
        if verb == method and found:
            _permitted(hub, method, rest, said[0])
            return handler(hub, query, said, **found.groupdict())
    print(f"the double does not know {method} {path}", file=sys.stderr)
    raise RefusedError(404, "Not Found")


def _packages(hub: Hub, path: str) -> Answer:
    """The container packages of the owner, by name with the digest of the newest version."""
    if path.endswith("/packages"):
        about = {"repository": {"full_name": hub.repository}, "visibility": "private" if hub.private else "public"}
        web = f"https://github.com/{hub.repository}/pkgs/container"
        return 200, [{"name": name, "html_url": f"{web}/{name}", **about} for name in hub.packages]
    name = path.split("/container/")[1].removesuffix("/versions")
    return 200, [{"name": digest} for digest in [hub.packages[name]]]


NEEDED = {  # what a job's token must have to change what stands below a path, any of them
    "/statuses": {"statuses"},
    "/check-runs": {"checks"},
    "/actions": {"actions"},
    "/dispatches": {"contents"},
    "/git": {"contents"},
    "/pulls": {"pull-requests"},
    "/issues": {"issues", "pull-requests"},  # as a pull request is an issue, either may comment on and label one
    "/labels": {"issues", "pull-requests"},
}


def _permitted(hub: Hub, method: str, rest: str, who: str) -> None:
    if who != JOB or hub.permissions is None or (method == "GET" and not hub.private):
        return
    needed = (
        {"contents"} if rest.endswith("/merge") else next((n for p, n in NEEDED.items() if rest.startswith(p)), None)
    )
    if rest == "/issues":
        needed = {"issues"}
    granted = {name for name, kind in hub.permissions.items() if kind == "write" or method == "GET"}
    if needed and not needed & granted:
        raise RefusedError(403, "Resource not accessible by integration")


@on("GET", "/issues")
def _issues(hub: Hub, query: dict, said: Said) -> Answer:
    wanted = {name for name in query.get("labels", "").split(",") if name}
    return 200, [
        issue
        for issue in _newest(_in_state(hub.issues.values(), query))
        if wanted <= {label["name"] for label in issue["labels"]}
        and query.get("creator", issue["user"]["login"]) == issue["user"]["login"]
    ]


@on("POST", "/issues")
def _open_issue(hub: Hub, query: dict, said: Said) -> Answer:
    who, body = said
    if not body.get("title"):
        raise RefusedError(422, "Validation Failed", {"resource": "Issue", "code": "missing_field", "field": "title"})
    return 201, _issue(hub, who, body)


@on("GET", "/issues/{number}")
def _get_issue(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    return 200, _known(hub.issues, number)


@on("PATCH", "/issues/{number}")
def _edit_issue(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    return 200, _edit(hub, _known(hub.issues, number), said[1])


@on("GET", "/issues/{number}/comments")
def _comments(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    _known(hub.issues, number)
    return 200, [c for c in hub.comments.values() if c["issue"] == int(number)]


@on("POST", "/issues/{number}/comments")
def _comment(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    _known(hub.issues, number)
    key = hub.number()
    url = f"https://github.com/{hub.repository}/issues/{number}#issuecomment-{key}"
    comment = {"id": key, "issue": int(number), "user": _user(said[0]), "html_url": url, **_text(said[1])}
    hub.comments[key] = comment | {"created_at": _now(), "updated_at": _now()}
    return 201, hub.comments[key]


@on("PATCH", "/issues/comments/{key}")
def _edit_comment(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    comment = _known(hub.comments, key)
    comment |= _text(said[1]) | {"updated_at": _now()}
    return 200, comment


@on("DELETE", "/issues/comments/{key}")
def _remove_comment(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    _known(hub.comments, key)
    del hub.comments[int(key)]
    return 204, None


@on("POST", "/issues/{number}/labels")
def _add_labels(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    issue, names = _known(hub.issues, number), said[1]["labels"]
    present = [label["name"] for label in issue["labels"]]
    issue["labels"] = [_label(hub, name) for name in dict.fromkeys([*present, *names])]
    return 200, issue["labels"]


@on("DELETE", "/issues/{number}/labels/{name}")
def _remove_label(hub: Hub, query: dict, said: Said, number: str, name: str) -> Answer:
    issue = _known(hub.issues, number)
    if name not in [label["name"] for label in issue["labels"]]:
        raise RefusedError(404, "Label does not exist")
    issue["labels"] = [label for label in issue["labels"] if label["name"] != name]
    return 200, issue["labels"]


@on("GET", "/labels")
def _labels(hub: Hub, query: dict, said: Said) -> Answer:
    return 200, [*hub.labels.values()]


@on("POST", "/labels")
def _new_label(hub: Hub, query: dict, said: Said) -> Answer:
    if said[1]["name"] in hub.labels:
        raise RefusedError(422, "Validation Failed", {"resource": "Label", "code": "already_exists", "field": "name"})
    hub.labels[said[1]["name"]] = {"color": "ededed", "description": None, **said[1]}
    return 201, hub.labels[said[1]["name"]]


@on("GET", "/pulls")
def _pulls(hub: Hub, query: dict, said: Said) -> Answer:
    head, base = query.get("head"), query.get("base")
    return 200, [
        pull
        for pull in _newest(_in_state(hub.pulls.values(), query))
        if head in {None, pull["head"]["label"]} and base in {None, pull["base"]["ref"]}
    ]


@on("POST", "/pulls")
def _open_pull(hub: Hub, query: dict, said: Said) -> Answer:
    who, body = said
    if who == "github-actions[bot]" and not hub.actions_may_open_pulls:
        raise RefusedError(403, NOT_PERMITTED)
    owner, branch = hub.repository.split("/")[0], body["head"].split(":")[-1]
    for name, at in ((branch, "head"), (body["base"], "base")):
        if hub.head(name) is None:
            raise RefusedError(422, "Validation Failed", {"resource": "PullRequest", "code": "invalid", "field": at})
    if hub.origin and hub.head(branch) == hub.head(body["base"]):
        message = f"No commits between {body['base']} and {branch}"
        raise RefusedError(422, "Validation Failed", {"resource": "PullRequest", "code": "custom", "message": message})
    own = [p for p in hub.pulls.values() if (p["head"]["repo"] or {}).get("full_name") == hub.repository]
    if any(p["state"] == "open" and p["head"]["ref"] == branch for p in own):
        message = f"A pull request already exists for {owner}:{branch}."
        raise RefusedError(422, "Validation Failed", {"resource": "PullRequest", "code": "custom", "message": message})
    pull = _issue(hub, who, body)
    url = f"https://github.com/{hub.repository}/pull/{pull['number']}"
    pull |= {"html_url": url, "pull_request": {"html_url": url}, "draft": bool(body.get("draft")), "merged": False}
    pull |= {"merged_at": None, "merge_commit_sha": None, "base": {"ref": body["base"], "sha": hub.head(body["base"])}}
    pull["head"] = {"ref": branch, "label": f"{owner}:{branch}", "sha": hub.head(branch)}
    for side in ("head", "base"):
        pull[side]["repo"] = {"full_name": hub.repository}
    if _conflict(hub, branch, body["base"]):
        return 201, pull
    # What a job's token opens gets a run that waits until a person presses "Approve workflows to run".
    waits = {"status": "completed", "conclusion": "action_required"} if who == JOB else {"status": "queued"}
    for workflow in {"model.yml", "code.yml"} - hub.filtered:
        _start(hub, workflow, who, branch, {"event": "pull_request", **waits})
    return 201, pull


def _conflict(hub: Hub, branch: str, base: str) -> bool:
    """Whether a branch cannot be merged: GitHub then starts no workflow for its pull request."""
    command = ["git", "-C", str(hub.origin), "merge-tree", "--write-tree", base, branch]
    return bool(hub.origin) and subprocess.run(command, capture_output=True, check=False).returncode == 1


@on("GET", "/pulls/{number}")
def _get_pull(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    pull = _known(hub.pulls, number)
    if pull["state"] == "open":
        pull["head"]["sha"] = hub.head(pull["head"]["ref"]) or pull["head"]["sha"]
    missing = [name for name in _required(hub, pull["base"]["ref"]) if not _satisfied(hub, pull["head"]["sha"], name)]
    return 200, pull | {"mergeable_state": "blocked" if missing else "clean"}


@on("PATCH", "/pulls/{number}")
def _edit_pull(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    return 200, _edit(hub, _known(hub.pulls, number), said[1])


@on("PUT", "/pulls/{number}/merge")
def _merge(hub: Hub, query: dict, said: Said, number: str) -> Answer:
    pull = _known(hub.pulls, number)
    ours, theirs = (hub.head(pull[side]["ref"]) for side in ("base", "head"))
    for context in _required(hub, pull["base"]["ref"]):
        if not _satisfied(hub, theirs, context):
            raise RefusedError(405, f'Required status check "{context}" is expected.')
    if pull["state"] != "open" or hub.origin is None:
        raise RefusedError(405, "Pull Request is not mergeable")
    message = f"Merge pull request #{number} from {pull['head']['ref']}\n\n{pull['title']}"
    tree = _git(hub, "merge-tree", "--write-tree", ours, theirs)
    merged = _git(hub, "commit-tree", tree, "-p", ours, "-p", theirs, "-m", message)
    _git(hub, "update-ref", f"refs/heads/{pull['base']['ref']}", merged, ours)
    pull |= {"state": "closed", "merged": True, "merged_at": _now(), "merge_commit_sha": merged, "closed_at": _now()}
    return 200, {"sha": merged, "merged": True, "message": "Pull Request successfully merged"}


@on("GET", "/branches/{branch+}")
def _branch(hub: Hub, query: dict, said: Said, branch: str) -> Answer:
    if hub.head(branch) is None:
        raise RefusedError(404, "Branch not found")
    return 200, {"name": branch, "commit": {"sha": hub.head(branch)}}


@on("GET", "/git/ref/heads/{branch+}")
def _ref(hub: Hub, query: dict, said: Said, branch: str) -> Answer:
    if hub.head(branch) is None:
        raise RefusedError(404, "Not Found")
    return 200, {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": hub.head(branch)}}


@on("DELETE", "/git/refs/heads/{branch+}")
def _remove_branch(hub: Hub, query: dict, said: Said, branch: str) -> Answer:
    if hub.origin is None or hub.head(branch) is None:
        raise RefusedError(422, "Reference does not exist")
    _git(hub, "update-ref", "-d", f"refs/heads/{branch}")
    return 204, None


@on("GET", "/commits/{sha}/pulls")
def _pulls_of(hub: Hub, query: dict, said: Said, sha: str) -> Answer:
    return 200, [p for p in hub.pulls.values() if sha in {p["head"]["sha"], p["merge_commit_sha"]}]


@on("POST", "/statuses/{sha}")
def _status(hub: Hub, query: dict, said: Said, sha: str) -> Answer:
    if said[1].get("state") not in {"error", "failure", "pending", "success"}:
        raise RefusedError(422, "Validation Failed", {"resource": "Status", "code": "custom", "field": "state"})
    if len(said[1].get("description") or "") > 140:
        raise RefusedError(422, "Validation Failed", {"message": "description is too long (maximum is 140 characters)"})
    hub.statuses.append({"context": "default", "target_url": None, **said[1], "sha": sha, "created_at": _now()})
    return 201, hub.statuses[-1]


@on("GET", "/commits/{sha}/status")
def _combined(hub: Hub, query: dict, said: Said, sha: str) -> Answer:
    newest = {s["context"]: s for s in hub.statuses if s["sha"] == sha}
    states = {s["state"] for s in newest.values()}
    bad = states & {"error", "failure"}
    state = "failure" if bad else "success" if states == {"success"} else "pending"
    return 200, {"sha": sha, "state": state, "total_count": len(newest), "statuses": [*newest.values()]}


@on("GET", "/commits/{sha}/statuses")
def _statuses(hub: Hub, query: dict, said: Said, sha: str) -> Answer:
    return 200, [s for s in reversed(hub.statuses) if s["sha"] == sha]


@on("POST", "/check-runs")
def _new_check(hub: Hub, query: dict, said: Said) -> Answer:
    key = hub.number()
    hub.checks[key] = {"id": key, "status": "queued", "conclusion": None, **said[1]}
    return 201, hub.checks[key]


@on("PATCH", "/check-runs/{key}")
def _edit_check(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    check = _known(hub.checks, key)
    check |= said[1]
    return 200, check


@on("GET", "/commits/{sha}/check-runs")
def _checks(hub: Hub, query: dict, said: Said, sha: str) -> Answer:
    found = [c for c in hub.checks.values() if c["head_sha"] == sha]
    return 200, {"total_count": len(found), "check_runs": found}


@on("POST", "/dispatches")
def _repository_dispatch(hub: Hub, query: dict, said: Said) -> Answer:
    hub.dispatches.append({"workflow": None, **said[1]})
    return 204, None


@on("POST", "/actions/workflows/{workflow}/dispatches")
def _dispatch(hub: Hub, query: dict, said: Said, workflow: str) -> Answer:
    sha = hub.head(said[1]["ref"])
    if sha is None:
        raise RefusedError(422, f"No ref found for: {said[1]['ref']}")
    hub.dispatches.append({"workflow": workflow, **said[1]})
    _start(hub, workflow, said[0], said[1]["ref"], {"event": "workflow_dispatch"})
    return 204, None


@on("GET", "/actions/workflows/{workflow}/runs")
def _runs_of(hub: Hub, query: dict, said: Said, workflow: str) -> Answer:
    wanted = {"path": f".github/workflows/{workflow}", "event": query.get("event"), "head_sha": query.get("head_sha")}
    wanted |= {"head_branch": query.get("branch"), "status": query.get("status")}
    found = [r for r in hub.runs.values() if all(v is None or r[k] == v for k, v in wanted.items())][::-1]
    return 200, {"total_count": len(found), "workflow_runs": found[: int(query.get("per_page", 30))]}


@on("GET", "/actions/workflows/{workflow}")
def _workflow(hub: Hub, query: dict, said: Said, workflow: str) -> Answer:
    return 200, {"path": f".github/workflows/{workflow}", "state": hub.workflow_states.get(workflow, "active")}


@on("GET", "/actions/runs/{key}")
def _run(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    return 200, _known(hub.runs, key)


@on("GET", "/actions/runs/{key}/jobs")
def _jobs(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    jobs = _known(hub.runs, key).get("jobs", [])
    return 200, {"total_count": len(jobs), "jobs": jobs}


@on("GET", "/actions/runs/{key}/artifacts")
def _artifacts(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    found = [a for a in hub.artifacts.values() if a["run"] == int(key) and query.get("name") in {None, a["name"]}]
    shown = [
        {"expired": False} | {k: v for k, v in a.items() if k != "content"} | {"size_in_bytes": len(a["content"])}
        for a in found
    ]
    return 200, {"total_count": len(shown), "artifacts": shown}


@on("GET", "/actions/artifacts/{key}/zip")
def _artifact(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    artifact = _known(hub.artifacts, key)
    if artifact.get("expired"):
        raise RefusedError(410, "Artifact has expired")
    return 200, artifact["content"]


@on("GET", "/actions/caches")
def _caches(hub: Hub, query: dict, said: Said) -> Answer:
    found = [{"key": cache.key, "ref": cache.ref} for cache in hub.caches.saved]
    return 200, {"total_count": len(found), "actions_caches": found}


@on("GET", "/attestations/{digest}")
def _attestations(hub: Hub, query: dict, said: Said, digest: str) -> Answer:
    if hub.private:
        raise RefusedError(404, "Not Found")
    return 200, {"attestations": [{"bundle": {}, "repository_id": 1} for _ in range(hub.attested.get(digest, 0))]}


@on("GET", "/actions/runs/{key}/pending_deployments")
def _pending(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    names = _known(hub.runs, key).get("pending", [])
    return 200, [{"environment": {"id": number, "name": name}} for number, name in enumerate(names, 1)]


@on("POST", "/actions/runs/{key}/pending_deployments")
def _review(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    run, (who, body) = _known(hub.runs, key), said
    if who != hub.repository.split("/")[0]:
        raise RefusedError(403, "Resource not accessible by integration")
    if not run.get("pending") or body["state"] not in {"approved", "rejected"}:
        raise RefusedError(422, "Validation Failed")
    run.setdefault("approvals", []).append({"state": body["state"], "user": _user(who), "comment": body["comment"]})
    run |= {"pending": [], "status": "queued"}
    if body["state"] == "rejected":
        run |= {"status": "completed", "conclusion": "failure"}
    return 200, []


@on("GET", "/actions/runs/{key}/approvals")
def _approvals(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    return 200, _known(hub.runs, key).get("approvals", [])


def _start(hub: Hub, workflow: str, who: str, branch: str, about: Record) -> None:
    key = hub.number()
    run = {
        "id": key,
        "path": f".github/workflows/{workflow}",
        "status": "queued",
        "conclusion": None,
        "actor": _user(who),
    }
    run["head_repository"] = {"full_name": hub.repository, "owner": {"login": hub.repository.split("/")[0]}}
    run |= {"head_sha": hub.head(branch), "head_branch": branch, "created_at": _now()}
    hub.runs[key] = run | {"html_url": f"https://github.com/{hub.repository}/actions/runs/{key}"} | about


def rules_of(hub: Hub, branch: str) -> list[Record]:
    """The rules of all rulesets that apply to a branch."""
    names = {f"refs/heads/{branch}", "~ALL", *(["~DEFAULT_BRANCH"] if branch == "main" else [])}
    hold = [r for r in hub.rulesets.values() if names & set(r["conditions"]["ref_name"]["include"])]
    return [rule for ruleset in hold for rule in ruleset["rules"]]


def _required(hub: Hub, branch: str) -> list[str]:
    named = [rule["parameters"] for rule in rules_of(hub, branch) if rule["type"] == "required_status_checks"]
    return [check["context"] for parameters in named for check in parameters["required_status_checks"]]


def _satisfied(hub: Hub, sha: str, context: str) -> bool:
    """Whether check and status of this name succeeded, if they exist; a dispatched run's check does not count."""
    states = [s["state"] for s in hub.statuses if s["sha"] == sha and s["context"] == context][-1:]
    checks = [c for c in hub.checks.values() if c["head_sha"] == sha and c["name"] == context]
    states += [c["conclusion"] for c in checks if c.get("event") != "workflow_dispatch"][-1:]
    return bool(states) and set(states) <= {"success", "skipped", "neutral"}


def _issue(hub: Hub, who: str, body: Record) -> Record:
    number = hub.number()
    url = f"https://github.com/{hub.repository}/issues/{number}"
    issue = {"number": number, "id": number, "state": "open", "state_reason": None, "title": body["title"]}
    issue |= {"user": _user(who), "html_url": url, "created_at": _now(), "updated_at": _now(), "closed_at": None}
    hub.issues[number] = issue | {"labels": [_label(hub, name) for name in body.get("labels", [])], **_text(body)}
    return hub.issues[number]


def _edit(hub: Hub, issue: Record, body: Record) -> Record:
    if "body" in body:
        issue |= _text(body)
    issue |= {k: body[k] for k in ("title", "state", "state_reason") if k in body}
    if "labels" in body:
        issue["labels"] = [_label(hub, name) for name in body["labels"]]
    issue |= {"updated_at": _now(), "closed_at": _now() if issue["state"] == "closed" else None}
    return issue


def _text(body: Record) -> Record:
    text = body.get("body") or ""
    if len(text) > LONGEST:
        raise RefusedError(422, "Validation Failed", {"message": f"body is too long (maximum is {LONGEST} characters)"})
    return {"body": text}


def _label(hub: Hub, name: str) -> Record:
    return hub.labels.setdefault(name, {"name": name, "color": "ededed", "description": None})


def _in_state(items: Any, query: dict[str, str]) -> list[Record]:
    state = query.get("state", "open")
    return [item for item in items if state in {"all", item["state"]}]


def _newest(items: list[Record]) -> list[Record]:
    return sorted(items, key=lambda item: -item["number"])


def _known(items: dict[int, Record], key: str) -> Record:
    if not key.isdigit() or int(key) not in items:
        raise RefusedError(404, "Not Found")
    return items[int(key)]


def _user(who: str) -> Record:
    return {"login": who, "type": "Bot" if who.endswith("[bot]") else "User"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(hub: Hub, *arguments: str) -> str:
    who = ["-c", "user.name=hub", "-c", "user.email=hub@localhost"]
    done = subprocess.run(["git", "-C", str(hub.origin), *who, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(405, f"Pull Request is not mergeable: {done.stderr}")
    return done.stdout.strip()
