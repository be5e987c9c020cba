"""A process of the warm environment behaves like one that Python started (tests/warm)."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.warm import warm_memory

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")]

PROBE = """
import atexit, os, signal, sys, threading, time
from pathlib import Path
import ml
def interrupt():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
print(sorted({"numpy", "mlflow"} & {*sys.modules}), os.getpid(), file=sys.stderr)
print(ml.__file__, sys.argv, sys.path[:2], sys.executable, os.environ["WORD"], sys.stdin.read(), os.umask(0o22))
if sys.argv[1] == "wait":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    atexit.register(Path("ended").touch)
    Path("ready").touch()
    time.sleep(60)
if sys.argv[1] == "plug-in":
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    print(get_artifact_repository("store://models"))
if sys.argv[1] == "interrupted":  # while Python waits for a thread, after the end of the module
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    threading.Thread(target=interrupt).start()
ends = {"interrupted": 4, "code": 7, "plug-in": 0, "words": "no such thing", "none": None}
sys.exit(ends[sys.argv[1]])
"""
PLUG_IN = "StoreArtifactRepository = lambda place, **_: f'of {__file__}: {place}'"
WARM, COLD = {}, {"COLD_PYTHON": "1"}


REMEMBERED = """
import importlib.util, io, sys
from pathlib import Path
import dvc.utils.serialize._yaml as of_dvc, ruamel.yaml, yaml
import warm_memory
texts = [Path(name).read_text() for name in sys.argv[2:]] + ["a: no\\nb: 1:30\\nc: 2026-01-31\\nd: 1e3\\n"]
def all_read():
    for_update = [of_dvc.parse_yaml(text, "x.yaml", typ="rt") for text in texts]
    written = [io.StringIO() for _ in texts]
    for one, file in zip(for_update, written):
        ruamel.yaml.YAML().dump(one, file)
    return [
        *([ruamel.yaml.YAML(typ="safe", pure=pure).load(text) for text in texts] for pure in (False, True)),
        [yaml.safe_load(text) for text in texts], [of_dvc.parse_yaml(text, "x.yaml") for text in texts],
        [file.getvalue() for file in written],
    ]
