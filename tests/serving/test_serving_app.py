"""The API's responses, refusals and log lines; with the real application, model and log in this process."""

import asyncio
import hashlib
import json
import math
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data.schema import conform
from ml.io.errors import UserError
from ml.model import compiled_parity, model, model_file
from ml.model.predictor import load
from ml.prediction_log import predictions
from ml.registry.embedded_home import Embedded
from ml.settings.params import read_params
from serving import explanations
from serving.__main__ import _config
from serving.batch import Batcher
from serving.recorder import Asked, Clock
from serving.server_settings import read_settings
from serving.service import share
from tests.conftest import SAMPLE
from tests.rows import tables
from tests.serving.server import application, built, lines, promote, register, rows

DATA = read_params(SAMPLE).data
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


@pytest.fixture(scope="module")
def forest(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("forest"), customers, params, "random_forest")


@pytest.fixture(scope="module")
def shared(folder, tmp_path_factory):
    """A client for tests that do not look at the log."""
    with TestClient(application(folder, tmp_path_factory.mktemp("logs"))) as client:
        yield client


@pytest.fixture
def start(folder, tmp_path):
    """Start an application with settings; gives a client. Its log is in tmp_path / logs."""
    open_clients = []

    def begin(**settings):
        client = TestClient(application(settings.pop("folder", folder), tmp_path / "logs", **settings))
        open_clients.append(client.__enter__())
        return client

    yield begin
    for client in open_clients:
        client.__exit__(None, None, None)


@pytest.fixture
def patient(monkeypatch):
    """Let requests wait for SHAP, which loads slowly on a busy machine."""
    monkeypatch.setattr(explanations, "PATIENCE", 300)


@pytest.mark.usefixtures("patient")
@pytest.mark.slow
def test_an_explained_answer_is_the_same_with_contributions_that_add_up_to_it(start, forest, customers):
    client, some = start(folder=forest), rows(customers, DATA, 7)

    plain = client.post("/predict", json={"rows": some}).json()["predictions"]
    explained = client.post("/predict?explain=true", json={"rows": some}).json()["predictions"]

    for bare, full in zip(plain, explained, strict=True):
        said = full.pop("explanation")
        assert full == bare
        assert said["base"] + sum(said["contributions"].values()) == pytest.approx(full["score"], abs=1e-6)
        assert {*said["contributions"]} == {*DATA.columns}
    assert client.post("/predict?explain=false", json={"rows": some}).json()["predictions"] == plain
    assert client.post("/predict?explain=maybe", json={"rows": some}).status_code == 422
    many = client.post("/predict?explain=true", json={"rows": rows(customers, DATA, 101)})
    assert (many.status_code, "at most 100 rows" in many.json()["detail"]) == (422, True)


@pytest.mark.usefixtures("patient")
@pytest.mark.slow
def test_a_server_that_cannot_explain_says_what_is_missing_and_logs_nothing(
    start, forest, customers, monkeypatch, tmp_path
):
    some, details = rows(customers, DATA, 2), []
    for absent in ("shap", "pandas"):  # the second is absent in the image
        (tmp_path / absent).mkdir()
        (tmp_path / absent / f"{absent}.py").write_text(f"raise ModuleNotFoundError('absent', name='{absent}')")
        monkeypatch.syspath_prepend(tmp_path / absent)
        answer = start(folder=forest).post("/predict?explain=true", json={"rows": some})
        details.append((answer.status_code, answer.json()["detail"]))

    assert [status for status, _ in details] == [501, 501]
    assert "locks/explain.txt" in details[0][1]
    assert "pandas is missing" in details[1][1]
    assert "make score EXPLAIN=1" in details[1][1]
    assert not lines(tmp_path / "logs")


@pytest.mark.slow
def test_a_request_does_not_wait_until_explanations_are_loaded(start, forest, customers, monkeypatch, tmp_path):
    client, some = start(folder=forest), rows(customers, DATA, 2)
    monkeypatch.setattr(explanations, "PATIENCE", 0.01)

    early = [client.post("/predict?explain=true", json={"rows": some}) for _ in range(2)]
    logged = lines(tmp_path / "logs")
    monkeypatch.setattr(explanations, "PATIENCE", 300)
    late = client.post("/predict?explain=true", json={"rows": some})

    assert [(answer.status_code, answer.headers["retry-after"]) for answer in early] == [(503, "10")] * 2
    assert not logged
    assert late.json()["predictions"][1]["explanation"]


