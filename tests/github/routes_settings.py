"""The double's responses about settings: only owners can see all of them and change them."""

from datetime import UTC, datetime, timedelta

from tests.github import routes
from tests.github.double import Hub, Record, RefusedError
from tests.github.routes import Answer, Said, on

__all__ = ["routes"]  # all of them, these included


def _owner(hub: Hub, said: Said) -> None:
    if said[0] != hub.repository.split("/")[0]:
        raise RefusedError(403, "Resource not accessible by integration")


@on("GET", "")
def _repository(hub: Hub, query: dict, said: Said) -> Answer:
    owner = hub.repository.split("/")[0]
    about = {
        "full_name": hub.repository,
        "default_branch": hub.default_branch,
        "owner": {"login": owner, "type": "User"},
        "private": hub.private,
    }
    return 200, {**about, "has_issues": hub.has_issues, "pushed_at": _ago(0)}


@on("GET", "/commits/{ref}")
def _commit(hub: Hub, query: dict, said: Said, ref: str) -> Answer:
    return 200, {"sha": hub.head(ref), "commit": {"committer": {"date": _ago(hub.quiet_days)}}}


def _ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@on("GET", "/actions/permissions")
def _permissions(hub: Hub, query: dict, said: Said) -> Answer:
    _owner(hub, said)
    return 200, {"enabled": hub.actions_enabled, "allowed_actions": hub.allowed_actions}


@on("GET", "/actions/permissions/selected-actions")
def _selected(hub: Hub, query: dict, said: Said) -> Answer:
    _owner(hub, said)
    if hub.allowed_actions != "selected":
        raise RefusedError(409, "Conflict")
    return 200, {
        "github_owned_allowed": False,
        "verified_allowed": False,
        "patterns_allowed": [],
        **hub.selected_actions,
    }


@on("GET", "/actions/permissions/workflow")
def _token(hub: Hub, query: dict, said: Said) -> Answer:
    _owner(hub, said)
    may = hub.actions_may_open_pulls
    return 200, {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": may}


@on("GET", "/actions/workflows")
def _workflows(hub: Hub, query: dict, said: Said) -> Answer:
    found = [{"path": f".github/workflows/{name}", "state": state} for name, state in hub.workflow_states.items()]
    return 200, {"total_count": len(found), "workflows": found}


@on("GET", "/environments")
def _environments(hub: Hub, query: dict, said: Said) -> Answer:
    found = [
        {"name": name, "protection_rules": [{"type": rule} for rule in rules]}
        for name, rules in hub.environments.items()
    ]
    return 200, {"total_count": len(found), "environments": found}


@on("GET", "/actions/secrets")
def _secrets(hub: Hub, query: dict, said: Said) -> Answer:
    return _names(hub, said, "secrets", hub.secrets)


@on("GET", "/actions/variables")
def _variables(hub: Hub, query: dict, said: Said) -> Answer:
    return _names(hub, said, "variables", hub.variables)


def _names(hub: Hub, said: Said, kind: str, names: set[str]) -> Answer:
    _owner(hub, said)
    return 200, {"total_count": len(names), kind: [{"name": name} for name in sorted(names)]}


def _planned(hub: Hub) -> None:
    if hub.private and hub.free:
        raise RefusedError(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")


@on("GET", "/branches/{branch+}")
def _branch(hub: Hub, query: dict, said: Said, branch: str) -> Answer:
    return 200, {"name": branch, "protected": False, "protection": {"required_status_checks": {"contexts": []}}}


@on("GET", "/rules/branches/{branch+}")
def _rules(hub: Hub, query: dict, said: Said, branch: str) -> Answer:
    _planned(hub)
    return 200, routes.rules_of(hub, branch)


@on("GET", "/rulesets")
def _rulesets(hub: Hub, query: dict, said: Said) -> Answer:
    _planned(hub)
    return 200, [{"id": r["id"], "name": r["name"], "target": r["target"]} for r in hub.rulesets.values()]


@on("GET", "/rulesets/{key}")
def _ruleset(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    return 200, hub.rulesets[int(key)]


@on("POST", "/rulesets")
def _new_ruleset(hub: Hub, query: dict, said: Said) -> Answer:
    _owner(hub, said)
    _planned(hub)
    key = hub.number()
    hub.rulesets[key] = _kept(said[1], key)
    return 201, hub.rulesets[key]


@on("PUT", "/rulesets/{key}")
def _change_ruleset(hub: Hub, query: dict, said: Said, key: str) -> Answer:
    _owner(hub, said)
    hub.rulesets[int(key)] = _kept(said[1], int(key))
    return 200, hub.rulesets[int(key)]


def _kept(wanted: Record, key: int) -> Record:
    """The settings as GitHub stores them, with fields that were not sent."""
    rules = [{**rule, "parameters": {**rule["parameters"], "more": True}} if "parameters" in rule else rule
             for rule in wanted["rules"]]  # fmt: skip
    return {**wanted, "id": key, "source_type": "Repository", "rules": rules}
