"""False alarms and missed changes of monitoring: `make calibrate` (--quick: a rough estimate in a minute).

Draws windows with known changes, judges each by the settings in params.yaml and by Evidently's defaults, and writes the
tables into docs/monitoring.md. Exits 1 if the rule misses its targets.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from lab.marks import fill
from ml.io import cli
from ml.io.markdown import table
from ml.settings.params import Params, read_params
from lab.calibration.detection import CHANGES, QUIET, Watched, released, watch
from lab.calibration.pools import Pool, pools
from lab.calibration.rates import Cell, evidently, power, quiet
from lab.calibration.shifts import SHIFTS
from ml.io.text import counted

PAGE = Path("docs/monitoring.md")
MOVED = ((5000, 200), (500, 500), (5000, 500), (5000, 2000))  # training rows, rows of the window
CELLS = (*MOVED, (5000, 20_000))  # rows in which a relevant change must never be missed
KNOWN = ("all three shifts", "30 % missing", "new level, 10 %")  # must be found in 95 of 100 windows
POWER = 0.95
Job = tuple[str, str, int, int, int]  # title, table or change, training rows, rows of the window or month, runs


def main(quick: bool = False, runs: int = 200, peers: int = 12, feeds: int = 6) -> int:
    """Print the tables and, unless --quick, write them into docs/monitoring.md."""
    if quick:
        runs, peers, feeds = 10, 2, 1
    params = read_params()
    jobs = _jobs(runs, peers, feeds)
    found: dict[Job, object] = {}
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        waiting = {workers.submit(_work, job): job for job in jobs}
        for number, done in enumerate(as_completed(waiting), 1):
            found[waiting[done]] = done.result()
            cli.say(f"calibrate: {number} of {len(jobs)}: {waiting[done]} {done.result()}")
    text = page(found, params, f"make calibrate{' QUICK=1' if quick else ''}")
    print(text)
    if not quick:
        fill(PAGE, "calibrate", text)
    broken = promises(found, params)
    for line in broken:
        cli.say(f"calibrate: {line}")
    return int(bool(broken))


def page(found: dict[Job, object], params: Params, command: str) -> str:
    """The results as Markdown."""
    rule, runs = params.monitor, {job[0]: job[4] for job in found}
    parts = [
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}: alpha {rule.alpha:g}, effect {rule.effect:g}, missing_rise "
        f"{rule.missing_rise:g}, min_labels {rule.min_labels}, and no minimum of rows.",
        f"**Share of unchanged windows that are flagged**, of {runs['quiet']} per line, with all labels known; with "
        f"Evidently's defaults, of {runs.get('evidently', 0)}.",
        _quiet_table(found),
        f"**Share of shifted windows that are flagged**, of {runs['power']} per line, with unchanged predictions; the "
        f"last column is Evidently's flag for the table, of {runs.get('evidently shifted', 0)}, with three shifted "
        f"columns. If a release was tested on fewer than min_labels rows (here 125 of 500), its performance "
        f"is not judged.",
        _power_table(found),
    ]
    if any(job[0] == "watch" for job in found):
        parts += [
            f"**Days to detection**, judged daily on the last {rule.window_days:g} days; a label arrives 30 days "
            f"after its prediction.",
            _days(found),
        ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def promises(found: dict[Job, object], params: Params) -> list[str]:
    """The targets that the rule missed."""
    broken = []
    for (what, name, trained, window, _), result in found.items():
        where = f"{name}, {counted(window, 'row')} against {trained:,}"
        if what == "quiet" and result[0] > params.monitor.alpha:
            broken.append(
                f"{where}: {result[0]:.1%} of unchanged windows flagged, above alpha {params.monitor.alpha:g}"
            )
        if what == "power":
            broken += [f"{where}: {s} found in {result[s]:.1%} only" for s in KNOWN if result[s] < POWER]
    return broken


def _jobs(runs: int, peers: int, feeds: int) -> list[Job]:
    found = [("quiet", name, *cell, runs) for cell in CELLS for name in pools()]
    found += [("power", name, *cell, runs) for cell in MOVED for name in pools()]
    if find_spec("evidently"):
        found += [("evidently", name, *cell, peers) for cell in CELLS for name in pools()]
        found += [("evidently shifted", name, *cell, peers) for cell in MOVED for name in pools()]
    if "sample data" in pools():
        found += [("watch", change, month, 1000, feeds) for change, month in CHANGES.items()]
        found += [("watch", change, m, 10_000, max(1, feeds // 2)) for change, m in CHANGES.items() if m != QUIET]
    return found


def _work(job: Job) -> object:
    what, name, trained, window, runs = job
    params = read_params()
    if what == "watch":
        release = released(trained, params)
        return [watch(release, trained, window, seed, params) for seed in range(runs)]
    cell = Cell(trained, window, runs)
    if what.startswith("evidently"):
        return evidently(_pool(name), cell, KNOWN[0] if what.endswith("shifted") else "")
    return {"quiet": quiet, "power": power}[what](_pool(name), cell)


@cache
def _pool(name: str) -> Pool:
    return pools()[name](read_params())


def _quiet_table(found: dict[Job, object]) -> str:
    rows = []
    for name, (trained, window) in product(pools(), CELLS):
        ours, theirs = _of(found, "quiet", name, trained, window), _of(found, "evidently", name, trained, window)
        rows.append([name, f"{trained:,}", f"{window:,}", *map(_percent, ours), *map(_percent, theirs or ("", ""))])
    header = ["table", "trained on", "window", "ours", "inputs and predictions alone"]
    return table([*header, "Evidently: a column", "Evidently: the table"], rows)


def _power_table(found: dict[Job, object]) -> str:
    rows = []
    for name, (trained, window) in product(pools(), MOVED):
        ours = _of(found, "power", name, trained, window)
        theirs = _of(found, "evidently shifted", name, trained, window)
        cells = [_percent(ours[shift]) for shift in SHIFTS]
        rows.append([name, f"{trained:,}", f"{window:,}", *cells, _percent(theirs[1]) if theirs else ""])
    return table(["table", "trained on", "window", *SHIFTS, f"Evidently: {KNOWN[0]}"], rows)


def _days(found: dict[Job, object]) -> str:
    rows = []
    for (what, change, month, rate, runs), feeds in found.items():
        if what == "watch":
            rows.append((month, rate, [change, str(month), f"{rate:,}", *_when(feeds, runs)]))
    header = ["change", "month", "customers a month", "feeds flagged", "days, median (fastest to slowest)"]
    return table(header, [row for _, _, row in sorted(rows)])


def _when(feeds: list[Watched], runs: int) -> tuple[str, str]:
    days, verdicts = [f.day for f in feeds if f.day is not None], sorted({f.verdict for f in feeds if f.verdict})
    told = f"{np.median(days):.0f} ({min(days)} to {max(days)}): {' or '.join(verdicts)}" if days else "never"
    return f"{len(days)} of {runs} in 120 days", told


def _of(found: dict[Job, object], *start: object) -> object:
    return next((result for job, result in found.items() if job[:4] == start), None)


def _percent(share: float | str) -> str:
    return f"{100 * share:.1f} %" if isinstance(share, float) else share


if __name__ == "__main__":
    cli.run(main)
