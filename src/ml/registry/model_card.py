"""The model card: purpose, data, settings, metrics and gate results of a version."""

from typing import Any

from ml.io.markdown import cell, paragraph, table
from ml.io.text import counted, figure
from ml.registry.ledger import Entry
from ml.settings.card import Card
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.settings.params import Params
from ml.tasks.choose import task_of

FACTS = ("commit", "packages", "python", "platform")


def card(entry: Entry, params: Params) -> str:
    """The card in Markdown, from a `register` entry of the ledger and the settings of the build."""
    run, lineage = entry["run"], entry["run"]["lineage"]
    train = {name.removeprefix("train."): value for name, value in run["params"].items() if name.startswith("train.")}
    predicted = task_of(params.data, params.evaluate).describe().replace("`", "")
    parts = [
        f"# {params.project}: model {entry['model'][:12]}",
        _use(params.card),
        f"## Model\n\n{cell(train.pop('model'))} on {counted(len(params.data.columns), 'column')}, predicting "
        f"{cell(predicted)}.\n\n"
        f"{table(['setting', 'value'], [list(pair) for pair in train.items()])}",
        f"## Data\n\n{counted(lineage['data']['rows'], 'row')} of {cell(lineage['data']['file'])} (MD5 "
        f"`{lineage['data']['md5']}`); "
        f"{params.prepare.test_share:.0%} of them, selected by {params.prepare.split_by}, are "
        "test rows and did not train the model.",
        f"## Performance\n\n{_metrics(run['metrics'], params.evaluate.confidence)}",
        f"## Gates\n\n{_verdicts(entry)}",
        f"## Origin\n\n{table(['fact', 'value'], [[name, lineage[name] or 'unknown'] for name in FACTS])}"
        f"{_changed(lineage['changed'])}\nRegistered {entry['time'][:16].replace('T', ' ')} UTC by "
        f"{cell(entry['who'])}.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _use(text: Card) -> str:
    return (
        f"## Intended use\n\n{paragraph(text.purpose)}\n\n**Not for:** {cell(text.not_for)}\n\n"
        f"**Known limits:** {cell(text.limits)}\n\n**Ask:** {cell(text.contact)}"
    )


def _metrics(found: dict[str, float], confidence: float) -> str:
    known = [name for name in HIGHER_IS_BETTER if name in found]
    rows = [
        [n, figure(found[n], 4), f"{figure(found[f'{n}_low'], 4)} to {figure(found[f'{n}_high'], 4)}"] for n in known
    ]
    return f"On {found['rows']:,.0f} test rows.\n\n{table(['metric', 'value', f'{confidence:.0%} interval'], rows)}"


def _verdicts(entry: Entry) -> str:
    """The verdicts that refuse first, then warnings, slices and the others in the order of the gates."""
    verdicts = sorted(entry["verdict"]["verdicts"], key=lambda v: (v["passed"], v["severity"] != "critical"))
    forced = f"Registered although the gates refused it. Reason: {cell(entry['reason'])}\n\n" if entry["reason"] else ""
    return forced + table(["", "gate", "found"], [[_mark(v), v["gate"], v["reason"]] for v in verdicts])


def _mark(verdict: dict[str, Any]) -> str:
    return "passed" if verdict["passed"] else "REFUSED" if verdict["severity"] == "critical" else "warning"


def _changed(names: list[str]) -> str:
    return f"\nBuilt with uncommitted changes in these files: {cell(', '.join(names))}.\n" if names else ""
