"""A damaged or hostile model file ends in a sentence, with bounded memory."""

import io
import json
import re
import tracemalloc
import zipfile

import numpy as np
import pytest
import skops.io

from ml.io.errors import UserError
from ml.model import archive as model_archive
from ml.model import estimates, model, model_file, predictor
from ml.model.compiled import compiled
from ml.model.model_contract import CONTRACT, Contract
from ml.settings.params import read_params
from serving.loaded_model import LINEAGE, load
from tests.conftest import SAMPLE

PARAMS = read_params(SAMPLE)
MOST = 4 * model_archive.LEAST  # what reading may take for a file of a few megabytes at most
ZEROS = bytes(2**20)
NPY = b"\x93NUMPY\x01\x00"


@pytest.fixture(scope="module")
def content(customers):
    return model_file.dumps(
        model.fit(customers, PARAMS.data, PARAMS.train.model_copy(update={"model": "logistic_regression"}))
    )


def members(content):
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist()}


def packed(parts, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def refused(content):
    """The error message; any other result fails the test."""
    with pytest.raises(UserError) as said:
        model_file.loads(content)
    return str(said.value)


@pytest.mark.slow
def test_a_flipped_byte_or_a_truncation_gives_a_sentence_or_changes_nothing(content):
    whole = model_file.loads(content)["estimator"].coef_
    for place in {*range(0, len(content), 97), *range(60), *range(len(content) - 120, len(content))}:
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]):
            try:
                assert np.array_equal(model_file.loads(damaged)["estimator"].coef_, whole)  # a date in a header, say
            except UserError as error:
                assert "the model file" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "old", ["{", '"content"', "sklearn.pipeline", "numpy", '"file"', ".npy", "tuple", "1", "ObjectNode"]
)
@pytest.mark.parametrize("new", ["", "[", "null", "9", "é", '"'])
def test_a_schema_with_other_words_gives_a_sentence(content, old, new):
    parts = members(content)
    schema = parts["schema.json"].decode()
    assert old in schema
    for damaged in (schema.replace(old, new), schema.replace(old, new, 1)):
        refused_or_read(packed(parts | {"schema.json": damaged}))


def refused_or_read(content):
    try:
        assert model_file.loads(content) is not None
    except UserError as error:
        assert "the model file" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "schema", ["", "{}", "[]", "null", "7", '"text"', '{"protocol": true}', "[" * 900, "\ufeff{}", "NaN"]
)
def test_any_other_json_gives_a_sentence(content, schema):
    refused(packed(members(content) | {"schema.json": schema}))


def test_an_object_that_is_no_pipeline_gives_a_sentence():
    assert "instead of a Pipeline" in refused(skops.io.dumps([1, 2]))


@pytest.mark.parametrize("name", ["../1.npy", "/etc/passwd", "a/b.npy", "1.npz", "schema.json/", "x" * 5000, "1.npy\n"])
def test_a_member_with_another_name_is_refused(content, name):
    assert "is not a member of a model" in refused(packed(members(content) | {name: b""}))


def test_a_duplicate_member_is_refused(content):
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("schema.json", "{}")

    assert "is not a member of a model" in refused(out.getvalue())


def test_an_array_larger_than_its_data_gives_a_sentence(content):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }"
    parts = members(content)
    name = next(name for name in parts if name.endswith(".npy"))

    refused(packed(parts | {name: NPY + len(header).to_bytes(2, "little") + header}))


