"""The comment on a pull request: the state of the runs, then the report of one of them as untrusted text.

The report comes from unreviewed code, so it may contain anything. It keeps tables, headings, charts and our own
collapsed sections; links, pictures, HTML, mentions, references and invisible characters are removed.
"""

import re
import unicodedata
from typing import Any

from ml.github import ci
from ml.io.markdown import APART, table, unlinked

OURS = re.compile(r"<(/?(?:details|summary|sub))>")
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format, half a pair, private, separators
Record = dict[str, Any]
SHOWN = 80  # characters of a name
WELL = {"success", "skipped", "neutral"}


def compose(runs: dict[str, Record | None], jobs: list[Record], report: str, page: str | None) -> str:
    """The comment on a commit: each required check by name, with its newest run if there is one, then the report.

    `jobs` are those of the finished runs; `report` may be hostile, `page` is the address of the HTML report.
    """
    states = [_state(name, run) for name, run in runs.items()]
    commit = next(run["head_sha"][:7] for run in runs.values() if run)
    head = " · ".join([*states, commit, *([f"[report.html]({page})"] if page else [])])
    return f"{head}\n\n{_trouble(jobs)}" + (f"---\n\n{tame(report)}" if report else "")


def _state(name: str, run: Record | None) -> str:
    if run is None:
        return f"⏳ **{name} has not started**"
    link = f"[run {run['id']}]({run['html_url']})"
    if run["status"] != "completed":
        return f"⏳ **{name} is running** in {link}"
    if run["conclusion"] == "action_required":
        return f"⏳ **{name} waits for *Approve workflows to run*** in {link}"
    if run["conclusion"] == "success":
        return f"✅ **{name} passed** in {link}"
    if run["conclusion"] == "cancelled":
        return f"⏹️ **{name} was cancelled** in {link}; *Re-run all jobs* there starts it again"
    return f"❌ **{name} did not pass** in {link}"


def tame(text: str) -> str:
    """Markdown that cannot mention, link, load or hide anything."""
    seen = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in UNSEEN)
    seen = re.sub(r"&(?!(?:lt|gt|amp|quot);)", "&amp;", seen)  # otherwise &#64; would become @
    seen = OURS.sub(lambda found: f"\0{found[1]}\1", seen).replace("<", "&lt;")
    seen = seen.replace("\0", "<").replace("\1", ">")
    seen = re.sub(r"\](?=[(\[:])", "]\u200b", seen)  # links, pictures and the definitions of references
    seen = re.sub(r"/(?=/)", "/\u200b", seen)  # addresses without a scheme, which a chart makes links of
    return re.sub(r"@(?=\w)", f"@{APART}", unlinked(seen))


def _trouble(jobs: list[Record]) -> str:
    rows = [
        [job["name"][:SHOWN], step[:SHOWN], ci.advice(_key(job["name"]), step)]
        for job in jobs
        if (job.get("conclusion") or "success") not in WELL and job["name"] not in ci.CHECKS
        for step in (_failed(job) or ["(no step: see the run)"])[:1]
    ]
    return table(["job", "step that failed", "what next"], rows) + "\n" if rows else ""


def _failed(job: Record) -> list[str]:
    return [step["name"] for step in job.get("steps", []) if (step.get("conclusion") or "success") not in WELL]


def _key(name: str) -> str:
    """The job's key in its workflow: the first word of its name in lower case."""
    return (name.split() or [""])[0].lower()