@pytest.mark.slow
def test_explanations_are_loaded_at_start_by_setting(start, forest, customers, monkeypatch):
    client, some = start(folder=forest, explain=True), rows(customers, DATA, 2)
    monkeypatch.setattr(explanations, "PATIENCE", 0)  # nothing is waited for

    assert client.post("/predict?explain=true", json={"rows": some}).json()["predictions"][1]["explanation"]


@pytest.mark.slow
def test_a_model_without_explanations_serves_with_that_setting(start, forest, customers, monkeypatch, tmp_path):
    (tmp_path / "shap.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path)

    client = start(folder=forest, explain=True)

    assert client.post("/predict", json={"rows": rows(customers, DATA, 2)}).status_code == 200


@pytest.mark.parametrize("path", ["/model/", "/docs/", "/predict/", "//them/model/"])
def test_no_header_of_a_request_becomes_a_link(shared, path):
    sent = {"host": "them.example", "x-forwarded-host": "them.example", "x-forwarded-proto": "javascript"}

    answer = shared.get(path, headers=sent, follow_redirects=False)

    assert (answer.status_code, "location" in answer.headers, "them" in answer.text) == (404, False, False)


@pytest.mark.usefixtures("patient")
@pytest.mark.slow
def test_after_the_end_of_the_explaining_process_another_one_explains(start, folder, customers):
    client, some = start(folder=folder, explain=True), rows(customers, DATA, 2)
    os.kill(client.app.state.service.explanations._child._process.pid, signal.SIGKILL)

    ended = client.post("/predict?explain=true", json={"rows": some})
    plain = client.post("/predict", json={"rows": some})
    again = client.post("/predict?explain=true", json={"rows": some})

    assert (ended.status_code, ended.headers["retry-after"]) == (503, "10")
    assert (plain.status_code, again.status_code) == (200, 200)
    assert again.json()["predictions"][0]["explanation"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting", "logistic_regression"])
def test_every_built_in_model_serves_scikit_learns_scores(tmp_path, start, customers, params, kind):
    made = built(tmp_path / kind, customers, params, kind)
    client = start(folder=made)
    expected = model.scores(model_file.loads((made / "model.skops").read_bytes()), customers.head(300), params.data)

    answer = client.post("/predict", json={"rows": rows(customers, params.data, 300)}).json()

    assert [p["score"] for p in answer["predictions"]] == pytest.approx(expected, abs=1e-6)
    assert [p["label"] for p in answer["predictions"]] == (expected >= 0.5).tolist()
    assert client.get("/model").json()["champion"]["form"] != "sklearn"


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(DATA))
def test_served_rows_get_the_scores_of_the_batch(shared, folder, table):
    expected = compiled_parity.served(load(folder), table, DATA)
    sent = json.loads(table.astype(object).where(table.notna(), None).to_json(orient="records", double_precision=15))

    answer = shared.post("/predict", json={"rows": sent})

    assert answer.status_code == 200, answer.text
    assert [p["score"] for p in answer.json()["predictions"]] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "ignore"))))
