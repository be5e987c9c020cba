"""Photograph the pages that the README shows, from the last build, into docs/images: `python -m tools.screenshots`.

Run `make prove run register monitor` first. `comment` shows the comment on a pull request in the style of GitHub,
without the charts, which only GitHub draws. Needs chromium and chromedriver. The script also writes the headings of
each page to docs/images/structure.json; a test fails when a page has lost one of them.
"""

import io
import json
import os
import re
import shutil
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
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from ml.github import comment
from ml.reports.look import drawn_marks, rendered
from tools.reference_pages import ROOT

IMAGES = ROOT / "docs" / "images"
PAGES = {"report": ROOT / "build" / "report.html", "monitoring": ROOT / "build" / "monitor.html"}
SIZES = {
    "report": (1000, 1500), "monitoring": (1000, 900), "api": (1000, 900), "comment": (900, 1000), "runs": (1300, 520),
}  # fmt: skip
COLOURS = 128  # of a picture, which keeps it small
LOADED = {"api": "document.querySelector('.opblock')", "runs": "document.body.innerText.includes(' ago')"}
CLOSE = "document.querySelectorAll('button[aria-label*=lose]').forEach(b => b.click())"  # MLflow's assistant
SECONDS = 600  # for a server to start, and for a page to load, on a busy machine
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
    """Write a picture of each page; raises an exception of selenium if Chromium is missing."""
    IMAGES.mkdir(exist_ok=True)
    with _browser() as browser, tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as comment_page:
        comment_page.write(commented((ROOT / "build" / "report.md").read_text(encoding="utf-8")))
        comment_page.flush()
        for name, page in (PAGES | {"comment": Path(comment_page.name)}).items():
            photograph(browser, name, page.as_uri())
        with _served(["serving"], "/health/ready") as (address, _):
            photograph(browser, "api", f"{address}/docs")
        with _served(["ml.stages.ui", "--port=PORT"], "/health") as (_, printed):
            photograph(browser, "runs", re.findall(r"http\S+", printed)[0])
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


def photograph(browser: webdriver.Chrome, name: str, address: str) -> None:
    """One picture of a page, after its scripts have written its content."""
    width, height = SIZES[name]
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address)
    for script in (CLOSE, ""):  # a closed side bar lets the page draw its table again
        WebDriverWait(browser, SECONDS).until(lambda b: b.execute_script(f"return {LOADED.get(name, 'document.body')}"))
        browser.execute_script(script)
        time.sleep(2)  # for animations
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(IMAGES / f"{name}.png", optimize=True)


@contextmanager
def _browser() -> Generator[webdriver.Chrome]:
    """Chromium without a window; `--virtual-time-budget` never ends on MLflow's page, which polls its server."""
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or ""
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def _served(module: list[str], ready: str) -> Generator[tuple[str, str]]:
    """The address of a module's server on a free port (`PORT` in its arguments), and its output at the start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    command = [sys.executable, "-m", *(argument.replace("PORT", port) for argument in module)]
    environment = {**os.environ, "SERVING_PORT": port, "SERVING_LOG": "off"}
    address = f"http://127.0.0.1:{port}"
    with tempfile.NamedTemporaryFile("w+") as printed:
        server = subprocess.Popen(command, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        try:
            for _ in range(SECONDS):
                try:
                    urllib.request.urlopen(address + ready, timeout=5)  # noqa: S310  (our own address)
                    break
                except OSError:
                    time.sleep(1)
            yield address, Path(printed.name).read_text(encoding="utf-8")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
