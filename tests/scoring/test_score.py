"""`make score` gives the API's predictions, stores invalid rows separately, and neither loses nor duplicates a row."""

import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem

from ml.data import schema
from ml.engine import source, spread
from ml.engine.output_store import Store
from ml.engine.source import Chunk
from ml.io import files
from ml.io.errors import UserError
from ml.model import compiled_parity, predictor
from ml.monitoring import live_sides
from ml.prediction_log.predictions import read_log
from ml.registry.embedded_home import Embedded
from ml.scoring.rows import check
from ml.stages import compact, score
from tests.conftest import SAMPLE
from tests.registry.faults import full_disk, killed, torn, writes
from tests.serving.conftest import bucket, s3  # noqa: F401
from tests.serving.server import built, promote, register
from tests.world.sample import customers as simulated


@pytest.fixture(scope="module")
def models(tmp_path_factory, customers, params):
    """Folders of two models with one contract."""
    place = tmp_path_factory.mktemp("models")
    built(place / "linear", customers, params)
    return built(place / "forest", customers, params, kind="random_forest").parent


@pytest.fixture
def place(project, models):
    """A project with tables of 1,000 customers, and the model in build/model."""
    shutil.copytree(models / "linear", "build/model")
    table = simulated(13, 1000)
    table.to_parquet("new.parquet", row_group_size=300)
    table.to_csv("new.csv", index=False)
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("rows: 50000", "rows: 128"))
    return project


def scored(out="scores", data="new.parquet", model="build/model", **given):
    score.main(data=data, out=out, model=model, **given)
    return pd.read_parquet(out)


@pytest.mark.slow
def test_every_row_gets_the_score_of_the_api_and_is_in_the_log(place, params):
    table = pd.read_parquet("new.parquet")

    found = scored()

    expected = compiled_parity.served(predictor.load(Path("build/model")), table, params.data)
    assert [*found] == ["id", "score", "label", "model", "request_id", "time"]
    assert found["id"].tolist() == table[params.data.id].astype(str).tolist()
    assert np.allclose(found["score"], expected, rtol=1e-12)
    assert (found["label"] == (expected >= params.evaluate.threshold)).all()
    log = read_log("logs").set_index("id").loc[found["id"]]
    assert np.array_equal(log["score"], found["score"])
    assert np.array_equal(log["features.tenure_months"], table["tenure_months"])


@pytest.mark.slow
def test_each_score_is_explained_by_contributions_that_add_up_to_it(place, params):
    found = scored(explain=True)

    added = found.filter(regex="^explanation_base$|^contribution_")
    assert [*added] == ["explanation_base", *(f"contribution_{name}" for name in added_names(params))]
    assert added.sum(axis=1).to_numpy() == pytest.approx(found["score"].to_numpy(), abs=1e-9)
    with pytest.raises(UserError, match="Set another OUT"):
        scored()


def added_names(params):
    """The columns in the order of the preprocessing: numbers, then categories."""
    return [*schema.numbers(params.data), *schema.categories(params.data)]


@pytest.mark.slow
@pytest.mark.parametrize("data", ["new.csv", "new.csv.gz", "parts", "parts/*.parquet", "file://{here}/new.parquet"])
def test_every_kind_of_source_gives_the_same_scores(place, data):
    Path("parts").mkdir()
    table = pd.read_parquet("new.parquet")
    table.to_csv("new.csv.gz", index=False, sep=";")
    table[:450].to_parquet("parts/a.parquet")
    table[450:].to_parquet("parts/b.parquet")

    found = scored("other", data.format(here=place))

    assert np.allclose(found["score"], scored()["score"], rtol=1e-12)  # numpy adds in another order in other chunks


@pytest.mark.slow
def test_folders_named_by_a_value_become_a_column(place):
    for plan, rows in pd.read_parquet("new.parquet").groupby("plan"):
        Path(f"hive/plan={plan}").mkdir(parents=True)
        rows.drop(columns="plan").to_parquet(f"hive/plan={plan}/rows.parquet")

    found = [
        scored(out, data).set_index("id")["score"] for out, data in [("a", "hive"), ("b", "hive/plan=*/*.parquet")]
    ]

    expected = scored().set_index("id")["score"]
    assert all(np.allclose(one[expected.index], expected, rtol=1e-12) for one in found)


