"""The parts of the suite, which code.yml runs in parallel, together contain every test."""

from collections import Counter
from types import SimpleNamespace

import pytest
import yaml

from tests.conftest import ROOT, pytest_collection_modifyitems


def dealt(part, files):
    """The tests that a part keeps, with two tests to a file, and the tests that it reports as left out."""
    left_out = []
    hook = SimpleNamespace(pytest_deselected=lambda *, items: left_out.extend(items))
    config = SimpleNamespace(getoption=lambda _: part, hook=hook)
    items = [SimpleNamespace(path=path, get_closest_marker=lambda _: None) for path in files for _ in "ab"]
    pytest_collection_modifyitems(config, items)
    return [item.path for item in items], [item.path for item in left_out]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_each_file_is_in_one_part_with_all_its_tests(count):
    files = [ROOT / f"test_{number}.py" for number in range(count)]

    parts = [dealt(f"{part}/3", files) for part in (1, 2, 3)]

    assert Counter(path for kept, _ in parts for path in kept) == dict.fromkeys(files, 2)
    assert all(sorted(kept + left) == sorted(files * 2) for kept, left in parts)


def test_without_a_part_nothing_is_left_out():
    assert dealt("1/1", [ROOT / "test_a.py"])[1] == []


def test_the_workflow_runs_every_part():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "code.yml").read_text())["jobs"]["tests"]
    parts = job["strategy"]["matrix"]["part"]

    assert parts == [f"{part}/{len(parts)}" for part in range(1, len(parts) + 1)]
    assert "--part=${{ matrix.part }}" in str(job["steps"][-1])
