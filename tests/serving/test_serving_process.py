"""The server as a process: kills, shutdown, swaps, MLflow's client, the OpenAPI document, and the page in a browser."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from ml.model import model, model_file
from ml.prediction_log import segments
from ml.settings.params import read_params
from serving import explanations
from tests.conftest import SAMPLE
from tests.serving.crowd import writing
from tests.serving.load import Load
from tests.serving.server import ROOT, application, built, lines, rows, running, wait_ready

pytestmark = pytest.mark.slow
DATA = read_params(SAMPLE).data


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_no_acknowledged_prediction_is_lost_or_doubled_by_forty_kill_9(folder, tmp_path, port, customers):
    logs = tmp_path / "logs"
    environment = {**os.environ, "SERVING_MODEL": str(folder), "SERVING_LOG_DIRECTORY": str(logs)}
    command = [sys.executable, "-m", "tests.serving.crowd", str(port), str(logs), "40"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        wait_ready(port, process)
        with Load(port, rows(customers, DATA, 1)[0], clients=8) as load:
            killed = int(process.stdout.readline())

    assert killed == 40
    assert len(load.answered) > 1000
    assert_each_is_logged_once(load.answered, logs)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_response_arrives_in_one_piece(folder, tmp_path, port, customers, workers):
    body = json.dumps({"rows": rows(customers, DATA, 1)}).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nhost: us\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    pieces = []
    with (
        running(folder, tmp_path / "logs", port, workers=workers),
        socket.create_connection(("127.0.0.1", port)) as asked,
    ):
        for _ in range(100):
            asked.sendall(head.encode() + body)
            pieces.append(asked.recv(65536))

    assert all(piece.startswith(b"HTTP/1.1 200 OK") and piece.endswith(b"]}") for piece in pieces)


def test_workers_that_are_killed_are_replaced_and_lose_nothing(folder, tmp_path, port, customers):
    logs, killed = tmp_path / "logs", set()
    with running(folder, logs, port, workers=2) as process, Load(port, rows(customers, DATA, 1)[0]) as load:
        end = time.monotonic() + 60
        while len(killed) < 5 and process.poll() is None and time.monotonic() < end:
            for worker in writing(logs) - killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
            time.sleep(0.05)

    assert len(killed) >= 5
    assert_each_is_logged_once(load.answered, logs)


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the libraries of a process from /proc")
def test_the_server_itself_loads_nothing_of_what_explains(tmp_path, port, customers, params):
    """Other threads wait for such imports: health took 0.5 s during the import of SHAP."""
    forest = built(tmp_path / "forest", customers, params, "random_forest")
    body = json.dumps({"rows": rows(customers, DATA, 1)}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict?explain=true", body, {"content-type": "application/json"}
    )
    with running(forest, tmp_path / "logs", port) as process:
        for _ in range(600):
            try:
                answer = json.load(urllib.request.urlopen(request, timeout=60))
                break
            except urllib.error.HTTPError:  # 503 until it is loaded
                time.sleep(0.3)
        loaded = Path("/proc", str(process.pid), "maps").read_text()

    assert answer["predictions"][0]["explanation"]
    assert [name for name in ("pandas", "sklearn", "llvmlite", "/shap/") if name in loaded] == []


def assert_each_is_logged_once(answered, logs):
    contents = [path.read_bytes() for path in logs.iterdir() if ".jsonl" in path.name]
    logged = [json.loads(line)["request_id"] for content in contents for line in segments.whole(content)[0]]
    assert set(answered) <= set(logged)
    assert len(logged) == len(set(logged))


def metrics(port):
    """Every series of /metrics by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines_ = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines_)}


def served(found):
    """The forms of served models."""
    info = {name: value for name, value in found.items() if name.startswith("serving_model_info")}
    return {re.search(r'form="(\w+)"', name)[1]: value for name, value in info.items()}


