"""The effects of a repository's rules and plan, for `make doctor`."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from ml.github.ci import CHECKS
from ml.github.fork_settings import ACTIONS, DEFAULT, FINE, MISSING, OWNER, UNSEEN, SettingFinding

HARMLESS = {"deletion", "non_fast_forward"}  # rules of a branch that stop no push of a job


def allowed(permissions: dict[str, Any] | None, selected: dict[str, Any] | None, used: Iterable[str]) -> SettingFinding:
    """Whether the settings allow the actions of others; `used` are `owner/name@commit`, `selected` the list if any."""
    name = "allowed actions"
    if permissions is None or (permissions.get("allowed_actions") == "selected" and selected is None):
        return SettingFinding(name, UNSEEN, "this token has no permission to read it", "", OWNER)
    kind = permissions.get("allowed_actions", "all")
    refused = [] if kind == "all" else sorted(use for use in used if kind == "local_only" or not _listed(use, selected))
    if not refused:
        return SettingFinding(name, FINE, "all that the workflows use")
    return SettingFinding(
        name, MISSING, f"not {', '.join(use.split('@')[0] for use in refused)}", "workflows that use them do not start",
        f"{ACTIONS} → Allow specified actions: {', '.join(use.split('@')[0] + '@*' for use in refused)}",
    )  # fmt: skip


def required(
    rules: list[dict[str, Any]] | None, classic: list[str] | None, branch: str, planned: bool
) -> SettingFinding:
    """Whether a pull request must pass both checks, by ruleset or older protection; `planned`: the plan has these."""
    name = f"{branch} requires the checks {' and '.join(CHECKS)}"
    if not planned:
        return SettingFinding(
            name, DEFAULT, "this plan has no rulesets and no protected branches in private repositories",
            "a refused model can be merged: read the check before you merge", "Upgrade, or make the repository public.",
        )  # fmt: skip
    if rules is None and classic is None:
        return SettingFinding(name, UNSEEN, "this token has no permission to read it", "", OWNER)
    listed = [rule["parameters"] for rule in rules or [] if rule["type"] == "required_status_checks"]
    checks = {check["context"] for parameters in listed for check in parameters["required_status_checks"]}
    absent = [check for check in CHECKS if check not in checks | set(classic or ())]
    if not absent:
        return SettingFinding(name, FINE, "yes")
    then = "a refused model can be merged" if "model" in absent else "code whose tests fail can be merged"
    return SettingFinding(name, MISSING, f"not {' and '.join(absent)}", then, "make protect (an owner's token)")


def queue(rules: list[dict[str, Any]] | None, workflows: dict[str, str]) -> SettingFinding | None:
    """Whether a merge queue gets its required checks; None without a queue. `workflows`: texts by file name."""
    if not any(rule["type"] == "merge_queue" for rule in rules or []):
        return None
    files = [f"{check}.yml" for check in CHECKS]
    deaf = [name for name in files if not re.search(r"^  merge_group:", workflows.get(name, ""), re.MULTILINE)]
    if not deaf:
        return SettingFinding("merge queue", FINE, f"on, and {' and '.join(files)} run for it")
    cure = f"Add `merge_group:` to the events of {' and '.join(deaf)}."
    return SettingFinding("merge queue", MISSING, "on", "it never ends", cure)


def default_branch(branch: str) -> SettingFinding | None:
    """Whether a merge starts a release: the workflows name the branch main; None if it is the default one."""
    if branch == "main":
        return None
    return SettingFinding(
        "default branch", MISSING, branch, "no merge starts a release, because the workflows expect main",
        "Settings → General → Default branch → rename it to main",
    )  # fmt: skip


def registry(rules: list[dict[str, Any]] | None) -> SettingFinding:
    """Whether jobs can push to the registry; `rules` are those of its branch, also of the organization."""
    name = "jobs may push to branch mlflow"
    if rules is None:
        return SettingFinding(name, UNSEEN, "this token has no permission to read its rules", "", OWNER)
    stopping = sorted({rule["type"] for rule in rules} - HARMLESS)
    if not stopping:
        return SettingFinding(name, FINE, "yes")
    return SettingFinding(
        name, MISSING, f"no: its rules are {', '.join(stopping)}",
        "release, monitor and rollback fail when they push the registry",
        "Settings → Rules, or those of the organization → exclude the branches mlflow and retrain/**",
    )  # fmt: skip


def environments(listed: list[dict[str, Any]] | None, private: bool) -> Iterator[SettingFinding]:
    """Whether releases have their environments, and production requires an approval."""
    known = {item["name"]: [rule["type"] for rule in item["protection_rules"]] for item in listed or []}
    for name in ("staging", "production"):
        title, cure = f"environment {name}", f"Settings → Environments → {name}"
        if listed is None:
            yield SettingFinding(title, UNSEEN, "this token has no permission to read it", "", OWNER)
        elif name == "production" and "required_reviewers" not in known.get(name, ()):
            found = (
                "asks nobody" if name in known else "missing: the first release creates it without required reviewers"
            )
            plan = "; a private repository needs GitHub Enterprise for it" if private else ""
            then = "once PRODUCTION is yes, a release goes to production without approval"
            yield SettingFinding(title, MISSING, found, then, f"{cure} → Required reviewers{plan}")
        elif name in known:
            yield SettingFinding(title, FINE, "there" if name == "staging" else "asks a person")
        else:
            yield SettingFinding(title, DEFAULT, "not there", "the first release creates it", cure)


def attestations(private: bool) -> SettingFinding:
    """Whether releases can attest pushed images."""
    if not private:
        return SettingFinding("attestations", FINE, "kept with each image that a release pushes")
    return SettingFinding(
        "attestations", DEFAULT, "only GitHub Enterprise Cloud has them in a private repository",
        "a release skips them; the digest in the registry's history still identifies the deployed image",
    )  # fmt: skip


def used(texts: Iterable[str]) -> set[str]:
    """The actions of others, as `owner/name@commit`, in the texts of workflows and actions."""
    return {found for text in texts for found in re.findall(r"uses:\s*([\w-]+/[\w./-]+@\w+)", text)}


def _listed(use: str, selected: dict[str, Any] | None) -> bool:
    """Whether a list allows an action; verified creators are not known here, and do not count."""
    listed = selected or {}
    ours = use.startswith(("actions/", "github/")) and listed.get("github_owned_allowed", False)
    patterns = [pattern if "@" in pattern else f"{pattern}@*" for pattern in listed.get("patterns_allowed", [])]
    no = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    yes = [pattern for pattern in patterns if not pattern.startswith("!")]
    return (ours or any(fnmatchcase(use, p) for p in yes)) and not any(fnmatchcase(use, p) for p in no)
