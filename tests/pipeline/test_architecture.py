"""Every function that docs/architecture.md names exists."""

import re
from importlib import import_module
from pathlib import Path

import pytest

WALKS = Path("docs/architecture.md").read_text(encoding="utf-8").split("## Three call sequences")[1].split("\n## ")[0]
NAMED = sorted(set(re.findall(r"`((?:ml|serving)(?:\.\w+)+)`", WALKS)))


@pytest.mark.parametrize("name", NAMED)
def test_every_named_function_exists(name):
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        break

    for part in parts[length:]:
        found = getattr(found, part)
    assert callable(found)


def test_each_walk_names_functions():
    assert [len(re.findall(r"`(?:ml|serving)\.", walk)) >= 5 for walk in WALKS.split("\n**")[1:]] == [True] * 3
