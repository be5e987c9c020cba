"""HAProxy starts in any checkout folder, and divides requests by the set shares from the first request on."""

import os
import shutil
import signal
import socket
import threading
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ml.deployment.proxy import Proxy, run_here
from ml.io.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def started():
    """A function that starts HAProxy in a folder in front of two servers: the proxy and its port."""
    if not shutil.which("haproxy"):
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    folders = []

    def start(folder, places):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        proxy = Proxy(folder, f"127.0.0.1:{port}", run_here)
        folders.append(folder)
        proxy.up(places)
        return proxy, port

    yield start
    for folder in folders:
        for pid in (folder / "run" / "haproxy.pid").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def places():
    """Two servers, and the number of requests that each has answered."""
    counts, servers = Counter(), {}
    for slot in ("blue", "green"):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(slot, counts))
        server.handle_error = lambda *_: None  # whoever checks health hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers[slot] = server
    yield counts, {slot: f"127.0.0.1:{server.server_port}" for slot, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def _handler(slot, counts):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay

        def do_GET(self):
            counts[slot] += self.path != "/health/ready"
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def asking(port):
    """A function that sends this many requests on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(times):
        for _ in range(times):
            connection.request("GET", "/")
            connection.getresponse().read()

    yield ask
    connection.close()


@pytest.mark.parametrize("length", [20, 180])
def test_the_socket_is_moved_if_the_path_of_the_folder_is_too_long(tmp_path, started, length):
    folder = tmp_path / ("n" * length)
    folder.mkdir()

    proxy, _ = started(folder, {"blue": "127.0.0.1:9"})

    assert proxy.answers()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_a_share_applies_from_the_first_requests_on_after_any_earlier_share(tmp_path, started, places, share):
    counts, addresses = places
    serving, other = "blue", "green"
    proxy, port = started(tmp_path, {serving: addresses[serving]})

    with asking(port) as ask:
        for before in range(0, 300, 17):
            proxy.join(other, addresses[other])
            ask(before)
            counts.clear()
            proxy.split(serving, share)
            ask(40)
            assert counts[other] == pytest.approx(40 * share, abs=2)
            proxy.split(serving, 1.0)
            ask(50)
            proxy.only(other, addresses[other], 5)
            serving, other = other, serving


def test_a_new_port_replaces_the_old_one(tmp_path, started, places):
    counts, addresses = places
    _, port = started(tmp_path, addresses)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = free.getsockname()[1]

    Proxy(tmp_path, f"127.0.0.1:{other}", run_here).up(addresses)

    with asking(other) as ask:
        ask(3)
    assert sum(counts.values()) == 3
    with pytest.raises(ConnectionRefusedError), asking(port) as ask:
        ask(1)


def test_two_proxies_do_not_share_a_port(tmp_path, started, places):
    _, port = started(tmp_path, places[1])
    other = tmp_path / "other"
    other.mkdir()

    with pytest.raises(UserError, match="haproxy does not start"):
        Proxy(other, f"127.0.0.1:{port}", run_here).up({})


@pytest.mark.parametrize("share", [0.001, 1.0])
def test_each_server_gets_at_least_1_of_256_requests(tmp_path, started, places, share):
    counts, addresses = places
    proxy, port = started(tmp_path, addresses)

    with asking(port) as ask:
        proxy.split("blue", share)
        ask(512)

    assert 1 <= min(counts["blue"], counts["green"]) <= 3
