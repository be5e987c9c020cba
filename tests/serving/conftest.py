"""Real targets for the prediction log: a PostgreSQL and an S3 server on this machine, for one run of the tests."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import SAMPLE

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _postgres_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(p) for p in [shutil.which("initdb")] if p]
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


class Database:
    """A PostgreSQL server that can be stopped and started, with a user `log`."""

    def __init__(self, home, password="secret"):
        self._home, self._programs, self.port = home, _postgres_programs(), free_port()
        self._password = password
        (home / "password").write_text(password)
        if os.getuid() == 0:  # the server refuses to run as root
            shutil.chown(home, "postgres", "postgres")
            shutil.chown(home / "password", "postgres", "postgres")
        self._run("initdb", "-D", home / "data", "-U", "log", "-A", "scram-sha-256", "--pwfile", home / "password")

    @property
    def url(self):
        return f"postgresql://log:{self._password}@127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", self._home / "data", "-w", "-l", self._home / "server.log", "-o", options, "start")

    def stop(self):
        self._run("pg_ctl", "-D", self._home / "data", "-w", "-m", "immediate", "stop")

    def _run(self, program, *arguments):
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        command = [self._programs / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._home, **user)


@pytest.fixture(autouse=True)
def _cold(monkeypatch):
    """Disable the warm environment, which passes on a kill with a short delay."""
    monkeypatch.setenv("COLD_PYTHON", "1")


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'ml[shipping]'")
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are closed to the server's user
        database = Database(Path(home))
        database.start()
        yield database
        database.stop()


@pytest.fixture
def postgres(server):
    """The server with an empty log."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server.url) as connection:
        connection.execute("drop table if exists prediction_log")
    return server


@pytest.fixture(scope="module")
def s3():
    """The address of an S3 server with one bucket, `logs`."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'ml[shipping]'")
    pytest.importorskip("moto", reason="moto is not installed: make setup")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def bucket(s3, monkeypatch):
    """The environment for the S3 server, and an empty bucket in it."""
    s3fs = pytest.importorskip("s3fs")
    for name, value in {"AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "us", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem(skip_instance_cache=True)
    if system.exists("logs"):
        system.rm("logs", recursive=True)
    system.mkdir("logs")
    return "s3://logs/churn"


@pytest.fixture
def stage():
    """Run a stage of this checkout like a user; returns the finished process with its output."""

    def run(name, *flags, **environment):
        command = [sys.executable, "-m", f"ml.stages.{name}", *flags]
        code = f"{ROOT / 'src'}{os.pathsep}{ROOT}"  # a relative PYTHONPATH means nothing in another folder
        variables = {**os.environ, "PYTHONPATH": code, **environment}
        return subprocess.run(
            command, env=variables, cwd=SAMPLE.parent, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def _wait_for(port):
    for _ in range(300):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port} after 30 s")
