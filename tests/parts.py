"""The parts in docs/trim.md, and the deleted ones among them."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/trim.md")


@dataclass(frozen=True)
class Part:
    """A part: paths of the repository and their make targets."""

    title: str
    paths: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def gone(self) -> bool:
        return not any(Path(path).exists() for path in self.paths)


def parts():
    """Every part of the page, in its order."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        listed = re.findall(r"^- `([^`]+)`$", section, re.MULTILINE)
        targets = tuple(item.removeprefix("make ") for item in listed if item.startswith("make "))
        paths = tuple(item for item in listed if not item.startswith("make "))
        found += [Part(section.split("\n")[0], paths, targets)] if paths else []
    return found


def deleted(path):
    """Whether a path belongs to a deleted part."""
    return any(part.gone and str(path).startswith(part.paths) for part in parts())


def targets_gone():
    return {target for part in parts() if part.gone for target in part.targets}
