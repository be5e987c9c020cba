"""dvc.yaml, the Makefile, the modules and the docs agree with each other."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.closure import closure, imports, locate, tree

STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
ROOT = Path("src/ml")
CODE = ("src", "serving", "demo", "lab", "tests")
NOUNS = sorted(path for path in ROOT.glob("*/*.py") if path.parent.name != "stages")
MODEL = {"io", "settings", "data", "tasks", "model"}  # what a model is made of; each folder stands on those before it
BASE = "ml.tasks.kinds"  # the one module of tasks on which settings stand: it imports nothing of ours
STANDS_ON = {
    "io": set(),
    "settings": {"io", BASE},
    "data": {"io", "settings"},
    "tasks": {"io", "settings", "data"},
    "model": MODEL,
    "validation": {"io", "settings", "data", "tasks"},
    "adoption": {"io", "settings", "data", "tasks"},
    "gates": {*MODEL, "registry"},
    "reports": {*MODEL, "validation"},
    "registry": MODEL,
    "prediction_log": MODEL,
    "engine": {"io", "settings", "data", "tasks", "validation"},
    "scoring": {*MODEL, "engine", "prediction_log", "registry"},
    "github": {"io", "monitoring"},
    "retraining": {*MODEL, "adoption", "gates", "registry", "prediction_log", "monitoring"},
    "monitoring": {*MODEL, "registry", "prediction_log", "reports"},
    "deployment": {*MODEL, "registry"},
}
CUTTING = {  # modules outside ml.tasks that name the threshold of a decision, and why
    "src/ml/settings/evaluate.py": "declares the setting",
    "src/ml/settings/train.py": "declares the setting of the rule that chooses one",
    "src/ml/model/model_contract.py": "a field of contract.json",
    "src/ml/model/reference.py": "a field of reference.json",
    "src/ml/model/history.py": "a field of training.json",
    "src/ml/model/compiled_trees.py": "the splits of trees in scikit-learn, which are no decisions",
    "src/ml/model/compiled_boosters.py": "the splits of trees in LightGBM, which are no decisions",
}
STATEMENTS, LINES = 30, 160  # of a function of a stage, and of a stage
SIDES = {"positive", "negative"}
KINDS = {"binary", "multiclass", "regression", *SIDES}
ASKING = {  # modules outside ml.tasks that ask which kind of target it is, or name one, and why
    "src/ml/model/compiled_boosters.py": "names of LightGBM's objectives, not ours",
}


def wrong(paths, found):
    """The findings of `found` in each file; one test per file would cost seconds for three times a thousand files."""
    return {path.as_posix(): sorted(names) for path in paths if (names := found(path))}


@pytest.mark.parametrize("stage", STAGES)
def test_a_dvc_stage_depends_on_every_module_it_imports(stage):
    needed = {path.as_posix() for path in closure(f"ml.stages.{stage}") | closure("ml.stages")}

    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}

    assert listed == needed, f"deps of {stage} in dvc.yaml should be:\n" + "\n".join(
        f"      - {path}" for path in sorted(needed)
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_dvc_stage_has_one_name_everywhere(stage):
    assert STAGES[stage]["cmd"] == f"python -m ml.stages.{stage}"
    assert (ROOT / "stages" / f"{stage}.py").is_file()


@pytest.mark.slow
def test_the_pipeline_imports_nothing_that_depends_on_it():
    above = {"serving", "demo", "lab", "tests", "tools"}

    assert not wrong(sorted(ROOT.rglob("*.py")), lambda path: {name.split(".")[0] for name in imports(path)} & above)


def test_a_stage_never_imports_a_stage():
    stages = sorted((ROOT / "stages").glob("[a-z]*.py"))

    assert not wrong(stages, lambda path: {n for n in imports(path) if n.startswith("ml.stages.") and locate(n)})


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("[a-z]*.py")), ids=lambda path: path.name)
def test_a_stage_reads_calls_and_writes_and_computes_nothing(path):
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    sizes = {f.name: sum(isinstance(node, ast.stmt) for node in ast.walk(f)) - 1 for f in functions}
    names = {name.split(".")[0] for name in imports(path)}
    frames = {n.attr for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "pd"}

    assert names & {"numpy", "scipy", "sklearn", "pyarrow", "optuna", "great_expectations"} == set()
    assert frames <= {"DataFrame", "Timestamp"}, "a frame is made and changed by nouns"
    assert {name: size for name, size in sizes.items() if size > STATEMENTS} == {}, "move what computes to a noun"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def test_a_noun_never_imports_a_stage():
    assert not wrong(NOUNS, lambda path: imports(path) & {"ml.stages"})


def test_a_noun_imports_only_the_folders_below_its_own():
    def others(path):
        ours = {name for name in imports(path) if name.startswith("ml.") and locate(name)} - {BASE.rpartition(".")[0]}
        own = path.parent.name
        allowed = {own, *STANDS_ON[own], *([BASE] if "tasks" in {own, *STANDS_ON[own]} else [])}
        return {BASE if name == BASE else name.split(".")[1] for name in ours} - allowed

    assert not wrong(NOUNS, others)


def test_the_kinds_of_target_import_no_other_folder():
    assert not {name for name in imports(locate(BASE)) if name.split(".")[0] == "ml"}


@pytest.mark.slow
def test_every_imported_module_exists():
    def missing(path):
        named = {node.module for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.module}
        return {name for name in named if name.startswith("ml.") and not locate(name)}

    assert not wrong(sorted(p for root in CODE for p in Path(root).rglob("*.py")), missing)


def test_every_folder_of_modules_states_its_purpose():
    flat = {path.name for path in ROOT.glob("*.py")} - {"__init__.py"}
    packages = [*ROOT.glob("*/__init__.py"), *ROOT.parents[1].glob("*/__init__.py")]
    silent = [str(p) for p in packages if not ast.get_docstring(ast.parse(p.read_text()))]

    assert not flat
    assert not silent
    assert {path.name for path in ROOT.iterdir() if path.is_dir()} - {"__pycache__", "stages"} == {*STANDS_ON}


def test_a_file_name_means_one_module():
    """A stage has the name of its section in params.yaml, and stored models name ml.model.calibration."""
    paths = [p for p in (*ROOT.rglob("*.py"), *Path("serving").glob("*.py")) if p.stem != "__init__"]
    folders = {p.stem: sorted(q.parent.name for q in paths if q.stem == p.stem) for p in paths}

    twice = {name: where for name, where in folders.items() if len(where) > 1 and where != ["settings", "stages"]}

    assert twice == {"calibration": ["gates", "model"]}


def asks(path):
    """Whether a module names a kind of target or a side of a decision, or distinguishes kinds."""
    nodes = [*ast.walk(tree(path))]
    named = any(isinstance(node, ast.Constant) and node.value in KINDS for node in nodes)
    if named or imports(path) & {f"ml.tasks.{kind}" for kind in KINDS}:
        return True
    used = [node for node in nodes if isinstance(node, ast.Compare | ast.Subscript | ast.Match)]
    parts = [part for node in used for part in ast.iter_child_nodes(node)]
    parts += [node for node in nodes if isinstance(node, ast.Attribute) and node.attr in SIDES]
    return any(re.search(r"target\.(task|positive|negative)$", ast.unparse(part)) for part in parts)


@pytest.mark.slow
def test_only_listed_modules_distinguish_kinds_of_target():
    outside = [p for p in (*ROOT.rglob("*.py"), *Path("serving").glob("*.py")) if p.parent.name != "tasks"]
    asking = {p.as_posix() for p in outside if asks(p)}

    assert asking - {*ASKING} == set(), "let ml.tasks decide, or give a reason in ASKING"
    assert {*ASKING} - asking == set(), "no reason is needed any more"


def words(path):
    """The parts of every name and every text in a module, except for docstrings."""
    nodes = [*ast.walk(tree(path))]
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in prose]
    kinds = ("id", "attr", "arg", "name", "asname", "rest")
    named = [getattr(node, kind, None) for node in nodes for kind in kinds]
    return {part for text in (*texts, *named) if isinstance(text, str) for part in re.findall(r"[a-z]+", text.lower())}


@pytest.mark.slow
def test_only_listed_modules_name_the_threshold_of_a_decision():
    outside = [p for p in (*ROOT.rglob("*.py"), *Path("serving").glob("*.py")) if p.parent.name != "tasks"]
    naming = {p.as_posix() for p in outside if "threshold" in words(p)}

    assert naming - {*CUTTING} == set(), "pass the rule to a Task (ml.tasks.kinds.DecisionRule), or give a reason"
    assert {*CUTTING} - naming == set(), "no reason is needed any more"


def test_only_the_modules_of_files_access_the_disk():
    writing = re.compile(r"(?<!files)\.(write_text|write_bytes|to_parquet|to_csv|read_parquet|read_csv)\(|\bopen\(")
    files = {"files.py", "tables.py", "sheets.py"}
    guilty = {p.name for p in ROOT.rglob("*.py") if writing.search(p.read_text())}

    assert guilty - files <= {"artifact.py", "lineage.py", "archive.py", "segments.py", "source.py", "store.py"}, (
        "read and write through ml.io.files, tables or sheets"
    )


def test_tests_name_only_columns_of_the_sample():
    guilty = {p.name for p in Path("tests").rglob("*.py") if 'ROOT / "params.yaml"' in p.read_text()}

    assert guilty - {Path(__file__).name} <= {"test_policy_life.py"}, (
        "a fork has another params.yaml: read SAMPLE of tests/conftest.py"
    )