def test_arbitrary_bytes_are_refused_cleanly(shared, content):
    for path in ("/predict", "/feedback", "/invocations"):
        answer = shared.post(path, content=content, headers=JSON)

        assert 400 <= answer.status_code < 500
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"tenure_months": -1}, "tenure_months", "0 to 600"),
        ({"tenure_months": "twelve"}, "tenure_months", "0 to 600"),
        ({"tenure_months": "1,200"}, "tenure_months", "0 to 600"),
        ({"tenure_months": "?"}, "tenure_months", "0 to 600"),
        ({"tenure_months": "601"}, "tenure_months", "0 to 600"),
        ({"tenure_months": "True"}, "tenure_months", "0 to 600"),
        ({"tenure_months": None}, "tenure_months", "0 to 600"),
        ({"tenure_months": math.inf}, "tenure_months", "0 to 600"),
        ({"tenure_months": math.nan}, "tenure_months", "0 to 600"),
        ({"tenure_months": 10**400}, "tenure_months", "0 to 600"),
        ({"satisfaction": math.nan}, "satisfaction", "or null"),
        ({"tenure_months": True}, "tenure_months", "0 to 600"),
        ({"discount_share": "yes"}, "discount_share", "0 to 1, true or false"),
        ({"discount_share": 10**400}, "discount_share", "0 to 1, true or false"),
        ({"contract": "weekly"}, "contract", "monthly, one_year, two_year"),
        ({"tenure": 3}, "tenure", "tenure_months"),
    ],
)
def test_a_wrong_value_is_refused_with_row_column_and_allowed_values(shared, customers, change, column, said):
    sent = rows(customers, DATA, 3)
    sent[2] |= change

    answer = shared.post("/predict", content=json.dumps({"rows": sent}), headers=JSON)

    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert (problem["row"], problem["column"]) == (2, column)
    assert said in problem["allowed"]


def test_true_and_false_are_one_and_zero_in_a_column_from_0_to_1_as_in_the_table(shared, folder, customers):
    table = customers.head(2).assign(discount_share=[True, False])
    expected = compiled_parity.served(load(folder), conform(table, DATA), DATA)
    csv = table[[*DATA.columns]].to_csv(index=False)

    answer = shared.post("/predict", json={"rows": rows(table, DATA, 2)}).json()
    invoked = shared.post("/invocations", content=csv, headers={"content-type": "text/csv"}).json()

    assert [p["score"] for p in answer["predictions"]] == pytest.approx(expected)
    assert [p[1] for p in invoked["predictions"]] == pytest.approx(expected)


def test_a_feature_named_like_a_key_of_the_log_is_logged_separately(start, customers, params, tmp_path):
    names = {"tenure_months": "score", "plan": "id", "support_tickets": "label"}
    columns = {names.get(name, name): column for name, column in params.data.columns.items()}
    data = params.data.model_copy(update={"columns": columns})
    table = customers.rename(columns=names)
    client = start(folder=built(tmp_path / "model", table, params.model_copy(update={"data": data})))
    sent = rows(table, data, 1)

    (answer,) = client.post("/predict", json={"rows": sent}).json()["predictions"]

    (row,) = lines(tmp_path / "logs")[0]["rows"]
    assert (row["id"], row["score"], row["label"]) == (sent[0]["customer_id"], answer["score"], answer["label"])
    assert [row["features"][name] for name in names.values()] == [sent[0][name] for name in names.values()]
    read = predictions.read_log(tmp_path / "logs").iloc[0]
    assert (read["id"], read["features.id"]) == (sent[0]["customer_id"], sent[0]["id"])


def test_a_refusal_does_not_repeat_a_huge_value(shared, customers):
    sent = rows(customers, DATA, 1)[0] | {"plan": "x" * 100_000}

    answer = shared.post("/predict", json={"rows": [sent]})

    assert answer.status_code == 422
    assert len(answer.content) < 1000


