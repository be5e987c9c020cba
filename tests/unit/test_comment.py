"""A comment stays safe with any hostile report."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.github import comment

RUN = {
    "head_sha": "a" * 40,
    "id": 7,
    "status": "completed",
    "conclusion": "failure",
    "html_url": "https://github.com/acme/churn/actions/runs/7",
}
HOSTILE = {
    "a mention": ("@everyone look", r"@\w"),
    "a team": ("@acme/owners", r"@\w"),
    "a mention by its number": ("&#64;ada &commat;ada", r"&(?!amp;|lt;|gt;|quot;)"),
    "an issue": ("fixes #12 and GH-12", r"(#|GH-)\d"),
    "a link": ("[ok](https://evil.example)", r"\]\(|https:"),
    "a picture": ("![x](//evil.example/p.png)", r"\]\("),
    "a reference": ("[x]: https://evil.example", r"\]:|https:"),
    "a bare address": ("see www.evil.example and HTTP://evil.example", r"(?i)www\.|http:"),
    "a script": ("<script>alert(1)</script><img src=x>", r"<(?!/?(details|summary|sub)>)"),
    "an opened tag of ours with more in it": ("<details onclick=x>", r"<details o"),
    "a comment that hides": ("<!-- ml:report -->", r"<!--"),
    "letters that turn round": ("safe\u202egnp.exe", "\u202e"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_report_cannot_mention_link_or_hide_anything(kind):
    text, forbidden = HOSTILE[kind]

    assert re.search(forbidden, text)
    assert not re.search(forbidden, comment.tame(text))


@given(st.text(alphabet=st.sampled_from("@#<>&[]():!/ \n\t|`*_aGH-1w.\u202e\u200b\0\1"), max_size=60))
def test_any_text_is_made_safe(text):
    tame = comment.tame(text)

    assert not re.search(r"@\w|#\d+\b|\]\(|\]:|<(?!/?(details|summary|sub)>)", tame)
    assert not {c for c in tame if c not in "\n\t\u200b" and unicodedata.category(c) in {"Cc", "Cf"}}


def test_a_real_report_keeps_its_tables_headings_charts_and_collapsed_sections():
    rows = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    text = f"# ✅ churn\n\n{rows}\n\n<details><summary>more</summary>\n\n```mermaid\npie\n```\n</details>\n"

    assert comment.tame(text) == text


def test_a_failed_step_is_named_with_what_to_do_next():
    jobs = [
        {"name": "Tests", "conclusion": "failure", "steps": [{"name": "Run the tests", "conclusion": "failure"}]},
        {"name": "Lint", "conclusion": "success", "steps": []},
    ]

    text = comment.compose({"code": RUN}, jobs, "", None)

    assert "❌ **code did not pass** in [run 7](https://github.com/acme/churn/actions/runs/7) · aaaaaaa" in text
    assert "| Tests | Run the tests | `make test` |" in text
    assert "Lint" not in text


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (None, "⏳ **code has not started** · aaaaaaa"),
        (RUN | {"status": "in_progress", "conclusion": None}, "⏳ **code is running** in [run 7]"),
        (RUN | {"conclusion": "action_required"}, "⏳ **code waits for *Approve workflows to run*** in [run 7]"),
        (RUN | {"conclusion": "success"}, "✅ **code passed** in [run 7]"),
        (RUN | {"conclusion": "cancelled"}, "⏹️ **code was cancelled** in [run 7]"),
        (RUN | {"conclusion": "timed_out"}, "❌ **code did not pass** in [run 7]"),
    ],
)
def test_the_comment_appears_with_the_first_run_and_states_the_other_check(run, said):
    text = comment.compose({"model": RUN | {"conclusion": "success"}, "code": run}, [], "", None)

    assert text.startswith("✅ **model passed** in [run 7]")
    assert said in text


def test_the_name_of_a_job_cannot_leave_its_table_cell():
    jobs = [{"name": "x | <b>@ada</b>\n# y", "conclusion": "failure", "steps": []}]

    text = comment.compose({"code": RUN}, jobs, "", None)

    assert "@ada" not in text
    assert "\n# y" not in text
    assert "<b>" not in text
