"""Build the documentation site in build/site: the pages of docs/, the README, and a reference written from the code."""

import re
import shutil
import subprocess
import sys

from tools.diagrams import drawn
from tools.reference_pages import ROOT, pages

SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"
OUTSIDE = {
    "README.md": "readme.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/SECURITY.md": "reporting.md",
}


def main() -> int:
    """Write the sources side by side and run Sphinx, which fails at the first warning."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "docs", SOURCE)
    shutil.copytree(SOURCE / "images", SOURCE / "extra" / "images")
    for path in SOURCE.glob("*.md"):
        path.write_text(drawn(inward(path.read_text(encoding="utf-8"))), encoding="utf-8")
    for name, page in OUTSIDE.items():
        if (ROOT / name).exists():
            text = drawn(downward((ROOT / name).read_text(encoding="utf-8")))
            (SOURCE / page).write_text(text, encoding="utf-8")
    for name, text in pages().items():
        (SOURCE / "reference").mkdir(exist_ok=True)
        (SOURCE / "reference" / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(SOURCE), str(SITE)]
    code = subprocess.run(command, check=False).returncode
    print(f"site: {SITE}/index.html" if code == 0 else "site: Sphinx reports the problems above")
    return code


def inward(text: str) -> str:
    """A page of docs/ whose links to files at the root lead to their copies on the site."""
    for name, page in OUTSIDE.items():
        text = text.replace(f"](../{name}", f"]({page}")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", text)  # other files of the repository have no page


def downward(text: str) -> str:
    """A page of the root whose links into docs/ lead to its neighbours on the site."""
    for name, page in OUTSIDE.items():
        text = re.sub(rf"\]\({re.escape(name)}", f"]({page}", text)
    text = text.replace("](SECURITY.md", "](reporting.md")
    picture = r"<a href='\1'><img style='min-width: 8rem' src='\1'\2></a>"  # a click shows it in full size
    text = re.sub(r'<img src="docs/([^"]+)"([^>]*)>', picture, text)
    return text.replace("](../docs/", "](").replace("](docs/", "](")


if __name__ == "__main__":
    sys.exit(main())
