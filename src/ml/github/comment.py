"""The comment on a pull request: what GitHub knows of the run, then what the run reports, made harmless.

The report comes from code that nobody has reviewed yet, so it may hold anything. It keeps tables, headings, charts and
our own folded sections; it loses links, pictures, HTML, mentions, references and characters that nobody sees.
"""

import re
import unicodedata
from typing import Any

from ml.github import ci
from ml.io.markdown import APART, table, unlinked

OURS = re.compile(r"<(/?(?:details|summary|sub))>")
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format, half a pair, private, separators
SHOWN = 80  # characters of a name
WELL = {"success", "skipped", "neutral"}


def compose(run: dict[str, Any], jobs: list[dict[str, Any]], report: str, page: str | None) -> str:
    """The comment on a finished run; `report` may be hostile, `page` is the address of the HTML report if any."""
    commit, number = run["head_sha"][:7], run["id"]
    good = run["conclusion"] == "success"
    links = [f"[run {number}]({run['html_url']})", *([f"[report.html]({page})"] if page else [])]
    head = f"{'✅ **ci passed**' if good else '❌ **ci did not pass**'} on {commit} · {' · '.join(links)}\n\n"
    return head + _trouble(jobs) + (f"---\n\n{tame(report)}" if report else "")


def tame(text: str) -> str:
    """Markdown that can neither mention, link, load nor hide anything."""
    seen = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in UNSEEN)
    seen = re.sub(r"&(?!(?:lt|gt|amp|quot);)", "&amp;", seen)  # &#64; would be an @ again
    seen = OURS.sub(lambda found: f"\0{found[1]}\1", seen).replace("<", "&lt;")
    seen = seen.replace("\0", "<").replace("\1", ">")
    seen = re.sub(r"\](?=[(\[:])", "]\u200b", seen)  # links, pictures and the definitions of references
    return re.sub(r"@(?=\w)", f"@{APART}", unlinked(seen))


def _trouble(jobs: list[dict[str, Any]]) -> str:
    rows = [
        [job["name"][:SHOWN], step[:SHOWN], ci.advice(_key(job["name"]), step)]
        for job in jobs
        if (job.get("conclusion") or "success") not in WELL and _key(job["name"]) != "ci"
        for step in (_failed(job) or ["(no step: see the run)"])[:1]
    ]
    return table(["job", "step that failed", "what next"], rows) + "\n" if rows else ""


def _failed(job: dict[str, Any]) -> list[str]:
    return [step["name"] for step in job.get("steps", []) if (step.get("conclusion") or "success") not in WELL]


def _key(name: str) -> str:
    """The job's key in ci.yml, which is its name in small letters."""
    return name.strip().lower()
