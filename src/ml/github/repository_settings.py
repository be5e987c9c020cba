"""The settings of a repository on GitHub; None if the token has no permission to read one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ml.github.rest import Record, Repository, call, every
from ml.io.errors import UserError


def named(url: str, server: str) -> str | None:
    """The owner/name in the address of a git remote on that GitHub, however it is written; None for another host."""
    host = urlsplit(server).hostname or ""
    before, found, path = url.strip().partition(host)
    if not host or not found or path[:1] not in {"/", ":"} or before[-1:] not in {"/", "@", ""}:
        return None
    owner_and_name = path[1:].strip("/").removesuffix(".git")
    return owner_and_name if owner_and_name.count("/") == 1 else None


def environment(given: Mapping[str, str], origin: str | None) -> dict[str, str]:
    """The environment with GITHUB_REPOSITORY, taken from the address of origin if it is not set, as on a laptop."""
    server = given.get("GITHUB_SERVER_URL", "https://github.com")
    return {**given, "GITHUB_REPOSITORY": given.get("GITHUB_REPOSITORY") or named(origin or "", server) or ""}


def about(repository: Repository) -> Record:
    """The repository itself; raises UserError if it cannot be reached."""
    return call(repository, "GET", "")


def asked(repository: Repository, path: str) -> Any | None:
    """GitHub's answer about a setting."""
    try:
        return call(repository, "GET", path)
    except UserError:
        return None


def planned(repository: Repository) -> bool:
    """Whether the owner's plan has rulesets for this repository: private ones of the free plan have none."""
    try:
        call(repository, "GET", "/rulesets")
    except UserError as error:
        return "Upgrade to" not in str(error)
    return True


def workflow_states(repository: Repository) -> dict[str, str] | None:
    """The state of each workflow by file name: active, disabled_fork, disabled_inactivity, disabled_manually."""
    found = asked(repository, "/actions/workflows?per_page=100")
    return found and {item["path"].rsplit("/", 1)[-1]: item["state"] for item in found["workflows"]}


def classic_checks(repository: Repository, branch: str) -> list[str] | None:
    """The checks that the older branch protection requires."""
    found = asked(repository, f"/branches/{branch}")
    return found and found.get("protection", {}).get("required_status_checks", {}).get("contexts", [])


def newest_commit(repository: Repository, branch: str) -> str | None:
    """The time of the newest commit of a branch, in GitHub's time format; None before the first push."""
    found = asked(repository, f"/commits/{branch}")
    return found and found["commit"]["committer"]["date"]


def environments(repository: Repository) -> list[Record] | None:
    """The environments with their protection rules."""
    found = asked(repository, "/environments?per_page=100")
    return found and found["environments"]


def names(repository: Repository, kind: str) -> set[str] | None:
    """The names of the secrets or variables of the repository."""
    found = asked(repository, f"/actions/{kind}?per_page=100")
    return found and {item["name"] for item in found[kind]}


def apply_ruleset(repository: Repository, wanted: Record) -> str:
    """Create or update the ruleset of that name: `created`, `changed` or `unchanged`."""
    same = [item for item in every(repository, "/rulesets", includes_parents="false") if item["name"] == wanted["name"]]
    if not same:
        call(repository, "POST", "/rulesets", wanted)
        return "created"
    path = f"/rulesets/{same[0]['id']}"
    if _holds(call(repository, "GET", path), wanted):
        return "unchanged"
    call(repository, "PUT", path, wanted)
    return "changed"


def _holds(found: Any, wanted: Any) -> bool:
    """Whether everything required exists; GitHub adds its own fields, but a list must be equal."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_holds, _sorted(found), _sorted(wanted)))
    return found == wanted


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: str(item.get("type", item) if isinstance(item, dict) else item))
