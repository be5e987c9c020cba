"""Photograph the pages that the README shows, from the last build, into docs/images: `python -m tools.screenshots`.

Run `make prove run monitor` first. `comment` shows the comment on a pull request in the style of GitHub, without the
charts, which only GitHub draws. Needs Chromium. The script also writes the headings of each page to
docs/images/structure.json; a test fails when a page has lost one of them.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ml.github import comment
from ml.reports.look import drawn_marks, rendered
from tools.reference_pages import ROOT

IMAGES = ROOT / "docs" / "images"
PAGES = {"report": ROOT / "build" / "report.html", "monitoring": ROOT / "build" / "monitor.html"}
SIZES = {
    "report": (1000, 1500), "monitoring": (1000, 900), "api": (1000, 900), "comment": (900, 1000),
}  # fmt: skip
COLOURS = 128  # of a picture, which keeps it small
RUN = {"status": "completed", "conclusion": "success", "html_url": "#", "head_sha": "0" * 40}
GITHUB = """
body { margin: 16px; font: 14px/1.5 "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; color: #1f2328; }
.box { border: 1px solid #d1d9e0; border-radius: 6px; } .by { background: #f6f8fa; padding: 8px 16px; color: #59636e;
  border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0; } .by b { color: #1f2328; } .text { padding: 16px; }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; line-height: 1.25; } h1 { font-size: 2em; }
table { border-collapse: collapse; display: block; overflow: auto; } tr:nth-child(2n) td { background: #f6f8fa; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; text-align: left; } a { color: #0969da; }
code { background: #eff1f3; border-radius: 6px; padding: .2em .4em; font-size: 85%; }
hr { height: 4px; background: #d1d9e0; border: 0; margin: 24px 0; }
.mark { width: 1em; height: 1em; vertical-align: -.12em; }
.passed { color: #1a7f37; } .refused { color: #b3261e; } .warned { color: #8a5700; }"""


def main() -> None:
    """Write a picture of each page; raises OSError when Chromium is missing."""
    IMAGES.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        photograph(name, page.as_uri())
    with _served([sys.executable, "-m", "serving"], "SERVING_PORT", "/health/ready") as address:
        photograph("api", f"{address}/docs")
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as page:
        page.write(commented((ROOT / "build" / "report.md").read_text(encoding="utf-8")))
        page.flush()
        photograph("comment", Path(page.name).as_uri())
    found = {name: headings(page.read_text(encoding="utf-8")) for name, page in PAGES.items()}
    (IMAGES / "structure.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"screenshots: {', '.join(path.name for path in sorted(IMAGES.glob('*.png')))} in docs/images")


def commented(report: str) -> str:
    """The comment that `report` becomes on a pull request, as a page in the style of GitHub."""
    runs: dict[str, comment.Record | None] = {
        name: {**RUN, "id": number} for number, name in enumerate(("model", "code"), 101)
    }
    runs["model"] = {**RUN, "id": 101, "conclusion": "failure" if report.startswith("# ❌") else "success"}
    body = drawn_marks(rendered(comment.compose(runs, [], report, "#")))
    by = "<b>github-actions</b> bot commented now"
    return (
        f"<!doctype html><meta charset='utf-8'><style>{GITHUB}</style>"
        f"<div class='box'><div class='by'>{by}</div><div class='text'>{body}</div></div>"
    )


def headings(html: str) -> list[str]:
    """The headings of the second level, which name what a page shows; those of a state of the data are left out."""
    return re.findall(r"<h2>([^<:]+)", html)


def photograph(name: str, address: str) -> None:
    """One picture, as wide as a laptop's window."""
    width, height = SIZES[name]
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=10000",
        f"--window-size={width},{height}", f"--screenshot={IMAGES / f'{name}.png'}", address,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(IMAGES / f"{name}.png") as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(IMAGES / f"{name}.png", optimize=True)


@contextmanager
def _served(command: list[str], variable: str, ready: str) -> Generator[str]:
    """A server on a free port until the block ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = {**os.environ, variable: str(port), "SERVING_LOG": "off"}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(address + ready, timeout=1)  # noqa: S310  (our own address)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