def metrics_once(port, ready):
    """The metrics once they meet a condition, or after half a minute: a response is counted just after it is sent."""
    end = time.monotonic() + 30
    while not ready(found := metrics(port)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def test_metrics_cover_all_workers_and_survive_them(folder, tmp_path, port, customers, params):
    place, count = tmp_path / "place", 'serving_requests_total{path="/predict",status="200"}'
    shutil.copytree(folder, place)
    body = json.dumps({"rows": rows(customers, DATA, 3)})
    with running(place, tmp_path / "logs", port, workers=2) as process:
        asked, end = 0, time.monotonic() + 60
        while len(answered := writing(tmp_path / "logs")) < 2 and time.monotonic() < end:
            _post(port, "/predict", body)  # a connection each, so that both workers get some
            asked += 1
        before = metrics_once(port, lambda found: found.get(count) == asked)
        built(place, customers, params, "random_forest")
        process.send_signal(signal.SIGHUP)
        swapped = metrics_once(port, lambda found: served(found) == {"linear": 0, "onnx": 1})
        for worker in answered:
            os.kill(worker, signal.SIGKILL)
        replaced = metrics_once(port, lambda found: served(found) == {"onnx": 1})

    assert [before[count], swapped[count], replaced[count]] == [asked] * 3
    assert [v for name, v in before.items() if name.startswith("serving_rows_total")] == [3 * asked]
    assert served(swapped) == {"linear": 0, "onnx": 1}
    assert served(replaced) == {"onnx": 1}


def _post(port, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content
    return json.loads(content)


def test_sigterm_completes_accepted_requests_and_sighup_swaps_without_a_failure(
    folder, tmp_path, port, customers, params
):
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    row = rows(customers, DATA, 1)[0]
    with running(place, tmp_path / "logs", port, workers=2) as process:
        with Load(port, row) as load:
            load.go_on()
            built(place, customers, params, "random_forest")
            process.send_signal(signal.SIGHUP)
            swapped = metrics_once(port, lambda found: served(found) == {"linear": 0, "onnx": 1})
            load.go_on()
        failed = list(load.failed)
        process.terminate()
        code = process.wait(20)

    logged = lines(tmp_path / "logs")
    assert served(swapped) == {"linear": 0, "onnx": 1}
    assert failed == []
    assert len({line["model"] for line in logged}) == 2
    assert code == 0
    assert {line["request_id"] for line in logged} >= set(load.answered)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_start_is_refused_with_a_reason_and_without_a_traceback(tmp_path, workers):
    environment = {**os.environ, "SERVING_MODEL": str(tmp_path / "nothing"), "SERVING_LOG_DIRECTORY": str(tmp_path)}
    environment |= {"SERVING_WORKERS": workers}
    command = [sys.executable, "-m", "serving"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "holds no model" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def nobody():
    """A prefix that runs a command as an account without files; empty unless this process is root."""
    if os.getuid() != 0:
        return []
    who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    reads = [
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    ]  # root's own Python may be closed to others
    if not shutil.which("setpriv") or subprocess.run([*who, *reads, "true"], check=False).returncode:
        pytest.skip("cannot become another account here: apt-get install util-linux, or run as a user")
    return [*who, *reads]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_needs_no_root_and_writes_only_its_log(folder, port, customers, nobody, workers):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other accounts
        home = Path(place)
        shutil.copytree(folder, home / "model")
        (home / "logs").mkdir()
        (home / "logs").chmod(0o777)
        before = set(home.rglob("*"))
        for path in (home / "model", home):
            path.chmod(0o555)
        settings = {"before": nobody, "cwd": home, "workers": workers}
        with running(home / "model", home / "logs", port, **settings):
            _post(port, "/predict", json.dumps({"rows": rows(customers, DATA, 3)}))
        home.chmod(0o755)

        (written,) = set(home.rglob("*")) - before
        assert written.parent.name == "logs"
        assert written.stat().st_uid == (os.getuid() or 65534)
        assert len(lines(home / "logs")[0]["rows"]) == 3


def test_the_serving_path_loads_neither_pandas_nor_scikit_learn_nor_mlflow(folder, tmp_path):
    code = (
        "import sys, serving.__main__ as m; m.build(); "
        "print([n for n in ('pandas', 'sklearn', 'mlflow', 'skops') if n in sys.modules])"
    )
    environment = {**os.environ, "SERVING_MODEL": str(folder), "SERVING_LOG_DIRECTORY": str(tmp_path / "logs")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == "[]", done.stderr


def test_mlflow_s_own_client_predicts(folder, tmp_path, port, customers, params):
    client_of = pytest.importorskip("mlflow.pyfunc.scoring_server.client").ScoringServerClient
    expected = model.scores(model_file.loads((folder / "model.skops").read_bytes()), customers.head(50), params.data)
    frame = customers[[*DATA.columns]].head(50)
    with running(folder, tmp_path / "logs", port):
        client = client_of("127.0.0.1", port)
        client.ping()
        answer = client.invoke(frame).get_predictions()
        columns = {name: json.loads(frame[name].to_json(orient="values")) for name in frame}
        shapes = {
            "records": ({"dataframe_records": json.loads(frame.to_json(orient="records"))}, "application/json"),
            "split": ({"dataframe_split": json.loads(frame.to_json(orient="split"))}, "application/json"),
            "inputs": ({"inputs": columns}, "application/json"),
            "csv": (frame.to_csv(index=False), "text/csv"),
        }
        found = {name: _invoke(port, *sent) for name, sent in shapes.items()}

    assert answer[1].to_numpy() == pytest.approx(expected)
    for name, scores in found.items():
        assert scores == pytest.approx(expected), name


def _invoke(port, body, kind):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    content = body if isinstance(body, str) else json.dumps(body)
    connection.request("POST", "/invocations", content, {"content-type": kind})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return [pair[1] for pair in answer["predictions"]]


def test_every_response_matches_the_openapi_document(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(explanations, "PATIENCE", 300)  # the first explanation would get 503
    app = application(folder, tmp_path / "logs")
    counted = []
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def check(case):
            counted.append(case.path)
            case.call_and_validate()

        check()

    assert {"/predict", "/feedback", "/model", "/metrics"} <= set(counted)


def test_the_docs_page_sends_a_real_prediction(folder, tmp_path, port):
    selenium = pytest.importorskip("selenium.webdriver")
    driver_path, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver_path or not browser:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    from selenium.webdriver.common.by import By  # noqa: PLC0415
    from selenium.webdriver.support.ui import WebDriverWait  # noqa: PLC0415

    options = selenium.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,2000"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(driver_path))
    try:
        with running(folder, tmp_path / "logs", port):
            driver.get(f"http://127.0.0.1:{port}/docs")
            wait = WebDriverWait(driver, 30)
            for selector in ("[id$=predict_predict_post] .opblock-summary-control", ".try-out__btn", ".btn.execute"):
                button = wait.until(lambda d, s=selector: d.find_element(By.CSS_SELECTOR, s))
                driver.execute_script("arguments[0].click()", button)
            shown = ".live-responses-table .response-col_description .microlight"
            text = wait.until(lambda d: d.find_element(By.CSS_SELECTOR, shown).text)
    finally:
        driver.quit()

    (record,) = lines(tmp_path / "logs")
    answer = json.loads(text)
    assert answer["request_id"] == record["request_id"]
    assert answer["predictions"][0]["score"] == pytest.approx(record["rows"][0]["score"])


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed: apt-get install curl")
def test_the_session_in_the_readme_works_as_printed(folder, tmp_path, port):
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Serving\n")[2].partition("\n## ")[0]
    commands, printed = re.findall(r"```(?:bash|json)\n(.*?)```", section, re.DOTALL)
    (tmp_path / "build").mkdir()  # `make run` has made it where the README is followed
    with running(folder, tmp_path / "logs", port):
        session = ["bash", "-euc", commands.replace(":8000", f":{port}")]
        done = subprocess.run(session, cwd=tmp_path, capture_output=True, text=True, check=True)

    answers, expected = ([json.loads(line) for line in text.splitlines()] for text in (done.stdout, printed))
    assert shape(answers) == shape(expected)
    assert answers[2]["detail"] == expected[2]["detail"]
    assert answers[0]["predictions"][0]["id"] == "c-1"


def shape(value):
    """Keys and types of a response, without the values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)
