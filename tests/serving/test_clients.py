"""The default HTTP clients of other languages send requests to the API, directly and through the proxy."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import httpx
import pytest

from ml.deployment.proxy import Proxy, run_here
from ml.settings.params import read_params
from tests.conftest import SAMPLE
from tests.serving.server import built, rows, running

pytestmark = pytest.mark.slow
DATA = read_params(SAMPLE).data
JSON = {"content-type": "application/json"}
JAVA = """
import java.net.URI;
import java.net.http.*;
import java.nio.file.Path;

class Ask {
    public static void main(String[] given) throws Exception {
        var body = HttpRequest.BodyPublishers.ofFile(Path.of(given[1]));
        var request = HttpRequest.newBuilder(URI.create(given[0])).POST(body);
        request.header("Content-Type", "application/json");
        var answer = HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
    }
}
"""
NODE = """
const [url, file] = process.argv.slice(2)
const body = require('fs').readFileSync(file)
fetch(url, {method: 'POST', headers: {'content-type': 'application/json'}, body})
  .then(answer => answer.text()).then(console.log)
"""
GO = """
package main

import ("fmt"; "io"; "net/http"; "os")

func main() {
    file, _ := os.Open(os.Args[2])
    answer, err := http.Post(os.Args[1], "application/json", file)
    if err != nil { panic(err) }
    text, _ := io.ReadAll(answer.Body)
    fmt.Println(string(text))
}
"""
PROGRAMS = {
    "java": (["java"], "Ask.java", JAVA, "apt-get install openjdk-17-jdk-headless"),
    "node": (["node"], "ask.cjs", NODE, "install Node.js 18 or later: https://nodejs.org"),
    "go": (["go", "run"], "ask.go", GO, "apt-get install golang-go"),
    "curl": (["curl", "--http2", "-sS", "-H", "content-type: application/json"], None, None, "apt-get install curl"),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory, customers, params):
    """The server's own port and the port of HAProxy in front of it; the server's twice without HAProxy."""
    place = tmp_path_factory.mktemp("clients")
    own, front = _free(), _free()
    with running(built(place / "model", customers, params), place / "logs", own, trusted_proxies="127.0.0.1", rate=10):
        if not shutil.which("haproxy"):
            yield own, None
            return
        Proxy(place, f"127.0.0.1:{front}", run_here).up({"blue": f"127.0.0.1:{own}"})
        yield own, front
        for pid in (place / "run" / "haproxy.pid").read_text().split():
            os.kill(int(pid), signal.SIGTERM)


@pytest.fixture(params=["server", "proxy"])
def port(ports, request):
    found = ports[request.param == "proxy"]
    return found or pytest.skip("haproxy is not installed: apt-get install haproxy")


@pytest.fixture
def file(tmp_path, customers):
    path = tmp_path / "body.json"
    path.write_text(json.dumps({"rows": rows(customers, DATA, 3)}))
    return path


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_in_another_language_gets_its_predictions(port, file, tmp_path, name):
    command, source, code, missing = PROGRAMS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed: {missing}")
    url = f"http://127.0.0.1:{port}/predict"
    if source:
        (tmp_path / source).write_text(code)
        command = [*command, tmp_path / source, url, file]
    else:
        command = [*command, "--data-binary", f"@{file}", url]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert len(json.loads(done.stdout)["predictions"]) == 3


def test_python_s_clients_get_their_predictions(port, file):
    url, body = f"http://127.0.0.1:{port}/predict", file.read_bytes()
    asked = urllib.request.Request(url, body, JSON)

    with urllib.request.urlopen(asked, timeout=20) as answer:
        first = json.loads(answer.read())
    second = httpx.post(url, content=body, headers=JSON).json()
    third = pytest.importorskip("requests").post(url, data=body, headers=JSON, timeout=20).json()

    assert [p["score"] for p in first["predictions"]] == [p["score"] for p in second["predictions"]]
    assert first["predictions"] == third["predictions"]


def test_a_websocket_upgrade_gets_an_http_response(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as asked:
        offer = b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        offer += b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        asked.sendall(b"GET /health/live HTTP/1.1\r\nhost: us\r\n" + offer + b"\r\n")

        assert asked.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_http_2_without_negotiation_is_refused_at_once(ports):
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as asked:
        asked.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

        assert asked.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_no_header_evades_the_rate_limit_through_the_proxy(ports):
    if not ports[1]:
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    found = []
    with httpx.Client() as client:
        for n in range(300):
            headers = {"x-forwarded-for": f"10.0.{n // 250}.{n % 250}"}
            found.append(client.get(f"http://127.0.0.1:{ports[1]}/model", headers=headers).status_code)
            if found[-1] == 429:
                break

    assert found[-1] == 429


def _free():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
