"""HAProxy starts wherever the repository is checked out, however long its name."""

import os
import shutil
import signal
import socket

import pytest

from ml.deployment.proxy import Proxy, run_here


@pytest.mark.parametrize("name", ["churn", "a-repository-with-a-name-that-nobody-thought-would-be-a-path/" * 2])
def test_the_proxy_answers_in_a_folder_of_any_length(tmp_path, name):
    if not shutil.which("haproxy"):
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / name
    folder.mkdir(parents=True)

    proxy = Proxy(folder, f"127.0.0.1:{port}", run_here)
    proxy.up({})

    try:
        assert proxy.answers()
    finally:
        os.kill(int((folder / "run" / "haproxy.pid").read_text()), signal.SIGKILL)
