"""Lines of the registry: any text is restored unchanged, and a line in another form is reported and left out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.io.errors import UserError
from ml.io.text import columns, one_line
from ml.registry import entries

MODEL = "a" * 64
BREAKING = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r\n\x00\x1b"
TEXT = st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from(BREAKING)) | st.just("long " * 100_000)
ANY = st.text(st.characters() | st.sampled_from(BREAKING))


def entry(**changes):
    return {
        "action": "promote",
        "model": MODEL,
        "time": "2026-01-01T00:00:00+00:00",
        "who": "me",
        "reason": "",
    } | changes


def registration(**lineage):
    origin = {"commit": "0" * 40, "changed": [], "data": {"md5": None}} | lineage
    run = {"digest": MODEL, "name": "n", "params": {}, "metrics": {"accuracy": 0.5}, "tags": {}, "dataset": {}}
    return entry(action="register", run=run | {"lineage": origin}, verdict={"passed": True})


@pytest.mark.slow
@given(st.lists(st.tuples(TEXT, TEXT, ANY), max_size=3))
def test_any_text_is_restored_unchanged(texts):
    written = [entry(reason=reason, who=who, more={more: more}) for reason, who, more in texts]

    assert entries.loads(entries.dumps(written), "here") == written


@given(ANY)
def test_a_reason_that_is_no_text_is_refused_with_a_sentence(text):
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of a command line that are not UTF-8
        with pytest.raises(UserError, match="is not UTF-8 text"):
            entries.reason(text)
    else:
        assert entries.reason(text) == text


@pytest.mark.parametrize("name", ["", "a\u2028", "../a", "/a", "a//b", "a" * 251, "a;b", "."])
@pytest.mark.parametrize("field", ["metrics", "params", "tags"])
def test_a_name_that_mlflow_does_not_accept_refuses_only_its_line(name, field):
    crafted = registration()
    crafted["run"][field] = {name: 1.0}

    with pytest.raises(UserError, match=f"`run.{field}.*MLflow takes no such name"):
        entries.accepted(crafted)


@given(ANY)
def test_text_for_a_terminal_is_one_line_without_control_characters(text):
    shown = one_line(text)

    assert shown.splitlines() == ([shown] if shown else [])
    assert shown.encode().decode() == shown
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


@given(st.lists(st.tuples(ANY, ANY), max_size=4))
def test_a_table_has_one_line_per_row_for_any_text(rows):
    assert len(f"{columns(['a', 'b'], rows)}|".splitlines()) == len(rows) + 1


def test_lines_that_an_older_version_wrote_as_unicode_are_read():
    line = json.dumps(entry(reason="because\u2028of this"), ensure_ascii=False).encode() + b"\n"

    assert entries.loads(line, "here")[0]["reason"] == "because\u2028of this"


@pytest.mark.parametrize(
    "wrong",
    [
        entry(model="../../../somewhere"),
        entry(model="A" * 64),
        entry(model=MODEL + "\n"),
        entry(time="yesterday"),
        entry(time="2026-01-01T00:00:00"),
        entry(reason=7),
        entry(action="--exec"),
        registration(commit="--upload-pack=touch x"),
        registration(changed="all"),
        registration() | {"run": registration()["run"] | {"digest": "' or 1=1"}},
        registration() | {"verdict": None},
        entry(id="1", env="../x", target="local", image="i"),
        entry(id="1", env="staging", target="local", image="--privileged"),
        {"action": "promote"},
        [],
        "text",
        None,
    ],
    ids=str,
)
def test_a_malformed_line_is_left_out_and_the_rest_is_used(wrong, capsys):
    content = entries.dumps([registration(), wrong, entry()])

    assert entries.loads(content, f"ledger of {wrong}"[:60]) == [registration(), entry()]
    assert "line 2 is refused" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 100_000, b""])
def test_a_damaged_line_gives_a_sentence_here_and_is_left_out_of_others_entries(damage, capsys):
    content = entries.dumps([registration()]) + damage + b"\n" + entries.dumps([entry()])

    with pytest.raises(UserError, match=r"here: line 2 is damaged. `make registry DO=pull` repairs it"):
        entries.loads(content, "here")
    assert entries.loads(content, f"there {damage[:9]}", torn=True) == [registration(), entry()]
    assert "line 2 is damaged and left out" in capsys.readouterr().err


def test_a_move_of_an_unregistered_model_is_left_out(capsys):
    lost = entry(model="b" * 64)

    assert entries.registered([lost, registration(), entry()], "x") == [registration(), entry()]
    assert "entry 1 is refused: promote of a model that is not registered" in capsys.readouterr().err
