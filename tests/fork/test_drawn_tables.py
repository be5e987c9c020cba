"""Drawn tables and settings run the whole life cycle, or stop with a message that names the necessary change.

`--hypothesis-profile=search` draws 125 of them at random; `--hypothesis-show-statistics` counts how far they get.
"""

import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from ml.io import files, tables
from ml.io.errors import UserError
from ml.monitoring import evidently_pages
from ml.settings.params import read_params
from ml.stages import adopt, monitor, register, retrain
from tests.conftest import ROOT
from tests.fork import inside
from tests.fork.test_clone import clone
from tests.fork.test_five_tables import commit, hasten
from tests.serving.server import application, rows

LIVES = settings.default.max_examples // 8  # 3 in the suite, 125 in a search
NAMES = ("label", "score", "id", "missing", "time", "Ü ber", "=1+1", "a.b", "x" * 80, "😀", "is_positive", "self")
NAMES += ("null", "row", "1", "$a_$b", "<b>", "__index_level_0__", "true", "a,b;c", " spaced ", "index", "features")
MODELS = ("random_forest", "logistic_regression", "hist_gradient_boosting", "ridge", "lightgbm.LGBMClassifier")
REMEDY = re.compile(
    r"params\.yaml|data\.|gates\.|prepare\.|make |TARGET=|ID=|POSITIVE=|"
    r"[A-Z][a-z]+ (out the|it|the|one|a|all|them|that|another)\b"
)
COLUMNS = {  # values of a kind of column, from normal ones
    "normal": lambda normal, _: normal,
    "whole": lambda normal, rng: rng.integers(-3, 3, len(normal)),
    "constant": lambda normal, _: np.full(len(normal), 7),
    "empty": lambda normal, _: np.full(len(normal), np.nan),
    "nothing": lambda normal, _: [None] * len(normal),
    "gaps": lambda normal, rng: np.where(rng.random(len(normal)) < 0.7, np.nan, normal),
    "infinite": lambda normal, rng: np.where(rng.random(len(normal)) < 0.05, np.inf, normal),
    "huge": lambda normal, _: normal * 1e300,
    "large": lambda normal, _: normal * 1e37,
    "tiny": lambda normal, _: normal * 1e-300,
    "negative zero": lambda normal, rng: np.where(rng.random(len(normal)) < 0.5, -0.0, 0.0),
    "beyond 2^53": lambda normal, rng: rng.integers(2**53, 2**62, len(normal)),
    "skewed": lambda normal, _: np.exp(5 * normal),
    "levels": lambda normal, rng: rng.choice(["a", "NA", "ß", " b"], len(normal)),
    "many levels": lambda normal, rng: [f"{v}k" for v in rng.integers(0, max(2, len(normal) // 2), len(normal))],
    "more levels": lambda normal, rng: [f"{v}k" for v in rng.geometric(0.1, len(normal))],
    "lines": lambda normal, rng: rng.choice(["a\nb", "c\u2028d", 'e"f', "g,h"], len(normal)),
    "long": lambda normal, rng: rng.choice(["y" * 300, "z" * 300], len(normal)),
    "categorical": lambda normal, rng: pd.Categorical(rng.choice(["lo", "hi"], len(normal)), ["lo", "hi", "unused"]),
    "flags": lambda normal, rng: rng.random(len(normal)) < 0.5,
    "flags with gaps": lambda normal, rng: pd.array(rng.choice([True, False, None], len(normal)), "boolean"),
    "yes and no": lambda normal, rng: rng.choice(["Y", "N", "0", "1", "yes "], len(normal)),
    "integers with gaps": lambda normal, rng: pd.array(rng.choice([1, 2, None], len(normal)), "Int64"),
    "decimals": lambda normal, _: [Decimal(f"{value:.3f}") for value in normal],
    "codes": lambda normal, rng: [f"{v:05d}" for v in rng.integers(0, 40, len(normal))],
    "dates": lambda normal, rng: pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 900, len(normal)), "D"),
    "durations": lambda normal, rng: pd.to_timedelta(rng.integers(0, 900, len(normal)), "s"),
    "clock": lambda normal, rng: [f"{v:02d}:30" for v in rng.integers(0, 24, len(normal))],
    "lists": lambda normal, _: [[float(value)] for value in normal],
    "comma": lambda normal, _: [f"{value:.2f}".replace(".", ",") for value in normal],
    "money": lambda normal, _: [f"€ {value * 1000:,.2f}" for value in normal],
    "percent": lambda normal, _: [f"{value:.1f} %" for value in normal],
    "some": lambda normal, rng: np.where(rng.random(len(normal)) < 0.9, [f"{v:.1f}" for v in normal], "n/a"),
}
TARGETS = {  # values of a kind of target, from true and false
    "zero one": lambda yes, _: yes.astype(int),
    "words": lambda yes, _: np.where(yes, "Yes", "No"),
    "flags": lambda yes, _: yes,
    "decimals": lambda yes, _: yes.astype(float),
    "three spellings": lambda yes, rng: np.where(yes, rng.choice(["yes", "Yes", "YES "], len(yes)), "no"),
    "gaps": lambda yes, rng: np.where(rng.random(len(yes)) < 0.1, np.nan, yes.astype(float)),
    "rare": lambda yes, rng: (yes & (rng.random(len(yes)) < 0.03)).astype(int),
    "one class": lambda yes, _: np.ones(len(yes), int),
    "three classes": lambda yes, rng: rng.choice(["a", "b", "c"], len(yes)),
    "thirty classes": lambda yes, rng: rng.choice([f"class {n}" for n in range(30)], len(yes)),
    "a rare class": lambda yes, rng: np.where(rng.random(len(yes)) < 0.01, "rare", np.where(yes, "x", "y")),
    "a number": lambda yes, rng: rng.normal(size=len(yes)),
    "a count": lambda yes, rng: rng.poisson(3, len(yes)),
    "a constant number": lambda yes, rng: np.full(len(yes), 2.5),
    "a large number": lambda yes, rng: 1e30 * rng.normal(size=len(yes)),
    "spaced": lambda yes, _: np.where(yes, " y", "n "),
    "nothing": lambda yes, _: [None] * len(yes),
}
IDS = {  # of rows
    "none": None,
    "whole": lambda size, rng: rng.permutation(size),
    "decimals": lambda size, rng: rng.permutation(size).astype(float),
    "twice": lambda size, rng: rng.permutation(size) + rng.integers(0, 2, size),
    "text": lambda size, rng: [f"ö-{n}" for n in rng.permutation(size)],
    "long": lambda size, rng: [f"{n:0>201}" for n in range(size)],
    "zeros": lambda size, rng: [f"{n:06d}" for n in range(size)],
}
TIMES = {
    "none": None,
    "days": lambda when: when,
    "zone": lambda when: when.tz_localize("Europe/Vienna"),
    "text with offsets": lambda when: [f"{t:%Y-%m-%dT%H:%M}{'+02' if n % 2 else 'Z'}" for n, t in enumerate(when)],
    "some with a zone": lambda when: [f"{t:%Y-%m-%d %H:%M}{'' if n % 2 else '+02:00'}" for n, t in enumerate(when)],
    "day first": lambda when: [f"{t:%d.%m.%Y}" for t in when],
    "two dates": lambda when: pd.DatetimeIndex(np.where(when > when[len(when) // 2], when.max(), when.min())),
    "epoch": lambda when: when.asi8 // 10**9 if when.unit == "ns" else when.asi8 // 10**6,
}
SETTINGS = {
    "": {},
    "newest": {"prepare.split_by": "time"},
    "window": {"retrain.policy": "window", "retrain.window_months": 1},
    "calibrated": {"train.calibration": "isotonic"},
    "sigmoid": {"train.calibration": "sigmoid"},
    "threshold": {"train.threshold": {"false_positive": 1, "false_negative": 5}},
    "recall": {"train.threshold": {"recall": 0.9}},
    "early": {"train.early_stopping": 5},
    "balanced": {"train.random_forest.class_weight": "balanced"},
    "stump": {"train.random_forest.n_estimators": 1, "train.random_forest.max_depth": 1},
    "all test": {"prepare.test_share": 0.99},
    "no test": {"prepare.test_share": 0.001},
    "small windows": {"monitor.min_rows": 1, "monitor.min_labels": 40, "monitor.consecutive": 1},
    "season": {"monitor.season": True},
    "strict": {"validate.duplicate_share": 0.0, "validate.max_age_days": 1},
}


class Odd(NamedTuple):
    """A table, the arguments of adopt and the settings for it, and the format of its file."""

    frame: pd.DataFrame
    told: dict
    settings: dict
    kind: str


@st.composite
def odd(draw):
    one = lambda these: draw(st.sampled_from([*these]))  # noqa: E731
    size, rng = one((400, 120, 400, 12, 400, 1)), np.random.default_rng(draw(st.integers(0, 99)))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    frame = pd.DataFrame({name: COLUMNS[one(COLUMNS)](rng.normal(size=size), rng) for name in names})
    frame["outcome"] = TARGETS[one([*TARGETS, *[*TARGETS][:3] * 4])](rng.random(size) < 0.4, rng)
    if make := IDS[one([*IDS, "whole", "text"])]:
        frame.insert(0, "customer_id", make(size, rng))
    told = {}
    if make := TIMES[one([*TIMES, "none", "none", "none"])]:
        when = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 200, size), unit="D")
        frame["seen_at"], told["time"] = make(when), "seen_at"
    chosen = {"train.model": one(MODELS)} | SETTINGS[one(SETTINGS)]
    if one((True, False, False, False)):
        frame["who"], told["group"] = rng.integers(0, max(1, size // 2), size), "who"
    if one((True, False, False, False)):
        frame["weigh"], told["weight"] = rng.random(size) + 0.1, "weigh"
    return Odd(frame, told, chosen, one(("csv", "parquet", "json", "xlsx")))


def write(frame, path):
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case ".json":
            frame.to_json(path, orient="records", date_format="iso", default_handler=str)
        case ".xlsx":
            zoned = [name for name in frame if isinstance(frame[name].dtype, pd.DatetimeTZDtype)]
            frame.assign(**{name: frame[name].astype(str) for name in zoned}).to_excel(path, index=False)


def life(folder, drawn):
    """Yields the name of each completed step."""
    path = folder.parent / f"odd.{drawn.kind}"
    write(drawn.frame, path)
    told = {"target": "outcome", "project": "odd"} | drawn.told
    adopt.main(data=str(path), **told)
    yield "adopt"
    inside.edit_params(drawn.settings)
    commit(folder)
    inside.judged()
    yield "run"
    register.main(force="an odd table")
    yield "register"
    params = read_params()
    known = pd.concat([tables.read_table(files.TRAIN), tables.read_table(files.TEST)]).reset_index(drop=True)
    known[params.data.id] = [f"new-{number}" for number in range(len(known))]
    with TestClient(application(files.MODEL, folder / "logs")) as client:
        answer = client.post("/predict", json={"rows": rows(known, params.data, 100)})
        assert answer.status_code == 200, answer.text[:500]
        broken = client.post("/predict", json={"rows": [{name: ["?"] for name in params.data.columns}]})
        assert broken.status_code == 422, broken.text[:500]
        labels = [
            {"id": i, "label": v} for i, v in zip(known[params.data.id], known[told["target"]].tolist(), strict=True)
        ]
        late = client.post("/feedback", json={"labels": labels[:100]})
        assert late.status_code == 200, late.text[:500]
    yield "serve"
    monitor.main()
    yield "monitor"
    commit(folder)
    retrain.main(force=True, rows=str(Path(params.data.file)))
    yield "retrain"
    retrain.main(force=True)
    yield "retrain from the log"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A clone of this repository with fewer trees and without the gates of serving."""
    folder = clone(ROOT, tmp_path_factory.mktemp("odd") / "fork", "--depth", "1")
    hasten(folder, whole=False)
    commit(folder)  # adopt overwrites no change that is in no commit
    return folder


@pytest.mark.slow
@pytest.mark.timeout(LIVES * 120)
def test_unusual_tables_complete_the_life_cycle_or_stop_with_a_reason(template):
    reached, every = [], [*HealthCheck]

    @settings(max_examples=LIVES, deadline=None, phases=[Phase.generate], suppress_health_check=every, print_blob=True)
    @given(odd())
    def each(drawn):
        last, said = lived(template, drawn)
        reached.append(last)
        event(f"{last or 'nothing'} is done")  # --hypothesis-show-statistics counts them
        assert not said or REMEDY.search(said), said

    each()
    assert any(last.startswith("retrain") for last in reached)


@pytest.mark.slow
def test_a_table_with_three_positive_rows_names_what_cannot_be_judged(template, capsys):
    table = pd.read_csv(ROOT / "tests" / "cases" / "rare.csv").sort_values("bad").tail(400)

    last, said = lived(template, Odd(table, {"target": "bad"}, {}, "csv"))

    shown = capsys.readouterr().err
    assert last.startswith("retrain"), said
    assert "metrics are judged only with at least 20 rows of each class" in shown
    assert "gate: WARNING  decisions" in shown


def lived(template, drawn):
    """The last completed step for a table, and the message that stopped it there."""
    last, said = "", ""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as monkeypatch:
        folder = clone(template, Path(place) / "fork", "--depth", "1")
        for name in ("MLFLOW_TRACKING_URI", "PREDICTION_LOG", "CI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(folder)
        inside.install(monkeypatch, Path(place))
        monkeypatch.setattr(evidently_pages, "installed", lambda: False)
        try:
            for step in life(folder, drawn):
                last = step
        except UserError as error:
            said = str(error)
    return last, said
