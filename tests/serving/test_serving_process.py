"""The server as a process: kills, drains, swaps, MLflow's client, the OpenAPI document and the page in a browser."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from ml import model
from ml.params import read_params
from tests.serving.load import Load
from tests.serving.server import ROOT, application, built, lines, rows, running

pytestmark = pytest.mark.slow
DATA = read_params(ROOT / "params.yaml").data
KILLS = 8
PIPES = {"cwd": ROOT, "capture_output": True, "text": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def workers(parent):
    """The process ids of workers: children that multiprocessing spawned."""
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(FileNotFoundError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc, which Linux has")
def test_no_acknowledged_prediction_is_lost_or_doubled_by_kill_9(folder, tmp_path, port, customers):
    row = rows(customers, DATA, 1)[0]
    killed = 0
    with running(folder, tmp_path / "logs", port, workers=2) as process, Load(port, row) as load:
        end = time.monotonic() + 60
        while killed < KILLS and time.monotonic() < end:
            time.sleep(0.8)
            for worker in workers(process.pid)[:1]:
                os.kill(worker, signal.SIGKILL)
                killed += 1

    raw = b"".join(path.read_bytes() for path in (tmp_path / "logs").iterdir() if ".jsonl" in path.name)
    logged = [json.loads(line)["request_id"] for line in raw.splitlines() if line.endswith(b"}")]
    assert killed == KILLS
    assert len(load.answered) > 100
    assert set(load.answered) <= set(logged)
    assert len(logged) == len(set(logged))


def test_sigterm_answers_what_was_taken_and_sighup_swaps_without_a_failure(folder, tmp_path, port, customers, params):
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    row = rows(customers, DATA, 1)[0]
    with running(place, tmp_path / "logs", port, workers=2) as process:
        with Load(port, row) as load:
            time.sleep(1)
            built(place, customers, params, "random_forest")
            process.send_signal(signal.SIGHUP)
            time.sleep(3)
        failed = list(load.failed)
        process.terminate()
        code = process.wait(20)

    logged = lines(tmp_path / "logs")
    assert failed == []
    assert len({line["model"] for line in logged}) == 2
    assert code == 0
    assert {line["request_id"] for line in logged} >= set(load.answered)


def test_the_start_is_refused_with_a_reason_and_without_a_traceback(tmp_path):
    environment = {**os.environ, "SERVING_MODEL": str(tmp_path / "nothing"), "SERVING_LOG_DIRECTORY": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "serving"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "holds no model" in done.stderr
    assert "Traceback" not in done.stderr


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
    expected = model.scores(model.loads((folder / "model.skops").read_bytes()), customers.head(50), params.data)
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


def test_the_api_keeps_its_openapi_document_whatever_is_sent(folder, tmp_path):
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
def test_the_session_in_the_documentation_works_as_printed(folder, tmp_path, port):
    (session,) = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/serving.md").read_text(encoding="utf-8"), re.DOTALL)
    with running(folder, tmp_path / "logs", port):
        done = subprocess.run(["bash", "-euc", session.replace(":8000", f":{port}")], **PIPES, check=True)

    predicted, accepted, refused = map(json.loads, done.stdout.replace("}{", "}\n{").splitlines())
    assert predicted["predictions"][0]["id"] == "c-1"
    assert accepted["accepted"] == 1
    assert refused["detail"][0]["column"] == "tenure_months"