def test_a_file_name_may_contain_wildcard_characters(place):
    Path("new.parquet").rename("new[1].parquet")

    assert source.opened("new[1].parquet").total == 1000


@pytest.mark.slow
def test_a_point_means_the_same_in_every_part_of_a_table(place):
    table = pd.read_csv("new.csv", dtype=str)
    table["days_since_login"] = ["1.234"] * 500 + ["12,5"] * 500  # 1.234 could be either in a part without commas
    Path("parts").mkdir()
    table.to_csv("parts/text.csv", index=False, sep=";")
    shutil.copy("new.parquet", "parts/numbers.parquet")

    scored(data="parts")

    log = read_log("logs")["features.days_since_login"]
    assert log.value_counts()[[1234, 12.5]].tolist() == [500, 500]
    assert len(log) == 2000


@pytest.mark.slow
def test_two_jobs_cannot_write_one_output(place):
    Path(".scores.part").mkdir()
    with (
        files.locked(Path(".scores.part/lock"), ""),
        pytest.raises(UserError, match="scores is being written by another process"),
    ):
        scored()

    assert len(scored()) == len(read_log("logs")) == 1000


def test_an_output_that_cannot_be_made_is_refused_before_any_row_is_scored(place):
    Path("dangling").symlink_to("nowhere")
    for out, message in [("dangling", "already exists"), ("/proc/scores", "/proc/scores cannot be made")]:
        with pytest.raises(UserError, match=message):
            scored(out)

    assert not Path("logs").exists()


@pytest.mark.parametrize("out", ["parts", "parts/scores", "file://{here}/parts/../parts/scores"])
def test_an_output_in_the_folder_that_is_read_is_refused(place, out):
    Path("parts").mkdir()
    shutil.copy("new.parquet", "parts")

    with pytest.raises(UserError, match=r"OUT .*parts.* lies in DATA parts, .* Name an OUT outside"):
        scored(out.format(here=place), "parts")

    assert [path.name for path in Path("parts").iterdir()] == ["new.parquet"]


@pytest.mark.slow
def test_rows_that_break_the_contract_are_stored_with_the_reason(place):
    table = pd.read_parquet("new.parquet").assign(row="mine")
    table["tenure_months"] = table["tenure_months"].astype("float64")
    table.loc[[3, 700], "tenure_months"] = [-1.0, np.nan]
    table.loc[5, "plan"] = "gold"
    table.to_parquet("new.parquet")

    found = scored()

    refused = pd.concat(map(pd.read_csv, sorted(Path("scores/_quarantine").iterdir())))
    assert refused["row"].tolist() == [4, 6, 701]
    assert refused["reason"].tolist() == [
        "tenure_months: outside 0 to 600",
        "plan: not a level in the contract",
        "tenure_months: missing",
    ]
    assert len(found) == 997
    assert json.loads(Path("scores/_manifest.json").read_text())["quarantined"] == 3
    assert len(read_log("logs")) == 997


def test_too_many_invalid_rows_stop_the_job_and_publish_nothing(place):
    table = pd.read_parquet("new.parquet")
    table.loc[:50, "plan"] = "gold"
    table.to_parquet("new.parquet")

    with pytest.raises(
        UserError, match=r"51 of 1,000 rows .*, over 5\.0%, e\.g\. plan: not a level .* at row 1 of .*new\.parq"
    ):
        scored()

    assert not Path("scores").exists()
    assert not Path("logs").exists()


@pytest.mark.slow
def test_an_existing_output_is_not_changed(place):
    scored()
    before = {path: path.read_bytes() for path in Path("scores").iterdir()}

    score.main(data="new.parquet", out="scores", model="build/model")
    with pytest.raises(UserError, match="already exists with other rows or another model"):
        score.main(data="new.csv", out="scores", model="build/model")

    assert {path: path.read_bytes() for path in Path("scores").iterdir()} == before
    assert len(read_log("logs")) == 1000