def declaring(content, name, size):
    """The archive with another size of a member in both of its headers."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    info, start = archive.getinfo(name), archive.start_dir
    changed, whole = bytearray(content), size.to_bytes(4, "little")
    changed[info.header_offset + 22 : info.header_offset + 26] = whole
    place = content.index(name.encode(), start) - 46
    changed[place + 24 : place + 28] = whole
    return bytes(changed)


def bombs(parts):
    zeros = b"".join([ZEROS] * 80)
    many = {f"{n}.npy": zeros[: 2**22] for n in range(100, 170)}
    schema = json.loads(parts["schema.json"])
    name = next(name for name in parts if name.endswith(".npy"))
    array = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy"}
    arrays = [array | {"__id__": n, "file": "7777.npy", "pad": "x" * 200} for n in range(2, 42)]
    again = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "__id__": 1, "content": arrays}
    again |= {"protocol": schema["protocol"]}
    return {
        "one member": packed(parts | {"7777.npy": zeros}),
        "many members": packed(parts | many),
        "a schema of spaces": packed(parts | {"schema.json": b" " * len(zeros)}),
        "a schema of objects": packed(parts | {"schema.json": b"[" + b"{}," * 5_000_000 + b"{}]"}),
        "a schema of lists": packed(parts | {"schema.json": b"[" * 8_000_000}),
        "one array named often": packed(
            parts | {"7777.npy": zeros[: 2**24], "schema.json": json.dumps(again, indent=30)}
        ),
        "a size that lies": declaring(packed(parts | {name: zeros}), name, 1000),
    }


@pytest.mark.slow
def test_a_zip_bomb_is_refused_before_it_uses_memory(content):
    for name, bomb in bombs(members(content)).items():
        tracemalloc.start()
        try:
            refused(bomb)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < MOST, name


@pytest.fixture(scope="module")
def forms(customers):
    """For each kind of compiled form, the files beside a small model."""
    frame, found = customers.head(200), {}
    for name, small in {"random_forest": {"n_estimators": 2, "max_depth": 2}, "logistic_regression": {}}.items():
        params = PARAMS.train.model_copy(
            update={"model": name, name: getattr(PARAMS.train, name).model_copy(update=small)}
        )
        found[name] = compiled(model.fit(frame, PARAMS.data, params))
    return found


def served_or_refused(files):
    """Loads a damaged form, which may still be valid; anything else must end in a sentence."""
    try:
        predictor.from_files(files)
    except UserError as error:
        assert "no usable compiled form" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "form", ["", "{}", "[]", "null", "7", "[" * 100_000, '{"estimator": 1}', '{"estimator": {"kind": "onnx"}}']
)
def test_any_other_compiled_form_gives_a_sentence(forms, form):
    with pytest.raises(UserError, match="no usable compiled form"):
        predictor.from_files(forms["random_forest"] | {predictor.FORM: form.encode()})


@pytest.mark.parametrize("name", ["random_forest", "logistic_regression"])
def test_a_form_with_other_values_gives_a_sentence(forms, name):
    form = forms[name][predictor.FORM].decode()
    values = {match[1] for match in re.finditer(r': ("[^"]*"|[\d.e-]+|\[)', form)}
    for old in sorted(values)[::3]:
        for new in ("null", "7", '"text"', "[]", "{}", "1e999"):
            served_or_refused(forms[name] | {predictor.FORM: form.replace(f": {old}", f": {new}", 1).encode()})


def test_damaged_trees_give_a_sentence(forms):
    files = forms["random_forest"]
    content = files[estimates.ESTIMATOR]
    for place in range(0, len(content), max(1, len(content) // 60)):
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]):
            served_or_refused(files | {estimates.ESTIMATOR: damaged})


@pytest.fixture
def folder(forms, tmp_path):
    contract = Contract(project="churn", threshold=0.5, data=PARAMS.data)
    files = forms["logistic_regression"] | {
        predictor.MODEL: b"",
        CONTRACT: contract.model_dump_json().encode(),
        LINEAGE: b"{}",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("name", [CONTRACT, predictor.FORM, LINEAGE])
@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, f'{{"a": {"9" * 10_000}}}', "\0{}", "\ud800"])
def test_a_file_beside_the_model_with_other_json_gives_a_sentence(folder, name, content):
    (folder / name).write_bytes(content.encode("utf-8", "surrogatepass"))

    with pytest.raises(UserError, match="cannot be read"):
        load(str(folder))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"threshold":', '"half_width":', '"min":', '"max":'])
def test_a_contract_has_only_finite_numbers(folder, place, number):
    text = (folder / CONTRACT).read_text()
    assert place in text
    (folder / CONTRACT).write_text(re.sub(rf"{place}[^,}}]+", f"{place}{number}", text))

    with pytest.raises(UserError, match=r"contract.json of the model cannot be read"):
        load(str(folder))


def test_the_project_of_a_contract_must_be_a_name(folder):
    text = (folder / CONTRACT).read_text()
    (folder / CONTRACT).write_text(text.replace('"churn"', '"</title><script>"', 1))

    with pytest.raises(UserError, match=r"contract.json of the model cannot be read"):
        load(str(folder))
