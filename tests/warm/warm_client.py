"""Imported by each Python of the warm environment at its start: passes its command to the server.

It then represents the process that runs: it passes signals on, ends with the same code or signal, and when it is
killed, so is the other process. It runs the command itself if there is no server, or if the server's child would
differ. Functions import their own modules, because every Python that tests start in this environment imports this
module.
"""

import os
import sys


def go(folder):
    """Run the command in the server's child and end like it; return if Python should run the command itself."""
    flag, module = [*sys.orig_argv, "", ""][1:3]
    if flag != "-m" or not known(module):
        return
    if os.environ.get("COLD_PYTHON") or limited():
        return
    import json

    try:
        with open(f"{folder}/server.json") as file:
            served = json.load(file)
    except OSError:
        start(folder)
        return
    if served == place():
        stand_for(folder, json)


def stand_for(folder, json):
    """End like the process of the server ends; return if the server no longer exists."""
    import signal
    import socket

    asked = {"argv": sys.orig_argv, "env": dict(os.environ), "cwd": os.getcwd(), "umask": os.umask(0o22)}
    os.umask(asked["umask"])
    asked |= {"executable": sys.executable, "prefix": sys.prefix}
    content = json.dumps(asked).encode("utf-8", "surrogateescape")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.connect(f"{folder}/socket")
    except OSError:
        return
    socket.send_fds(server, [len(content).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(content)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda found, _: server.send(bytes([found])))
    status = server.recv(4)
    code = int.from_bytes(status, "big", signed=True) if len(status) == 4 else -signal.SIGKILL
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def known(module):
    """Whether the server runs a module: DVC, our commands, tests and servers."""
    if module == "serving":
        return (os.environ.get("SERVING_PORT"), os.environ.get("SERVING_ACCESS_LOG")) == ("0", "none")
    tools = ("dvc", "pytest", "tests.gates.prove", "tests.world.sample")
    return module in tools or module.startswith(("ml.stages.", "demo."))


def limited():
    """Whether the memory, files or time of this process are limited, unlike those of the server's child."""
    import resource

    limits = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)
    return any(resource.getrlimit(limit)[0] != resource.RLIM_INFINITY for limit in limits)


def place():
    """The user and namespaces of this process; a process with others runs its command itself."""
    return [os.getuid(), os.getgid(), *(os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "net", "pid", "user"))]


def start(folder):
    """Start the server unless it runs."""
    try:
        os.close(os.open(f"{folder}/started", os.O_CREAT | os.O_EXCL))
    except OSError:
        return
    import subprocess

    kept = ("HOME", "PATH", "LANG", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    code = f"import warm_server; warm_server.main({folder!r})"
    with open(f"{folder}/log", "w") as log:
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=environment | {"PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}, start_new_session=True,
        )  # fmt: skip
