"""A second `.venv` for the processes that tests start, in which libraries are imported once and not by each process.

A stage imports for seconds and works for less, and the suite starts hundreds. `python -m ml.stages.NAME`,
`python -m dvc`, simulated customers and the servers of the gates (warm_client.known) are the real commands in a process
of their own, forked from one that has imported libraries (and nothing of ours) already. Tests of what this could
change, such as how processes are killed, set COLD_PYTHON=1.
"""

import json
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.warm import warm_memory

COLD = "COLD_PYTHON"  # set to anything in a test's environment: processes start as a user's
HERE = Path(__file__).parent
DVC = '#!/bin/sh\nexec "{python}" -m dvc "$@"\n'


def use() -> Path | None:
    """Make the environment, and let `sys.executable` and `sys.prefix` name it; None if this process already has one."""
    if sys.platform != "linux" or "warm_client" in sys.modules:
        return None
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    folder.chmod(0o755)  # a test's server may run as another user
    _environment(folder, Path(sys.prefix))
    (folder / "owner.json").write_text(json.dumps({"pid": os.getpid(), "prefix": sys.prefix}))
    sys.executable, sys.prefix = str(folder / "bin" / "python"), str(folder)
    return folder


def leave(folder: Path) -> None:
    """Remove the environment; the process with the imports ends by itself."""
    sys.prefix = json.loads((folder / "owner.json").read_text())["prefix"]
    sys.executable = str(Path(sys.prefix, "bin", "python"))
    shutil.rmtree(folder, ignore_errors=True)


@cache
def remember() -> None:
    """Let this process of the tests share parsed YAML and MLflow's empty database with processes that it starts."""
    folder = Path(sys.prefix)
    if (folder / "owner.json").exists():
        warm_memory.use(folder / "memory")
        warm_memory.use_databases(folder / "memory")


def _environment(folder: Path, real: Path) -> None:
    """The programs of the real environment as links, and its packages; `dvc` is this environment's own."""
    (folder / "bin").mkdir()
    for program in Path(real, "bin").iterdir():
        (folder / "bin" / program.name).symlink_to(program.resolve() if program.name == "python" else program)
    for name in ("python3", Path(sys.executable).resolve().name, "python"):
        (folder / "bin" / name).unlink(missing_ok=True)
        (folder / "bin" / name).symlink_to(Path(sys.executable).resolve())
    (folder / "bin" / "dvc").unlink(missing_ok=True)
    (folder / "bin" / "dvc").write_text(DVC.format(python=folder / "bin" / "python"))
    (folder / "bin" / "dvc").chmod(0o755)
    for each in real.iterdir():
        if each.name not in {"bin", "lib", "lib64", ".lock"}:
            (folder / each.name).symlink_to(each)
    packages = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    (folder / packages).mkdir(parents=True)
    start = f"import sys; sys.path.append({str(HERE)!r}); import warm_client; sys.path.remove({str(HERE)!r})"
    whole = f"{real / packages}\nimport site; site.addsitedir({str(real / packages)!r})\n"  # the path for type checkers
    (folder / packages / "a.pth").write_text(whole)
    (folder / packages / "b.pth").write_text(f"{start}; warm_client.go({str(folder)!r})\n")
