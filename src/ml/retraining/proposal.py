"""The texts about a retraining: the pull request, or the issue that says why there is none."""

from ml.io.markdown import cell, mark, table
from ml.io.text import between, counted, figure
from ml.monitoring.monitor_record import MonitorRecord
from ml.retraining.retrain_record import Judged, RetrainRecord
from ml.settings.metric_names import HIGHER_IS_BETTER


def title(record: RetrainRecord) -> str:
    """The title of the pull request."""
    return f"Retrain {record.project} with {counted(record.rows.fresh, 'fresh row')} ({record.date})"


def body(record: RetrainRecord, monitor: MonitorRecord | None, started: str, links: dict[str, str]) -> str:
    """The pull request: verdict, reason, fresh and old rows, gates, data, its checks, and how to repeat it."""
    parts = [
        _verdict(record),
        _why(monitor),
        "## Champion against challenger\n\n" + _compared(record) + _metrics(record),
        "## Gates\n\n" + _gates(record),
        "## Data\n\n" + _data(record),
        "## Checks\n\n" + started,
        "## Repeat it\n\n" + _repeat(record),
        _links(links),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def refusal(record: RetrainRecord, monitor: MonitorRecord | None, links: dict[str, str]) -> str:
    """The issue about a retrained model that the gates refuse."""
    reasons = "\n".join(f"- {cell(reason)}" for reason in record.reasons)
    head = f"Retraining of {record.date} gave no acceptable model, so there is no pull request:\n\n{reasons}"
    rows = "## Data\n\n" + _data(record) if record.rows.before is not None else _quarantine(record)
    parts = [head, _why(monitor), _measured(record), rows, "## What next\n\n" + NEXT, _links(links)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


NEXT = (
    "The champion continues to serve. Fix rows that break the contract at their source. If the "
    "model is worse on old rows, set `retrain.policy: append`; if it is worse on fresh rows, add "
    "columns or choose another model. `make retrain` tries again, and this issue closes "
    "automatically when a retraining passes."
)


def by_hand(record: RetrainRecord, link: str) -> str:
    """The issue for a repository whose settings do not let workflows open pull requests."""
    return (
        f"Branch `{record.branch}` holds a model that passed its gates. The settings of this "
        "repository do not allow workflows to open pull requests, so please open it: **[open "
        f"the pull request]({link})**.\n\n"
        "To open the next pull request automatically: Settings → Actions → General → *Allow "
        "GitHub Actions to create and "
        "approve pull requests*, or configure a GitHub App (docs/retraining.md).\n\n---\n\n"
    )


def _verdict(record: RetrainRecord) -> str:
    lines = [f"- **{found.part.capitalize()} rows:** {cell(found.reason)}" for found in record.compared]
    if not lines:
        lines = ["- There was no champion to compare with: only the gates decided."]
    passed = sum(v.passed for v in record.verdicts)
    warned = [v for v in record.verdicts if not v.passed]
    gates = f"- **Gates:** {passed} of {len(record.verdicts)} passed" + (f", {len(warned)} warned" if warned else "")
    return f"The retrained model of {record.project} can be merged: no gate refuses it.\n\n" + "\n".join(
        [*lines, gates]
    )


def _why(monitor: MonitorRecord | None) -> str:
    if not monitor:
        return "## Reason\n\nStarted by hand, without a monitoring verdict."
    text = f"## Reason\n\n**{cell(monitor.verdict).capitalize()}**: {cell(monitor.reason)}"
    rows = [[c.column, c.test, _number(c.effect), c.reason] for c in monitor.moved]
    if rows:
        text += "\n\n" + table(["column", "test", "effect", "change"], rows)
    return text


def _compared(record: RetrainRecord) -> str:
    if not record.compared:
        return ""
    rows = [
        [
            "❌" if c.refused else "✅" if c.outcome in {"better", "not worse"} else "⚠️",
            f"{c.part} test rows",
            f"{c.rows:,}",
            _number(c.old),
            _number(c.new),
            "" if c.low is None else between(c.low, c.high, 4, sign=True),
            c.outcome,
        ]
        for c in record.compared
    ]
    metric = record.compared[0].metric
    header = ["", metric, "rows", "champion", "challenger", "advantage (interval)", "outcome"]
    return table(header, rows) + "\nBoth models are judged on rows that are training rows of neither.\n\n"


def _metrics(record: RetrainRecord) -> str:
    now, before = record.metrics or {}, record.before or {}
    rows = [[name, _number(before.get(name)), _number(now[name])] for name in HIGHER_IS_BETTER if name in now]
    count = counted(int(before["rows"]), "row") if before else "not known"
    header = ["metric", f"{record.base} ({count})", f"this branch ({counted(int(now['rows']), 'row')})"]
    return (
        "<details><summary>All metrics, each model on its own test rows</summary>\n\n"
        + table(header, rows)
        + "\n</details>"
    )


def _measured(record: RetrainRecord) -> str:
    if record.metrics is None:
        return ""
    return (
        "## Champion against challenger\n\n"
        + _compared(record)
        + _metrics(record)
        + "\n\n## Gates\n\n"
        + _gates(record)
    )


def _gates(record: RetrainRecord) -> str:
    ordered = sorted(record.verdicts, key=lambda v: (v.passed, v.severity != "critical"))
    open_ = [_line(v) for v in ordered if not v.passed]
    passed = [_line(v) for v in ordered if v.passed]
    text = table(["", "gate", "why"], open_) + "\n" if open_ else ""
    every = (
        f"<details><summary>{counted(len(passed), 'gate')} "
        f"passed</summary>\n\n{table(['', 'gate', 'why'], passed)}\n</details>"
    )
    return text + every


def _line(verdict: Judged) -> list[str]:
    return [mark(verdict.model_dump()), verdict.gate, verdict.reason]


def _data(record: RetrainRecord) -> str:
    rows, policy = record.rows, record.policy
    window = policy is not None and policy.policy == "window"
    said = f"window of {counted(policy.window_months, 'month')}" if policy and window else "append"
    counts = [
        ["fresh labelled rows", f"{rows.fresh:,}"],
        ["offered, and already in the table", f"{rows.known:,}"],
        ["fresh rows that replace a known row of the same id", f"{rows.replaced:,}"],
        ["in quarantine", f"{rows.quarantined:,}"],
        ["left the window", f"{rows.left:,}"],
        [f"table on {record.base}", f"{rows.before or 0:,}"],
        ["table on this branch", f"{rows.after or 0:,}"],
    ]
    text = f"Policy `{said}`. Only the id of a row determines its side, so no test row was a training row."
    if policy and policy.split_by == "time":
        text = f"Policy `{said}`. The newest rows test; training rows of either model are left out of the comparison."
    return f"{text}\n\n{table(['rows', ''], counts)}\n{_quarantine(record)}"


def _quarantine(record: RetrainRecord) -> str:
    rows = record.rows
    if not rows.quarantined:
        return ""
    why = [[reason, f"{count:,}"] for reason, count in rows.why.items()]
    return f"Quarantined rows are in `build/quarantine.csv` of the run.\n\n{table(['why', 'rows'], why)}"


def _repeat(record: RetrainRecord) -> str:
    return (
        f"```sh\ngit fetch origin {record.branch} && git switch {record.branch}\n"
        "dvc pull data.dvc   # the rows it trained on\n"
        "make run            # the same model with identical bytes, and its report\n```\n\n"
        f"Model `{record.digest[:12]}`, commit `{record.commit[:12]}` on `{record.base}` at "
        f"`{record.base_commit[:12]}`. Merge the pull request to release the model; close it to keep the champion."
    )


def _links(links: dict[str, str]) -> str:
    return " · ".join(f"[{name}]({url})" for name, url in links.items())


def _number(value: float | None) -> str:
    return "" if value is None else figure(value, 4)
