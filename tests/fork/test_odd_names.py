"""Five hundred unusual column names pass from a file to a model, the API, the log and batch scores."""

import keyword

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ml.adoption import adopt_changes, exported_files
from ml.data import schema
from ml.engine import count, spread, table
from ml.io import yaml_edit
from ml.prediction_log.predictions import read_log
from ml.settings.params import check, read_params
from ml.stages import score
from tests.conftest import SAMPLE
from tests.serving.server import application, built, rows

pytestmark = pytest.mark.slow
ROWS = 520
ROLES = {"id": "key", "time": "", "group": "", "weight": ""}
SPACED = [
    "a: b",
    "a #b",
    "- a",
    "? a",
    "{% a %}",
    "!!str a",
    "<img src=x>",
    "drop table x",
    "Ü ber",
    "a b",
    "a  b",
    "a\tb",
    "a\nb",
]
HIDDEN = [
    "",
    "\u2028line",
    "a\u2028b",
    "\u202ea",
    "\u200ba",
    "a\u00a0b",
    "e\u0301",
    "\u0131",
    "\ufb01",
    "\U0001f600",
    "x" * 300,
]
OURS = """
id score label row rows time actual missing model request_id value low high y others columns index name type target
group weight null true nan none 0 -1 1.0 1e5 inf detail labels predictions contributions float self class _
__class__ $ref model_fields model_config copy json dict schema validate data frame x.y x..y . .. a/b a\\b a:b #a a,b
a;b a"b "a" a'b 'a' `a` a`b [a] a[0] {a} {{a}} %s %(a)s $a ${a} $(a) a|b * **a** ~ !a &a *a @a %a > | = =1+1 +1
@SUM(1) <b> </script> &amp; a&b é ß İ Å 名前 שלום مرحبا A a select -- /* on off yes no ~a C:\\x http://x/y?z=1#w 1a
007 1_000 (1) a(b) x[<1] 100% <1
"""


def names():
    """Five hundred different names: this project's, Python's keywords, and names with characters of several scripts."""
    many = [*OURS.split(), *SPACED, *HIDDEN, *keyword.kwlist, *keyword.softkwlist, *dir(pd.DataFrame)[:400:4]]
    many += [
        f"{chr(code)}{code}{chr(code)}" for code in (*range(33, 127), *range(161, 384, 3), *range(0x5D0, 0x5EB, 3))
    ]
    many += [f"n {number}" for number in range(200)]
    return [*dict.fromkeys(many)][:500]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Settings for a table with these columns as adopt infers and writes them; its rows; and a small model."""
    folder = tmp_path_factory.mktemp("odd")
    rng = np.random.default_rng(0)
    cells = {name: rng.normal(size=ROWS).round(3) if place % 2 == 0 else rng.choice(["a", "b"], ROWS)
             for place, name in enumerate(names())}  # fmt: skip
    outcome = np.where(cells["id"] + rng.normal(0, 0.3, ROWS) > 0, "won", "lost")
    frame = pd.DataFrame({"key": [f"k{place}" for place in range(ROWS)]} | cells | {"outcome": outcome})
    frame.to_csv(folder / "odd.csv", index=False)
    found = exported_files.read(folder / "odd.csv", target="outcome")
    new = adopt_changes.described(folder / "odd.csv", found, adopt_changes.NewTable("outcome", ROLES, "", ""))
    params = read_params(SAMPLE)
    changes, _ = adopt_changes.changes(params, new.contract | {"file": str(folder / "odd.csv")}, ROWS, "", "odd")
    text = yaml_edit.edited(SAMPLE.read_text(), changes)
    settings = check(yaml_edit.parsed(text), SAMPLE)
    typed = schema.conform(found.table.frame, settings.data)
    return settings, typed, built(folder / "model", typed, settings)


def test_unusual_names_are_read_from_the_table_and_from_params(odd):
    settings, typed, _ = odd

    seen = count.count(table.ChunkedTable(settings.data.file), settings.data, settings.validation, spread.LocalTeam())

    assert seen.readings.rows == ROWS
    assert len(settings.data.columns) == 500
    assert [*typed.columns] == ["key", "outcome", *settings.data.columns]


def test_unusual_names_pass_through_the_api_the_log_monitoring_and_batch_scores(odd, tmp_path, monkeypatch):
    settings, typed, folder = odd
    sent = rows(typed, settings.data, 400)
    with TestClient(application(folder, tmp_path / "logs")) as client:
        answers = [client.post("/predict", json={"rows": sent[at : at + 50]}) for at in range(0, 400, 50)]
        text = pd.DataFrame(sent[:9]).to_csv(index=False)
        others = [
            client.post("/invocations", content=text, headers={"content-type": "text/csv"}),
            client.get("/openapi.json"), client.get("/metrics"),
            client.post("/feedback", json={"labels": [{"id": "k0", "label": "won"}]}),
        ]  # fmt: skip
    assert {answer.status_code for answer in (*answers, *others)} == {200}, answers[0].text[:500]
    scores = [one["score"] for answer in answers for one in answer.json()["predictions"]]

    logged = read_log(tmp_path / "logs").drop_duplicates("id", keep="last").set_index("id").loc[typed["key"][:400]]
    (tmp_path / "params.yaml").write_text(SAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    score.main(data=settings.data.file, out="scores", model=str(folder))
    batch = pd.read_parquet("scores").set_index("id")

    for name in settings.data.columns:
        assert logged[f"features.{name}"].tolist() == typed[name][:400].tolist(), name
    assert batch.loc[typed["key"][:400], "score"].tolist() == pytest.approx(scores)
