"""Imports libraries once, and forks a process for each command that warm_client.py passes on."""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path

LIBRARIES = (
    "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.model_selection", "skops.io", "onnx", "onnxruntime", "mlflow", "great_expectations", "matplotlib.figure",
    "matplotlib.backends.backend_svg", "shap", "dvc.cli", "dvc.repo", "dvc.commands.repro", "requests", "ruamel.yaml",
    "alembic.command", "mlflow.store.artifact.artifact_repository_registry", "markdown_it", "dvc.api",
    "fastapi", "uvicorn", "uvicorn.supervisors", "uvloop", "httptools", "prometheus_client.multiprocess", "optuna",
    "evidently.presets", "mlflow.sklearn", "mlflow.store.tracking.sqlalchemy_store", "dvc.cli.parser", "networkx",
    "pygit2",
)  # fmt: skip
SETTINGS = {  # as ml/stages/__init__.py has them
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell", "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "False", "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet",
}  # fmt: skip


def main(folder):
    """Serve until the process that made the environment has ended."""
    import warm_memory
    from warm_client import place

    folder = Path(folder)
    sys.path.remove(os.environ.pop("PYTHONPATH"))
    sys.path[:] = [entry for entry in sys.path if entry]  # of `python -c`
    os.environ |= SETTINGS
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    own_plug_in()
    installed_packages()
    warm_memory.use(folder / "memory")
    warm_memory.use_databases(folder / "memory")
    for name in [name for name in sys.modules if name.partition(".")[0] == "ml"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    owner = json.loads((folder / "owner.json").read_text())["pid"]
    (folder / "server.new").write_text(json.dumps(place()))
    (folder / "server.new").rename(folder / "server.json")
    serve(listener, owner, folder)


def own_plug_in():
    """Register MLflow's plug-in of the folder of each process; MLflow has loaded another one."""

    def store(*given, **named):
        return importlib.import_module("ml.registry.store").StoreArtifactRepository(*given, **named)

    if plug_ins := sys.modules.get("mlflow.store.artifact.artifact_repository_registry"):
        plug_ins._artifact_repository_registry.register("store", store)


def installed_packages():
    """Let MLflow read once which packages are installed: it compares them with each model's requirements."""
    if of_mlflow := sys.modules.get("mlflow.utils.requirements_utils"):
        of_mlflow._init_modules_to_packages_map()
        of_mlflow._init_packages_to_modules_map()


def serve(listener, owner, folder):
    """Fork for each connection, pass signals on, and report how each child ended."""
    watched = selectors.DefaultSelector()
    watched.register(listener, selectors.EVENT_READ, None)
    while Path(f"/proc/{owner}").exists() and folder.exists():
        for key, _ in watched.select(1):
            if key.fileobj is listener:
                client, _ = listener.accept()
                asked, files = request(client)
                if asked is None:
                    client.close()
                    continue
                child = os.fork()
                if child == 0:
                    for other in [*watched.get_map()]:
                        os.close(other)
                    client.detach()
                    become(asked, files)
                for file in files:
                    os.close(file)
                pidfd = os.pidfd_open(child)
                watched.register(client, selectors.EVENT_READ, (child, pidfd))
                watched.register(pidfd, selectors.EVENT_READ, (child, client))
            elif isinstance(key.fileobj, socket.socket):
                passed_on(watched, key)
            else:
                ended(watched, key)
    os._exit(0)


def request(client):
    """The command to run, with its input and output."""
    head, files, _, _ = socket.recv_fds(client, 8, 3)
    if len(head) < 8 or len(files) < 3:
        return None, files
    content = b""
    while len(content) < int.from_bytes(head, "big"):
        content += (piece := client.recv(1 << 16))
        if not piece:
            return None, files
    return json.loads(content.decode("utf-8", "surrogateescape")), files


def passed_on(watched, key):
    """Pass a signal to the child; the end of the client ends the child."""
    _, pidfd = key.data
    with contextlib.suppress(OSError):
        found = key.fileobj.recv(1)
        signal.pidfd_send_signal(pidfd, found[0] if found else signal.SIGKILL)
    if not found:
        watched.unregister(key.fileobj)


def ended(watched, key):
    """Report to the client how its child ended."""
    child, client = key.data
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    watched.unregister(key.fileobj)
    os.close(key.fileobj)
    with contextlib.suppress(KeyError):
        watched.unregister(client)
    with contextlib.suppress(OSError):
        client.send(code.to_bytes(4, "big", signed=True))
    client.close()


def become(asked, files):
    """Become the requested process: environment, folder, files and module, and its end."""
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.umask(asked["umask"])
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(asked["cwd"])
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    given = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:0] = [os.getcwd(), *given]
    _, _, module, *arguments = sys.orig_argv = asked["argv"]
    sys.argv = [module, *arguments]
    sys.executable, sys.prefix, sys.exec_prefix = asked["executable"], asked["prefix"], asked["prefix"]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    code = 1
    try:
        code = finished(module)
    finally:
        os._exit(code)  # the libraries' own handlers wait for threads that a fork does not have


def finished(module):
    """The exit code of a module, after Python's own cleanup, which a signal does not end."""
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        code = stop.code
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is None or isinstance(code, bool):
        code = int(code or 0)
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for cleanup in (threading._shutdown, atexit._run_exitfuncs):
        try:
            cleanup()
        except BaseException:
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code & 0xFF