@pytest.mark.slow
def test_a_job_resumes_after_the_last_complete_part(place, monkeypatch):
    kept, keep = [], score._keep

    def stop(begun, number, found):
        if number == 4:
            raise KeyboardInterrupt
        kept.append(number)
        keep(begun, number, found)

    monkeypatch.setattr(score, "_keep", stop)
    with pytest.raises(KeyboardInterrupt):
        scored()
    torn = [Path(".scores.part", place, ".half-written") for place in ("log", "out")]
    for path in torn:
        path.write_text("torn")
    monkeypatch.setattr(score, "_keep", lambda begun, number, found: kept.append(number) or keep(begun, number, found))

    found = scored()

    assert kept == [*range(8)]
    assert not [*Path("scores").glob(".*"), *Path("logs").glob(".*")]
    assert found["request_id"].str.split("-").str[1].unique().size == 1
    assert len(read_log("logs")) == len(found) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("change", ["data", "model"])
def test_a_job_starts_again_if_rows_or_model_have_changed(place, models, monkeypatch, change):
    with monkeypatch.context() as patch:
        patch.setattr(score, "_log", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            scored()
    if change == "data":
        pd.read_parquet("new.parquet")[:10].to_parquet("new.parquet")

    found = scored(model=str(models / "forest") if change == "model" else "build/model")

    assert len(found) == len(read_log("logs")) == (10 if change == "data" else 1000)


@pytest.mark.slow
def test_a_challenger_beside_the_champion_can_be_compared(place, models, params):
    scored(challenger=str(models / "forest"))

    duel = live_sides.duel(read_log("logs"), params, "")

    assert duel.paired
    assert duel.champion.answers == duel.challenger.answers == 1000


@pytest.mark.slow
def test_another_model_than_the_champion_is_refused_by_setting(place, models):
    with pytest.raises(UserError, match="is not a version in the registry"):
        scored(champion=True)
    home = Embedded("churn")
    for number, name in enumerate(("forest", "linear"), 1):
        register(home, models / name)
        promote(home, number)

    found = scored(model="", champion=True)
    with pytest.raises(UserError, match="is not the champion"):
        scored("others", model=str(models / "forest"), champion=True)

    assert set(found["model"]) == {"churn@2"}


def test_a_challenger_with_another_target_is_refused(place, customers, params):
    target = params.data.target.model_copy(update={"positive": False})
    data = params.data.model_copy(update={"target": target})
    built(Path("other"), customers, params.model_copy(update={"data": data}))

    with pytest.raises(UserError, match=r"another contract than churn@.*: the id or the target differ"):
        scored(challenger="other")

    assert not Path("scores").exists()


@pytest.mark.slow
def test_a_log_that_cannot_be_created_is_named_and_the_job_resumes(place, monkeypatch):
    Path("file").write_text("")

    with monkeypatch.context() as patch:
        patch.setenv("PREDICTION_LOG", "file/logs")
        with pytest.raises(UserError, match="the prediction log file/logs cannot be created: Not a directory"):
            scored()
    assert not Path("scores").exists()

    assert len(scored()) == len(read_log("logs")) == 1000


@pytest.mark.parametrize(
    ("data", "given", "message"),
    [
        ("lacking.parquet", {}, "lacks 1 of 15 columns of the contract, e.g. plan"),
        ("head.csv", {}, "the table has no row to score"),
        ("head.parquet", {}, "the table has no row to score"),
        ("odd.csv", {}, "1 row without the 17 cells of the header"),
        ("broken.parquet", {}, "broken.parquet cannot be read"),
        ("absent.parquet", {}, "absent.parquet contains no .parquet or .csv file"),
        ("nowhere://x", {}, "nowhere://x cannot be read"),
        ("mixed", {}, "mixed contains 1 table in another format than .parquet and .csv, e.g. .*rest.csv.gz"),
        ("postgresql://u:secret@127.0.0.1:1/x", {"query": "select 1"}, "postgresql://127.0.0.1:1/x gives no rows"),
        ("postgresql://u:secret@127.0.0.1:1/x", {}, "needs a query"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_written(place, data, given, message):
    pd.read_parquet("new.parquet").drop(columns="plan").to_parquet("lacking.parquet")
    pd.read_parquet("new.parquet").head(0).to_parquet("head.parquet")
    Path("head.csv").write_text(Path("new.csv").read_text().splitlines()[0] + "\n")
    Path("odd.csv").write_text(Path("new.csv").read_text() + "1,2\n")
    Path("broken.parquet").write_bytes(b"PAR1" * 10)
    Path("mixed").mkdir()
    for name in ("new.parquet", "rest.csv.gz"):
        shutil.copy("new.parquet", f"mixed/{name}")

    with pytest.raises(UserError, match=message) as error:
        scored(data=data, **given)

    assert "secret" not in str(error.value)
    assert not Path("scores").exists()
    assert not Path("logs").exists()


@pytest.mark.slow
def test_a_full_disk_leaves_the_output_unchanged_and_the_job_resumes(place, monkeypatch):
    write = files.write_bytes

    def full(content, path):
        if path.name == "part-000003.parquet":
            raise OSError(28, "No space left on device")
        write(content, path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            scored()
    assert not Path("scores").exists()
    assert not Path("logs").exists()

    assert len(scored()) == len(read_log("logs")) == 1000


class Bucket(LocalFileSystem):
    """A store in which some writes fail."""

    protocol = "bucket"
    refused = ()

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("bucket://"))

    def put_file(self, lpath, rpath, *args, **given):
        if any(word in rpath for word in self.refused):
            raise ConnectionError("the store is away")
        super().put_file(lpath, rpath, *args, **given)


@pytest.mark.slow
def test_an_output_in_a_store_is_complete_once_it_has_a_manifest(place, monkeypatch, capsys):
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    url, folder = f"bucket://{place}/bucket/scores", place / "bucket" / "scores"
    monkeypatch.setattr(Bucket, "refused", ("part-000003",))
    with pytest.raises(UserError, match=r"scores cannot be written: the store is away\. .* it resumes"):
        score.main(data="new.parquet", out=url, model="build/model")
    assert not (folder / "_manifest.json").exists()

    monkeypatch.setattr(Bucket, "refused", ())
    for _ in range(2):
        score.main(data="new.parquet", out=url, model="build/model")
    with pytest.raises(UserError, match="already exists with other rows or another model"):
        score.main(data="new.csv", out=url, model="build/model")

    assert "holds these 1,000 scores already" in capsys.readouterr().err
    assert len(pd.read_parquet(folder)) == len(read_log("logs")) == 1000
    assert {path.name for path in folder.iterdir() if path.name[0] in "._"} == {"_manifest.json"}
    assert not [*Path("build").glob("*score*")]


@pytest.mark.slow
def test_two_machines_do_not_mix_their_files_in_a_store(place, monkeypatch):
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    url, folder = f"bucket://{place}/bucket/scores", place / "bucket" / "scores"
    monkeypatch.setattr(Bucket, "refused", ("part-000003",))
    with pytest.raises(UserError, match="the store is away"):
        score.main(data="new.parquet", out=url, model="build/model")
    first = json.loads((folder / "_started.json").read_text())["job"]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(Bucket, "refused", ())
    (staging,) = Path("build").glob("score-*")
    staging.rename("first")  # the files of the first machine are not here

    with pytest.raises(UserError, match=f"scores is being written by another job, {first}. Wait for it"):
        score.main(data="new.parquet", out=url, model="build/model")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    staging.rename("second")
    Path("first").rename(staging)
    score.main(data="new.parquet", out=url, model="build/model")
    Path("second").rename(staging)
    monkeypatch.setattr(Store, "finished", lambda *_: None)  # it looked before the first machine was done
    with pytest.raises(UserError, match="scores was created meanwhile"):
        score.main(data="new.parquet", out=url, model="build/model")

    assert set(pd.read_parquet(folder)["request_id"].str[6:22]) == {first}


@pytest.mark.slow
def test_rows_and_scores_are_stored_in_s3(place, bucket):  # noqa: F811
    system = fsspec.filesystem("s3")
    system.put("new.parquet", f"{bucket}/rows/new.parquet")
    with pytest.raises(UserError, match=r"s3://no-such-bucket/x cannot be written: there is no no-such-bucket"):
        score.main(data=f"{bucket}/rows", out="s3://no-such-bucket/x", model="build/model")

    for _ in range(2):
        score.main(data=f"{bucket}/rows", out=f"{bucket}/scores", model="build/model")

    names = {name.rpartition("/")[2] for name in system.find(f"{bucket}/scores")}
    assert names == {"_manifest.json", *(f"part-{number:06d}.parquet" for number in range(8))}
    found = pd.concat(pd.read_parquet(f"{bucket}/scores/{name}") for name in sorted(names) if name[0] != "_")
    assert found["score"].tolist() == scored()["score"].tolist()
    with pytest.raises(UserError, match=r"OUT s3://.*/rows/x lies in DATA"):
        score.main(data=f"{bucket}/rows", out=f"{bucket}/rows/x", model="build/model")


def test_a_missing_store_is_named_before_any_row_is_scored(place):
    with pytest.raises(UserError, match="nowhere://x/scores cannot be written: Protocol not known"):
        score.main(data="new.parquet", out="nowhere://x/scores", model="build/model")

    assert not Path("logs").exists()


def test_the_rows_of_a_query_are_read_in_chunks(monkeypatch):
    class Cursor:
        def __init__(self):
            self.description = [type("Column", (), {"name": name}) for name in ("a", "b")]
            self.rows = [(1, None), (2, "x"), (3, "y")]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def cursor(self, _):
            return self

        def execute(self, _):
            return self

        def fetchmany(self, count):
            taken, self.rows = self.rows[:count], self.rows[count:]
            return taken

    monkeypatch.setattr("psycopg.connect", lambda *_, **__: Cursor())

    chunks = [*source.opened("postgresql://host/x", "select 1").chunks(2)]

    assert [(c.where, c.first, c.rows.to_pydict()) for c in chunks] == [
        ("postgresql://host/x", 0, {"a": [1, 2], "b": [None, "x"]}),
        ("postgresql://host/x", 2, {"a": [3], "b": ["y"]}),
    ]


@pytest.mark.slow
def test_a_cluster_gives_the_same_scores_if_a_worker_is_killed(place, monkeypatch):
    settings = Path("params.yaml").read_text().replace("rows: 128", "rows: 50")
    Path("params.yaml").write_text(settings)
    scored("local")
    settings = settings.replace("name: local #", "name: dask #")
    Path("params.yaml").write_text(settings.replace("workers: null", "workers: 2"))
    killed, keep, each = [], score._keep, spread.ClusterTeam.each

    def known(cluster, work, items, shared):
        killed.extend(cluster.client.run(os.getpid).values())
        return each(cluster, work, items, shared)

    def kill(begun, number, found):
        if number == 3:
            os.kill(killed[0], signal.SIGKILL)
        keep(begun, number, found)

    monkeypatch.setattr(spread.ClusterTeam, "each", known)
    monkeypatch.setattr(score, "_keep", kill)

    found = scored("cluster")

    expected = pd.read_parquet("local")
    assert len(killed) == 2
    own = ["request_id", "time"]
    pd.testing.assert_frame_equal(found.drop(columns=own), expected.drop(columns=own), check_exact=True)
    assert read_log("logs")["id"].value_counts().eq(2).all()  # once from each job


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "message"),
    [("tcp://127.0.0.1:1", "does not respond"), ("tls://127.0.0.1:1", "cannot be reached: .* Dask's TLS settings")],
)
def test_an_unreachable_scheduler_is_named(place, monkeypatch, address, message):
    monkeypatch.setattr(spread, "SECONDS", 0.3)
    monkeypatch.setenv("DASK_SCHEDULER", address)
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("name: local #", "name: dask #"))

    with pytest.raises(UserError, match=rf"the Dask scheduler {address} {message}"):
        scored()

    assert not Path("scores").exists()


@pytest.mark.slow
def test_twenty_kills_lose_and_double_no_row(tmp_path_factory, models):
    """300,000 rows with kill -9 at random moments, in processes that a server forks after all imports."""
    place = tmp_path_factory.mktemp("kills")
    shutil.copy(SAMPLE, place)
    settings = place / "params.yaml"
    settings.write_text(settings.read_text().replace("rows: 50000", "rows: 10000"))
    table = pd.concat([simulated(13, 3000, seed) for seed in range(10)] * 10, ignore_index=True)
    table = table.assign(customer_id=table.index.astype(str))
    table.to_parquet(place / "new.parquet")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["ml.stages.score", "tests.scoring.test_score"])

    def start(out, log):
        process = server.Process(target=_scoring, args=(place, models / "linear", out, log))
        process.start()
        return process

    start("first", "first-log").join()  # the server has begun
    begun = time.monotonic()
    assert not _killed(start("whole", "whole-log"), None)
    took, moments, kills, jobs = time.monotonic() - begun, random.Random(0), 0, 0
    whole = pd.read_parquet(place / "whole").drop(columns=["request_id", "time"])
    while kills < 20:  # several to each job, until it is done
        jobs += 1
        before = kills
        while (ended := _killed(start(f"out-{jobs}", f"log-{jobs}"), moments.uniform(0.3, 0.5) * took)) and kills < 20:
            kills += 1
        assert not ended or not _killed(start(f"out-{jobs}", f"log-{jobs}"), None)

        took *= 1 if kills > before else 0.7  # the machine has become faster: kill sooner
        found = pd.read_parquet(place / f"out-{jobs}").drop(columns=["request_id", "time"])
        pd.testing.assert_frame_equal(found, whole)
        assert sorted(_logged(place / f"log-{jobs}")) == sorted(table["customer_id"])
    assert not [*place.glob(".out*")]


