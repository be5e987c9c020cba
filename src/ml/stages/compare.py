"""Show runs side by side."""

from typing import Any

from ml.io import cli
from ml.io.errors import UserError
from ml.io.text import columns, counted
from ml.registry import tracking
from ml.settings.params import read_params


def main(runs: str = "") -> None:
    """Print a table of runs: differing settings, then metrics. --runs takes prefixes of names, run ids or digests.

    They are separated by commas; without --runs the last five are compared.
    """
    project = read_params().project
    client = tracking.open_client()
    with tracking.answered():
        known = client.search_runs([tracking.experiment(client, project)], max_results=5000)
    if not known:
        raise UserError(f"experiment {project} has no runs yet. Next: make run")
    chosen = (
        [_one(known, start.strip()) for start in runs.split(",")]
        if runs
        else [run for run in known if tracking.RUN_KEY in run.data.tags][:5]
    )
    cli.tell(columns(["", *[run.info.run_name for run in chosen]], _rows(chosen)))


def _one(known: list[Any], start: str) -> Any:
    found = [run for run in known if any(name.startswith(start) for name in _names(run))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(run.info.run_name for run in (found or known)[:10])
    raise UserError(f"{counted(len(found), 'run')} start with `{start}`; there are: {names}. `make ui` shows all.")


def _names(run: Any) -> list[str]:
    return [run.info.run_name, run.info.run_id, run.data.tags.get(tracking.RUN_KEY, "")]


def _rows(runs: list[Any]) -> list[list[str]]:
    settings = sorted({name for run in runs for name in run.data.params})
    values = {name: [run.data.params.get(name, "-") for run in runs] for name in settings}
    differing = [[name, *found] for name, found in values.items() if len(set(found)) > 1 or len(runs) == 1]
    metrics = sorted({m for run in runs for m in run.data.metrics if not m.endswith(("_low", "_high"))})
    return differing + [[m, *[_figure(run.data.metrics.get(m)) for run in runs]] for m in metrics]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    cli.run(main)