def test_a_missing_column_is_refused_unless_the_contract_permits_missing_values(shared, customers):
    whole = rows(customers, DATA, 1)[0]
    without = {name: {k: v for k, v in whole.items() if k != name} for name in ("satisfaction", "plan")}

    assert shared.post("/predict", json={"rows": [without["satisfaction"]]}).status_code == 200
    refused = shared.post("/predict", json={"rows": [without["plan"]]})
    assert refused.json()["detail"][0]["column"] == "plan"


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"[" * 100_000, JSON, 422),
        (b'{"rows": [{"plan": "\xff\xfe"}]}', JSON, 422),
        (b'{"rows": []}', JSON, 422),
        (b" " * 10_000_000, JSON, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_malformed_bodies_get_a_clean_response(shared, content, headers, status):
    assert shared.post("/predict", content=content, headers=headers).status_code == status


def test_a_body_sent_in_chunks_without_a_length_is_limited_too(start):
    answer = start(max_body_mb=0.01).post("/predict", content=(b" " * 1000 for _ in range(100)), headers=JSON)

    assert answer.status_code == 413


def test_more_rows_than_the_limit_are_refused_and_unknown_columns_ignored_by_setting(start, customers):
    sent = rows(customers, DATA, 3)
    client = start(max_rows=2, unknown_columns="ignore")

    assert client.post("/predict", json={"rows": sent}).status_code == 422
    assert client.post("/predict", json={"rows": [sent[0] | {"other": 1}]}).status_code == 200


def test_the_log_contains_predictions_and_later_labels(start, customers, tmp_path):
    sent = rows(customers, DATA, 2)
    client = start()
    answer = client.post("/predict", json={"rows": sent}, headers={"x-request-id": "r-1"}).json()
    client.post("/feedback", json={"labels": [{"id": sent[0]["customer_id"], "label": True}]})

    prediction, feedback = lines(tmp_path / "logs")

    assert (prediction["kind"], prediction["request_id"], prediction["variant"]) == ("prediction", "r-1", "champion")
    assert [(r["id"], r["score"]) for r in prediction["rows"]] == [(p["id"], p["score"]) for p in answer["predictions"]]
    assert prediction["rows"][1]["features"]["plan"] == sent[1]["plan"]
    assert (feedback["id"], feedback["label"]) == (sent[0]["customer_id"], True)


def test_a_row_without_an_id_gets_one_and_an_ambiguous_json_id_is_refused(shared, customers):
    sent = [{k: v for k, v in row.items() if k != DATA.id} for row in rows(customers, DATA, 2)]

    answer = shared.post("/predict", json={"rows": sent}, headers={"x-request-id": "r-1"}).json()
    huge = shared.post("/predict", json={"rows": [sent[0] | {DATA.id: 2**53 + 1}]})

    assert [p["id"] for p in answer["predictions"]] == ["r-1-0", "r-1-1"]
    assert huge.status_code == 422


def test_personal_columns_are_hashed_or_left_out_and_a_hashed_id_still_joins(start, customers, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    sent = [rows(customers, DATA, 1)[0] | {"channel": None}]
    client = start(log_omit="region", log_hash="id,plan,channel", log_secret_file=secret)
    client.post("/predict", json={"rows": sent})
    client.post("/feedback", json={"labels": [{"id": sent[0]["customer_id"], "label": False}]})

    prediction, feedback = lines(tmp_path / "logs")

    (row,) = prediction["rows"]
    assert "region" not in row["features"]
    assert row["features"]["plan"] != sent[0]["plan"]
    assert row["features"]["channel"] is None
    assert row["id"] == feedback["id"] != sent[0]["customer_id"]


@pytest.mark.slow
def test_without_a_log_predictions_are_refused_unless_permitted_by_setting(start, customers, tmp_path):
    body = {"rows": rows(customers, DATA, 1)}
    blocked = tmp_path / "logs"
    blocked.write_text("a file where the directory should be")

    refusing, counting = start(), start(log_unavailable="count")
    assert str(tmp_path) not in refusing.get("/health/ready").text
    assert "Not a directory" in refusing.get("/health/ready").json()["detail"]
    assert refusing.post("/predict", json=body).status_code == refusing.get("/health/ready").status_code == 503
    assert counting.post("/predict", json=body).status_code == counting.get("/health/ready").status_code == 200
    assert "serving_log_missing_lines 1.0" in counting.get("/metrics").text


def test_without_a_prediction_log_rows_are_answered_and_late_labels_refused(start, customers, tmp_path):
    client = start(log="off")

    assert client.post("/predict", json={"rows": rows(customers, DATA, 1)}).status_code == 200
    assert client.post("/feedback", json={"labels": [{"id": 1, "label": True}]}).status_code == 503
    assert client.get("/health/ready").status_code == client.get("/metrics").status_code == 200
    assert not (tmp_path / "logs").exists()


@pytest.mark.slow
def test_a_shadow_is_logged_and_not_returned(folder, forest, customers, tmp_path):
    app = application(folder, tmp_path / "logs", challenger=forest)
    sent = rows(customers, DATA, 5)
    alone = load(folder).scores(sent)

    async def serve():
        async with app.router.lifespan_context(app):  # its end waits for the shadow, which is still at work
            return await app.state.service.predict(sent, Asked("r-1"))

    answer = asyncio.run(serve())

    assert [p["score"] for p in answer] == pytest.approx(alone)
    assert [line["variant"] for line in lines(tmp_path / "logs")] == ["champion", "shadow"]


@pytest.mark.slow
def test_a_canary_gets_its_share_of_ids_which_never_changes(start, forest, customers):
    client = start(challenger=forest, canary=0.3)
    sent = rows(customers, DATA, 500)
    challenger = client.get("/model").json()["challenger"]["model"]

    first, again = (client.post("/predict", json={"rows": sent}).json()["predictions"] for _ in range(2))

    chosen = {p["id"] for p in first if p["model"] == challenger}
    assert 0.2 < len(chosen) / 500 < 0.4
    assert chosen == {p["id"] for p in again if p["model"] == challenger}
    assert chosen == {p["id"] for p in first if share(p["id"]) < 0.3}
    assert [p["id"] for p in first] == [r["customer_id"] for r in sent]


@pytest.mark.slow
@pytest.mark.parametrize("canary", [0.5, 0.0])
def test_a_failing_challenger_affects_no_response(start, forest, customers, tmp_path, canary):
    client = start(challenger=forest, canary=canary)
    client.app.state.service.models.challenger.batcher.scores = None  # called all the same

    answer = client.post("/predict", json={"rows": rows(customers, DATA, 20)})

    assert answer.status_code == 200
    champion = client.get("/model").json()["champion"]["model"]
    assert [p["model"] for p in answer.json()["predictions"]] == [champion] * 20
    assert {line["variant"] for line in lines(tmp_path / "logs")} == {"champion"}
    assert "serving_challenger_failures_total 1.0" in client.get("/metrics").text


@pytest.mark.slow
def test_a_swap_serves_the_new_model_and_a_broken_model_changes_nothing(start, folder, forest, tmp_path):
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    client = start(folder=place)
    before = client.get("/model").json()["champion"]["model"]
    for file in forest.iterdir():
        shutil.copy(file, place)
    client.app.state.service.swap()
    after = client.get("/model").json()["champion"]["model"]
    info = [line for line in client.get("/metrics").text.splitlines() if line.startswith("serving_model_info")]
    (place / "compiled.onnx").write_bytes(b"broken")

    with pytest.raises(UserError):
        client.app.state.service.swap()
    assert sorted(line.rpartition(" ")[2] for line in info) == ["0.0", "1.0"]
    assert before != after == client.get("/model").json()["champion"]["model"]


@pytest.mark.slow
def test_a_model_with_another_contract_is_refused_as_challenger_and_successor(
    start, folder, customers, params, tmp_path
):
    columns = {name: column for name, column in params.data.columns.items() if name != "plan"}
    data = params.data.model_copy(update={"columns": columns})
    other = built(tmp_path / "other", customers, params.model_copy(update={"data": data}))
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    client = start(folder=place)
    shutil.copytree(other, place, dirs_exist_ok=True)

    with pytest.raises(UserError, match="plan differ"):
        client.app.state.service.swap()
    with pytest.raises(UserError, match="plan differ"):
        start(challenger=other)


@pytest.mark.slow
def test_a_model_whose_scores_are_no_probabilities_is_refused(start, customers, params, tmp_path):
    stay = customers.assign(churned=~customers["churned"])  # the example's log odds are then below 0
    place = built(tmp_path / "place", stay, params, "hist_gradient_boosting")
    form = (place / "compiled.json").read_text()
    (place / "compiled.json").write_text(form.replace("log odds", "probabilities"))

    with pytest.raises(UserError, match="is no probability"):
        start(folder=place)


@pytest.mark.slow
def test_a_score_at_the_threshold_is_positive(start, customers, params, tmp_path):
    (row,) = rows(customers, DATA, 1)
    score = load(built(tmp_path / "any", customers, params)).scores([row])[0]
    client = start(folder=built(tmp_path / "exact", customers, params, threshold=float(score)))

    assert client.post("/predict", json={"rows": [row]}).json()["predictions"][0]["label"] is True


def test_requests_that_are_scored_together_get_their_own_scores(folder, customers):
    sent = rows(customers, DATA, 12)
    one = load(folder)
    expected = one.scores(sent)

    async def together():
        batcher = Batcher(one)
        return await asyncio.gather(*(batcher.scores(sent[n : n + 3]) for n in range(0, 12, 3)))

    assert np.concatenate(asyncio.run(together())) == pytest.approx(expected)


@pytest.mark.parametrize(
    "body",
    [{"inputs": [], "instances": []}, {"rows": []}, {"inputs": 5}, {"dataframe_split": {"columns": ["a"]}}, [], 5],
)
def test_a_body_outside_mlflow_s_formats_is_refused(shared, body):
    assert shared.post("/invocations", json=body).status_code == 400


@pytest.mark.slow
def test_polling_loads_a_model_only_if_its_alias_has_moved(folder, forest, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    home = Embedded("churn", tmp_path / ".mlflow")
    register(home, folder)
    promote(home, 1)
    register(home, forest)
    app = application("models:/churn@champion", tmp_path / "logs", poll_seconds=0.05)
    with TestClient(app):
        first = app.state.service.models
        time.sleep(0.5)
        still = app.state.service.models
        promote(home, 2)
        end = time.monotonic() + 20
        while app.state.service.models is first and time.monotonic() < end:
            time.sleep(0.05)

    assert still is first
    assert app.state.service.models.champion.model.name == "churn@2"


def test_the_api_requires_a_key_and_health_does_not(start, tmp_path, customers):
    keys = tmp_path / "keys"
    keys.write_text("".join(hashlib.sha256(k).hexdigest() + "\n" for k in (b"one", b"two")))
    keys.chmod(0o600)
    client, body = start(keys_file=keys), {"rows": rows(customers, DATA, 1)}

    assert client.post("/predict", json=body).status_code == 401
    assert client.post("/predict", json=body, headers={"x-api-key": "three"}).status_code == 401
    assert client.post("/predict", json=body, headers={"x-api-key": "two"}).status_code == 200
    assert client.post("/predict", json=body, headers={"authorization": "Bearer one"}).status_code == 200
    assert client.get("/health/ready").status_code == 200


def test_a_client_over_the_rate_limit_gets_the_time_of_its_next_request(start):
    client = start(rate=2)

    answers = [client.get("/model") for _ in range(4)]

    assert [a.status_code for a in answers][:2] == [200, 200]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("trusted", "statuses"), [("", [200, 429]), ("127.0.0.1", [200, 200]), ("10.0.0.0/8", [200, 429])]
)
def test_only_a_trusted_proxy_may_state_the_client(folder, tmp_path, trusted, statuses):
    config = _config(
        application(folder, tmp_path / "logs", rate=0.01), read_settings({"SERVING_TRUSTED_PROXIES": trusted})
    )
    config.load()
    client = TestClient(config.loaded_app, client=("127.0.0.1", 1))

    found = [client.get("/model", headers={"x-forwarded-for": address}) for address in ("1.1.1.1", "2.2.2.2")]

    assert [answer.status_code for answer in found] == statuses


def test_lines_of_the_log_stay_in_order_when_the_clock_is_set_back(monkeypatch):
    now = Clock()
    given = [1_700_000_000_000_000_000 - n * 10**12 for n in range(3)]
    monkeypatch.setattr(time, "time_ns", lambda: given.pop(0))

    found = [now() for _ in range(3)]

    assert found == sorted(set(found))


def test_metrics_count_requests_rows_labels_and_refusals(start, customers):
    client = start()
    client.post("/predict", json={"rows": rows(customers, DATA, 7)})
    client.post("/predict", json={"rows": []})

    text = client.get("/metrics").text

    assert 'serving_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'serving_refused_total{reason="contract"} 1.0' in text
    assert any(s.startswith("serving_rows_total") and s.endswith(" 7.0") for s in text.splitlines())


def test_a_missing_package_is_named_with_the_command_that_installs_it(start, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi_offline", None)

    with pytest.raises(UserError, match="extra `serving`"):
        start()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SERVING_PROT": "1"}, "SERVING_PROT"),
        ({"SERVING_PORT": "x"}, "SERVING_PORT"),
        ({"SERVING_CANARY": "0.1"}, "SERVING_CHALLENGER"),
        ({"SERVING_TRUSTED_PROXIES": "here"}, "SERVING_TRUSTED_PROXIES"),
        ({"SERVING_LOG_HASH": "plan"}, "SERVING_LOG_SECRET_FILE"),
        ({"SERVING_LOG_FSYNC": "often"}, "SERVING_LOG_FSYNC"),
        ({"SERVING_LOG_KEEP_DAYS": "7"}, "SERVING_LOG_KEEP_DAYS"),
        ({"SERVING_PREDICTION_LOG": "logs"}, "SERVING_PREDICTION_LOG"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(environment, named):
    with pytest.raises(UserError, match=named):
        read_settings(environment)


def test_the_log_is_set_by_params_yaml_then_prediction_log_then_the_server_s_own_variables(tmp_path):
    params = tmp_path / "params.yaml"
    ours = SAMPLE.read_text(encoding="utf-8")
    params.write_text(ours.replace("directory: logs", "directory: here").replace("fsync_ms: 50", "fsync_ms: 70"))
    place, own = {"PREDICTION_LOG": "/there"}, {"SERVING_LOG_DIRECTORY": "/own", "SERVING_LOG_FSYNC_MS": "90"}

    found = [
        read_settings(environment, file).prediction_log
        for environment, file in [
            ({}, params),
            (place, params),
            ({"PREDICTION_LOG": "s3://bucket/log"}, params),
            (place | own, params),
            ({}, tmp_path / "none"),
        ]
    ]

    assert [log.directory for log in found] == ["here", "/there", "here", "/own", "logs"]
    assert [log.fsync_ms for log in found] == [70, 70, 70, 90, 50]


def test_the_server_refuses_a_secret_readable_by_everyone(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("00" * 32)
    keys.chmod(0o644)

    with pytest.raises(UserError, match="chmod 640"):
        start(keys_file=keys)


@pytest.mark.parametrize("lost", ["contract.json", "compiled.json", "model.skops"])
def test_the_server_refuses_an_incomplete_folder(folder, tmp_path, start, lost):
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    (place / lost).unlink()

    with pytest.raises(UserError, match=lost):
        start(folder=place)


@pytest.mark.parametrize(
    ("content", "says"), [("", "no key"), ("abc\n", "key 1 of 1 "), ("00" * 32 + "\nzz", "key 2 of 2 ")]
)
def test_a_damaged_file_of_keys_is_named_at_the_start(start, tmp_path, content, says):
    keys = tmp_path / "keys"
    keys.write_text(content)
    keys.chmod(0o600)

    with pytest.raises(UserError, match=says):
        start(keys_file=keys)


def test_a_column_that_is_no_feature_says_why_it_is_refused(start, customers):
    row = rows(customers, DATA, 1)[0]
    ask = start()

    time, target, other = (
        ask.post("/predict", json={"rows": [row | {name: "2026-01-01"}]}).json()["detail"][0]["msg"]
        for name in (DATA.time, DATA.target.name, "other")
    )

    assert "the time column is not a feature" in time
    assert "the target is what the model predicts" in target
    assert "the contract has no such column" in other


def test_an_invalid_label_is_refused_with_the_allowed_ones(start):
    answer = start().post("/feedback", json={"labels": [{"id": "a", "label": "perhaps"}]})

    found = answer.json()["detail"][0]
    assert found["allowed"].startswith("true, false")
    assert found["msg"].count("allowed") == 1


def test_every_endpoint_has_a_summary(start):
    paths = start().get("/openapi.json").json()["paths"]

    assert [path for path, each in paths.items() for found in each.values() if " " not in found["summary"]] == []
