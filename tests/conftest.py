"""Fixtures for all tests."""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import gc
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import settings as drawing

from tests import order, temporary, warm
from tests.world.sample import history
from ml.settings import params as settings
from ml.io.markdown import cell
from ml.settings.params import Params, read_params

ROOT = Path(__file__).parent.parent
SUMMARY = os.environ.get("GITHUB_STEP_SUMMARY")  # of the job that runs the tests
OF_THE_MACHINE = re.compile(r"CI|PYTHONDONTWRITEBYTECODE|(GITHUB|RUNNER|ACTIONS|GIT|LC|MLFLOW)_\w+|LANGUAGE")
SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)
SAMPLE = ROOT / settings.SAMPLE  # tests know the sample's columns, also where the project has others by now


def pytest_configure(config):
    """Remove differences between machines from tests: git's settings and identity, locale, a runner's variables.

    Git's own settings are those of tests/gitconfig, which a repository's or a command's settings go before. A process
    that a test gives an environment of its own has no identity at all, as on a hosted runner.
    """
    for name in filter(OF_THE_MACHINE.fullmatch, list(os.environ)):
        del os.environ[name]
    sys.dont_write_bytecode = False  # without stored modules, each process compiles ours for two seconds
    os.environ |= {"GIT_CONFIG_GLOBAL": str(ROOT / "tests" / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    os.environ |= {"LANG": "C.UTF-8"}
    drawing.register_profile("suite", deadline=None, derandomize=True, max_examples=25)  # one commit, one result
    drawing.register_profile("search", deadline=None, max_examples=1000)
    drawing.load_profile(config.getoption("--hypothesis-profile") or "suite")
    if not hasattr(config, "workerinput") and (place := temporary.use()):
        config.add_cleanup(lambda: temporary.leave(place))
    if config.option.markexpr != "not slow" and (folder := warm.use()):  # it pays from the third process on
        config.add_cleanup(lambda: warm.leave(folder))


@pytest.fixture(autouse=True)
def environment():
    """Every test leaves the environment as it found it; MLflow writes addresses into it that mislead later tests."""
    before = dict(os.environ._data)  # as bytes: decoding all of them twice takes a second in five thousand tests
    yield
    if os.environ._data != before:
        os.environ.clear()
        os.environ |= {os.fsdecode(name): os.fsdecode(value) for name, value in before.items()}


@pytest.fixture(scope="session")
def params() -> Params:
    return read_params(SAMPLE)


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    """1,200 labelled rows of the sample world; copy before you change it."""
    return history(rows=100)


@pytest.fixture
def project(tmp_path, monkeypatch, customers) -> Path:
    """An empty folder with our params.yaml, a small table and nothing built, as the current folder."""
    furnish(tmp_path, customers)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, once for all workers: the first worker that needs it fills it, and the others wait.

    Copy the folder before you change it. A fixture of a wider scope is computed by each worker that runs one of its
    tests, so what takes a minute is better shared.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not Path(f"{folder}.done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            Path(f"{folder}.done").touch()
    return folder


def furnish(folder: Path, table: pd.DataFrame) -> None:
    """Put our params.yaml and a table in a folder."""
    shutil.copy(SAMPLE, folder)
    (folder / "data").mkdir()
    table.to_parquet(folder / "data" / "customers.parquet")


def pytest_addoption(parser):
    parser.addoption("--fail-on-skip", action="store_true", help="a skipped test fails the run: CI has every part")
    parser.addoption("--part", default="1/1", help="2/3 runs the second third of the files, dealt out in turn")


def pytest_ignore_collect(collection_path, config):
    """Without slow tests, do not import modules that have only slow tests, because their libraries take seconds."""
    module = collection_path.suffix == ".py" and config.option.markexpr == "not slow"
    return True if module and SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_itemcollected(item):
    """Mark the cases of a test after the first ones as slow: `fast(2)` has two cases in the fast tests."""
    if (fast := item.get_closest_marker("fast")) and max(item.callspec.indices.values()) >= fast.args[0]:
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(config, items):
    """Deselect the files of other parts and, once params.yaml describes other data, the tests that build the sample."""
    part, parts = map(int, config.getoption("--part").split("/"))
    dealt = set(sorted({item.path for item in items})[part - 1 :: parts])
    sample = settings.describe_the_sample(read_params())
    here = [item.path in dealt and (sample or not item.get_closest_marker("template")) for item in items]
    if not all(here):
        config.hook.pytest_deselected(items=[item for item, kept in zip(items, here, strict=True) if not kept])
        items[:] = [item for item, kept in zip(items, here, strict=True) if kept]
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    alone = all(ROOT / "tests" / "workflows" in item.path.parents for item in items)  # they have an order of their own
    if workers > 1 and not alone:
        items[:] = order.dealt(items, workers, _long)


def _long(item):
    """The folder of a slow test, "" of a quick one."""
    return item.path.relative_to(ROOT / "tests").parts[0] if item.get_closest_marker("slow") else ""


def pytest_collection_finish():
    """Exclude imported modules from garbage collection, because they stay until the end."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.getoption("--part") != "1/1":
        session.exitstatus = 0  # the few files that were asked for are in other parts
    if session.config.getoption("--fail-on-skip") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    """List skipped tests with their reasons in GitHub's summary of the job."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])
    )
    if SUMMARY and reasons:
        rows = "".join(f"| {cell(reason)} | {count} |\n" for reason, count in sorted(reasons.items()))
        with Path(SUMMARY).open("a", encoding="utf-8") as file:
            file.write(f"\n| skipped tests: why | how many |\n|---|---|\n{rows}\n")