def _scoring(place, model, out, log):
    """The work of a process that may be killed."""
    os.chdir(place)
    os.environ["PREDICTION_LOG"] = log
    score.main(data="new.parquet", out=out, model=str(model))


def _killed(process, seconds):
    """True if the process was killed after so many seconds, False if it had finished before."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return True
    assert process.exitcode == 0
    return False


def _logged(folder):
    """The ids of all rows in the log; every line is complete."""
    content = b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl")))
    assert all(line.endswith(b"]}") for line in content.splitlines())
    return [found.decode() for found in re.findall(rb'"id":"(\d+)"', content)]


def test_rows_without_the_ids_of_adopt_get_one_each(customers, params):
    data = params.data.model_copy(update={"id": "row_id"})
    rows = pa.Table.from_pandas(pd.concat([customers.head(3)] * 2)[[*data.columns]], preserve_index=False)

    ids = [check(Chunk("new.csv", first, rows), data).ids.tolist() for first in (0, 6)]

    assert len({*ids[0], *ids[1]}) == 12
    assert check(Chunk("new.csv", 0, rows), data).ids.tolist() == ids[0]


def few(rows=200):
    """A table of few rows in two chunks, its scores, and its log."""
    pd.read_parquet("new.parquet")[:rows].to_parquet("few.parquet", row_group_size=rows // 2)
    expected = scored("expected", "few.parquet")
    return expected, read_log("logs").sort_values("id", ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [torn, killed])
def test_scoring_stopped_at_any_write_is_completed_by_the_same_command(place, fault):
    expected, _ = few()

    def fresh():
        for folder in ("out", "logs"):
            shutil.rmtree(folder, ignore_errors=True)

    def command():
        score.main(data="few.parquet", out="out", model="build/model")

    fresh()
    stopped = 0
    for number in range(1, writes(command) + 1):
        fresh()
        if not fault(number, command):
            stopped += 1
            command()

        found = pd.read_parquet("out")
        assert found[["id", "score", "label"]].equals(expected[["id", "score", "label"]]), f"write {number}"
        assert sorted(read_log("logs")["id"]) == sorted(expected["id"]), f"write {number}"
    assert stopped > 3


@pytest.mark.slow
@pytest.mark.parametrize("fault", [full_disk, torn, killed])
def test_compaction_stopped_at_any_write_is_completed_by_the_same_command(place, fault):
    _, logged = few()
    shutil.copytree("logs", "segments")

    def fresh():
        shutil.rmtree("logs", ignore_errors=True)
        shutil.copytree("segments", "logs")

    fresh()
    stopped = 0
    for number in range(1, writes(compact.main) + 1):
        fresh()
        if not fault(number, compact.main):
            stopped += 1
            compact.main()

        assert read_log("logs").sort_values("id", ignore_index=True).equals(logged), f"write {number}"
        assert [path.name for path in Path("logs").rglob(".*") if path.suffix == ".parquet"] == [], f"write {number}"
    assert stopped or fault is torn  # pyarrow opens its file by itself
