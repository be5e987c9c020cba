"""Photograph the pages that the README shows, from the last build, into docs/images: `python -m tools.screenshots`.

Needs Chromium. It also writes the headings of each page to docs/images/structure.json; a test compares them with the
pages of today, so that a picture of a page that has changed is noticed.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from tools.reference_pages import ROOT

IMAGES = ROOT / "docs" / "images"
PAGES = {"report": ROOT / "build" / "report.html", "monitoring": ROOT / "build" / "monitor.html"}
SIZES = {"report": (1000, 1500), "monitoring": (1000, 900), "api": (1000, 900), "runs": (1280, 720)}


def main() -> None:
    """Write a picture of each page; raises OSError when Chromium is missing."""
    IMAGES.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        photograph(name, page.as_uri())
    with _served([sys.executable, "-m", "serving"], "SERVING_PORT", "/health/ready") as address:
        photograph("api", f"{address}/docs")
    found = {name: headings(page.read_text(encoding="utf-8")) for name, page in PAGES.items()}
    (IMAGES / "structure.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"screenshots: {', '.join(path.name for path in sorted(IMAGES.glob('*.png')))} in docs/images")


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
