"""The objects of a workflow run on GitHub: the run, its jobs, its artifacts, and its pull requests."""

from ml.github import github
from ml.github.rest import Record, Repository, call, download, every
from ml.io.errors import UserError
from ml.io.text import counted


def run(repository: Repository, number: int) -> Record:
    """A run of a workflow."""
    return call(repository, "GET", f"/actions/runs/{number}")


def jobs(repository: Repository, number: int) -> list[Record]:
    """The jobs of the newest attempt of a run, with their steps."""
    return call(repository, "GET", f"/actions/runs/{number}/jobs?per_page=100")["jobs"]


def beside(repository: Repository, found: Record, workflow: str) -> Record | None:
    """The newest run of a workflow for the commit and branch of `found`, which may be `found` itself."""
    path = f"/actions/workflows/{workflow}/runs?event=pull_request&head_sha={found['head_sha']}&per_page=100"
    known = [found] if is_of(found, workflow) else []
    known += [own for own in call(repository, "GET", path)["workflow_runs"] if _origin(own) == _origin(found)]
    return max(known, key=lambda own: own["id"], default=None)


def is_of(found: Record, workflow: str) -> bool:
    """Whether a run is of that file, whose path may end in `@ref`; a pull request may give another file its name."""
    return found["path"].split("@")[0] == f".github/workflows/{workflow}"


def _origin(found: Record) -> tuple[str | None, str]:
    return (found.get("head_repository") or {}).get("full_name"), found["head_branch"]


def pull_requests(repository: Repository, found: Record) -> list[Record]:
    """The open pull requests whose newest commit is that of a run.

    GitHub names none for a run from a fork, so they are searched by branch; the run's own list is not used.
    """
    name, branch = _origin(found)
    if not name:
        return []  # the fork was deleted
    pulls = every(repository, "/pulls", state="open", head=f"{name.split('/')[0]}:{branch}")
    return [pull for pull in pulls if pull["head"]["sha"] == found["head_sha"] and github.home(pull) == name]


def artifacts(repository: Repository, number: int) -> dict[str, Record]:
    """The artifacts of a run by name, the newest of each name."""
    listed = call(repository, "GET", f"/actions/runs/{number}/artifacts?per_page=100")["artifacts"]
    return {item["name"]: item for item in sorted(listed, key=lambda item: item["id"])}


def content(repository: Repository, artifact: Record, limit: int) -> bytes:
    """The archive of an artifact; raises UserError if it is larger than `limit` bytes, whatever size it declares."""
    if artifact["size_in_bytes"] > limit:
        raise UserError(
            f"artifact {artifact['name']} has {counted(artifact['size_in_bytes'], 'byte')}, more than {limit:,}."
        )
    return download(repository, f"/actions/artifacts/{artifact['id']}/zip", limit)
