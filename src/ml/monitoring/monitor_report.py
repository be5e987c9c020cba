"""The report of monitoring as Markdown for GitHub: verdict, recommendation and numbers."""

from typing import Any

from ml.io.markdown import Markup, cell, paragraph, table
from ml.io.text import counted, figure, lasting
from ml.monitoring.advice import advice
from ml.monitoring.collect import FATES
from ml.monitoring.findings import answers
from ml.tasks.live_labels import bias_of

Record = dict[str, Any]

SIGN = {"stable": "✅", "drift": "⚠️", "degraded": "❌", "not enough data": "⏳"}
TITLE = {
    "stable": "stable",
    "drift": "inputs or predictions have shifted",
    "degraded": "the model is worse than at its release",
    "not enough data": "not enough data to judge",
}
SMALL = 0.0001
STEPS = "▁▂▃▄▅▆▇█"
COLOURS = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#54aeff, #57606a"}}}}%%'
SIMULATED = (
    "> **Simulated.** Every row of this report is simulated (`demo/`) and was sent to the real API "
    "with times of the simulation's calendar. The report contains no real prediction."
)


def markdown(project: str, found: Record, past: list[Record]) -> str:
    """The whole report; `past` holds all verdicts, this one last."""
    parts = [
        f"# {SIGN[found['verdict']]} {cell(project)}: {TITLE[found['verdict']]}",
        SIMULATED if found["simulated"] else "",
        paragraph(found["reason"]),
        "## Recommended action\n\n" + advice(found),
        _columns(found),
        _performance(found),
        _collected(found),
        _history(past),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def spark(shares: list[float], most: float) -> str:
    """A bar for each share, the highest for `most` and the lowest for 0."""
    return (
        "".join(STEPS[min(len(STEPS) - 1, round(share / most * (len(STEPS) - 1)))] for share in shares) if most else ""
    )


def _columns(found: Record) -> str:
    shown = answers(found)
    if not shown:
        return ""
    moved = [c for c in shown if c["drifted"]]
    header = ["column", "change", "at release", "now", "test", "effect", "p (Holm)"]
    text = "## Shifted columns\n\n"
    text += table(header, [_column(c) for c in sorted(moved, key=lambda c: -(c["effect"] or 0))]) if moved else "None."
    rest = [_column(c) for c in shown if not c["drifted"]]
    still = f"{counted(len(rest), 'column')} without a shift"
    every = f"<details><summary>{still}</summary>\n\n{table(header, rest)}\n</details>"
    if moved:
        text += "\nCharts: bins of a number or levels of a category, the same at release and now."
    return f"{text}\n\n{every}" if rest else text


def _column(column: Record) -> list[str]:
    most = max([*column["before"], *column["after"]], default=0)
    p = column["holm"]
    made = f" (made of {', '.join(column['made_of'])})" if column.get("made_of") else ""
    return [
        f"{column['column']}{made}",
        column["reason"],
        spark(column["before"], most),
        spark(column["after"], most),
        column["test"],
        f"{column['effect']:.3f}",
        "<0.0001" if p is not None and p < SMALL else "" if p is None else f"{p:.4f}",
    ]


def _performance(found: Record) -> str:
    performance = found["performance"]
    if not performance:
        return ""
    known = [w for w in found["windows"] if w["value"] is not None]
    lag = f", {lasting(performance['lag_days'])} after the prediction (median)" if performance["lag_days"] else ""
    when = f"{_day(performance['since'])} to {_day(performance['until'])}"
    text = (
        f"## Performance\n\n{performance['labelled']:,} of {counted(performance['rows'], 'prediction')} "
        f"from {when} have a "
        f"label ({performance['coverage']:.0%}){lag}.{_late(found)}{_equal(found)}\n\n"
    )
    text += _calibration(performance, found.get("task", ""))
    text += "The last windows, with all labels known now and for all known versions:\n\n"
    if len(known) > 1 and performance["at_release"] is not None:
        text += _chart(known, performance) + "\n\n"
    rows = [
        [_day(w["until"]), f"{w['rows']:,}", f"{w['labelled']:,}", _figure(w)] for w in found["windows"] if w["rows"]
    ]
    return text + table(["window until", "rows", "labelled", f"{performance['metric']} (interval)"], rows)


def _calibration(performance: Record, kind: str) -> str:
    """Bias, slope and coverage as a table."""
    rows = [
        [
            f"{SIGN['degraded'] if part['worse'] else SIGN['stable']} {part['name']}",
            figure(part["at_release"], sign=True),
            figure(part["value"], sign=True),
            f"{figure(part['change'], sign=True)} ({figure(part['change_low'], sign=True)} – "
            f"{figure(part['change_high'], sign=True)})",
            figure(part["margin"]),
        ]
        for part in performance.get("calibration") or ()
    ]
    head = ["calibration", "at release", "now", "change (interval)", "margin"]
    return f"{table(head, rows)}\n{bias_of(kind)}\n\n" if rows else ""


def _late(found: Record) -> str:
    at = found["collected"]
    if found["performance"]["until"] == at["until"]:
        return ""
    return (
        f" It is the newest window with enough labels; of the "
        f"{counted(at['fates']['judged'], 'prediction')} "
        f"judged above, {at['labelled']:,} have one."
    )


def _equal(found: Record) -> str:
    weight = found.get("weight")
    return f" Each row counts once, now and at release: the log holds no {cell(weight)}." if weight else ""


def _chart(windows: list[Record], performance: Record) -> str:
    values = [w["value"] for w in windows] + [performance["at_release"]]
    low, high = min(values), max(values)
    room = max(0.02 * min(1.0, abs(high)), (high - low) / 5)
    metric, release = performance["metric"], f"{performance['at_release']:.6g}"
    axis = ", ".join(f'"{_day(w["until"])}"' for w in windows)
    drawn = ", ".join(f"{w['value']:.6g}" for w in windows)
    return (
        f'```mermaid\n{COLOURS}\nxychart-beta\n    title "{metric} by window; flat line: at release"\n'
        f'    x-axis "window until" [{axis}]\n    y-axis "{metric}" {low - room:.4g} --> {high + room:.4g}\n'
        f"    line [{drawn}]\n"
        f"    line [{', '.join([release] * len(windows))}]\n```"
    )


def _collected(found: Record) -> str:
    at = found["collected"]
    rows = []
    for name, count in at["fates"].items():
        rows += [[FATES[name], f"{count:,}"]] if count or name == "judged" else []
        if name == "other":  # after the last of the two reasons that they explain
            rows += [[f"… by {model}", f"{of_it:,}"] for model, of_it in at["strangers"].items()]
    labels = {
        "unmatched": "labels without a prediction of their id",
        "early": "labels older than their prediction (left out)",
        "future": "labels from the future (left out)",
        "strange": Markup("labels that are no value of `data.target` (left out)"),
    }
    rows += [[labels[name], f"{count:,}"] for name, count in at["labels"].items() if count]
    days = at.get("label_days") or 0
    rows += (
        [[f"judged rows younger than {lasting(days)}, which wait for labels", f"{at['waiting']:,}"]]
        if at.get("waiting")
        else []
    )
    rows += [["lines that could not be read", f"{at['unreadable']:,}"]] if at["unreadable"] else []
    calendar = " of the simulation's calendar" if found["simulated"] else " UTC"
    return (
        f"## Rows of the window\n\nWindow: {_minute(at['since'])} to {_minute(at['until'])}{calendar}; compared with "
        f"{found['release']}. {counted(at['rows'], 'row')} were read:\n\n" + table(["category", "rows"], rows)
    )


def _history(past: list[Record]) -> str:
    rows = [
        [
            _minute(v["time"]),
            f"{SIGN[v['verdict']]} {v['verdict']}" + (" (simulated)" if v["simulated"] else ""),
            f"{v['rows']:,}",
            ", ".join(v["drifted"]),
            _figure(v),
        ]
        for v in reversed(past[-10:])
    ]
    head = ["judged at (UTC)", "verdict", "rows", "shifted", "performance (interval)"]
    return f"## Latest verdicts\n\n{table(head, rows)}\n`make monitor HISTORY=1` plots all verdicts." if rows else ""


def _figure(found: Record) -> str:
    return (
        "" if found["value"] is None else f"{figure(found['value'])} ({figure(found['low'])} – {figure(found['high'])})"
    )


def _day(moment: str) -> str:
    return moment[:10]


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