def traced(name):
    Path(name).mkdir(exist_ok=True)
    Path(name, "own.py").write_text("def fails():\\n    return fails.__code__.co_filename\\n")
    spec = importlib.util.spec_from_file_location(f"own_{name}", f"{name}/own.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Path(module.fails()).resolve() == Path(name, "own.py").resolve()
expected = all_read()
warm_memory.use(sys.argv[1])
first, made = all_read(), len([*Path(sys.argv[1]).iterdir()])
print(first == expected, all_read() == expected, len([*Path(sys.argv[1]).iterdir()]) == made > len(texts))
print(traced("one"), traced("two"))
try:
    yaml.safe_load("a: [")
except yaml.YAMLError:
    print("refused")
"""


def test_a_text_that_was_parsed_or_compiled_before_gives_the_same(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "warm"), "PYTHONDONTWRITEBYTECODE": "1", **COLD}
    files = [str(ROOT / name) for name in ("dvc.lock", "dvc.yaml", "params.yaml")]

    for _ in range(2):  # the second process finds what the first one stored
        done = subprocess.run(
            [sys.executable, "-c", REMEMBERED, str(tmp_path / "memory"), *files],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert done.stderr == ""
        assert done.stdout.split() == ["True", "True", "True", "True", "True", "refused"]


def test_a_copied_database_equals_one_that_mlflow_made_and_one_with_tables_stays(tmp_path, monkeypatch):
    from mlflow.store.db import utils  # noqa: PLC0415

    def tables(name):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as database:
            rows = [row for (table,) in database.execute("select name from sqlite_master where type = 'table'")
                    for row in database.execute(f"select '{table}', * from {table}")]  # fmt: skip
            return sorted(map(str, [*database.execute("select name, sql from sqlite_master"), *rows]))

    def initialized(name):
        engine = utils.create_sqlalchemy_engine(f"sqlite:///{tmp_path / name}")
        assert utils._all_tables_exist(engine) is False
        utils._initialize_tables(engine)
        assert utils._all_tables_exist(engine) is True

    monkeypatch.setattr(utils, "_initialize_tables", utils._initialize_tables)  # restored at the end
    warm_memory.use_databases(tmp_path / "memory")
    initialized("first.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as database:
        database.execute("create table theirs (word text)")
    made = []
    monkeypatch.setattr(utils, "_upgrade_db", lambda engine, upgrade=utils._upgrade_db: made.append(upgrade(engine)))
    initialized("copy.db")
    assert not made
    initialized("old.db")

    assert tables("copy.db") == tables("first.db")
    assert len(made) == 1
    assert [row for row in tables("old.db") if "theirs" in row]


@pytest.fixture(scope="module")
def server():
    """Wait until the libraries are imported; the first process of the warm environment starts this."""
    for _ in range(1200):
        subprocess.run([sys.executable, "-m", "ml.stages.models", "--help"], capture_output=True, check=True)
        if Path(sys.prefix, "server.json").exists():
            return
        time.sleep(0.1)
    pytest.fail(Path(sys.prefix, "log").read_text())


@pytest.fixture
def probe(tmp_path, server):
    """A function that starts a module `ml.stages.probe` of its own folder."""
    (tmp_path / "src" / "ml" / "stages").mkdir(parents=True)
    (tmp_path / "src" / "ml" / "__init__.py").touch()
    (tmp_path / "src" / "ml" / "stages" / "probe.py").write_text(PROBE)

    (tmp_path / "src" / "ml" / "registry").mkdir()
    (tmp_path / "src" / "ml" / "registry" / "store.py").write_text(PLUG_IN)

    def start(what, how):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "src", "WORD": "\udcff", **how}
        return subprocess.Popen(
            [sys.executable, "-m", "ml.stages.probe", what], cwd=tmp_path, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="surrogateescape",
        )  # fmt: skip

    return start


def ended(process):
    out, err = process.communicate("given\n", timeout=60)
    return process.returncode, out, err.partition("\n")[0].partition("]")[0], err.partition("\n")[2]


def test_a_warm_process_uses_the_plug_in_of_its_own_folder(probe, tmp_path):
    for how in (WARM, COLD):
        code, out, _, err = ended(probe("plug-in", how))

        assert code == 0, err
        assert f"of {tmp_path}/src/ml/registry/store.py: store://models" in out


@pytest.mark.parametrize(("what", "code"), [("code", 7), ("words", 1), ("none", 0), ("error", 1), ("interrupted", 4)])
def test_a_warm_process_has_the_same_output_and_exit_code(probe, what, code):
    warm, cold = ended(probe(what, WARM)), ended(probe(what, COLD))

    assert (warm[0], cold[0]) == (code, code)
    assert warm[1] == cold[1]
    assert warm[3].splitlines()[-1:] == cold[3].splitlines()[-1:]
    assert (warm[2], cold[2]) == ("['mlflow', 'numpy'", "[")


@pytest.mark.parametrize("how", [WARM, COLD], ids=["warm", "cold"])
def test_a_signal_reaches_the_process(probe, tmp_path, how):
    process = probe("wait", how)
    process.stdin.close()
    ready(tmp_path)

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 3
    assert (tmp_path / "ended").exists()


def test_a_warm_process_ends_with_its_client(probe, tmp_path):
    process = probe("wait", WARM)
    process.stdin.close()
    ready(tmp_path)
    number = process.stderr.readline().split()[-1]

    process.kill()
    process.wait(60)

    until(lambda: not Path("/proc", number).exists())
    assert not (tmp_path / "ended").exists()


def ready(folder):
    until((folder / "ready").exists)


def until(true):
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    pytest.fail("that took a minute")
