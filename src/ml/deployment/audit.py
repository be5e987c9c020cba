"""Known vulnerabilities: of Python packages by pip-audit, of the base image by trivy."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ml.deployment import images
from ml.io import files
from ml.io.text import counted
from ml.settings.scan import AcceptedFinding

VULNERABLE = 10  # trivy's own failures end with 1
SERVICE = "PIP_AUDIT_VULNERABILITY_SERVICE and PIP_AUDIT_OSV_URL select another service"


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a package, with all its names."""

    package: str
    names: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        mended = f"fixed in {', '.join(self.fixed)}" if self.fixed else "not fixed yet"
        return f"{self.package}: {' = '.join(self.names)} ({mended})"


@dataclass(frozen=True)
class Result:
    """The result of a check; `passed` is None if it is unknown."""

    name: str
    passed: bool | None
    reason: str


def packages(found: Mapping[str, str], accepted: Mapping[str, AcceptedFinding], today: date) -> Result:
    """The known vulnerabilities of these versions; a package unknown to the service counts as not checked."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requirements.txt"
        files.write_text("".join(f"{name}=={version}\n" for name, version in found.items()), asked)
        flags = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--requirement", asked]
        done = subprocess.run([sys.executable, "-m", "pip_audit", *flags], capture_output=True, text=True, check=False)
    try:
        answered = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Result("packages", None, f"the vulnerability service cannot be reached: {last[:300]}. {SERVICE}")
    return judge(answered, accepted, today)


def judge(answered: list[dict[str, Any]], accepted: Mapping[str, AcceptedFinding], today: date) -> Result:
    """The result of pip-audit's findings on each package."""
    skipped = [package for package in answered if "skip_reason" in package]
    found = [_finding(package, one) for package in answered for one in package.get("vulns", [])]
    open_ = [one for one in found if not _passes(one, accepted, today)]
    if open_:
        return Result("packages", False, f"{len(open_)} known: {_some(map(str, open_))}. {_remedy(open_, accepted)}")
    if skipped:
        said = (
            f"{len(skipped)} of {counted(len(answered), 'package')} could not be looked up, e.g. "
            f"{skipped[0]['skip_reason']}"
        )
        return Result("packages", None, f"{said}. {SERVICE}")
    let = f", {len(found)} accepted in params.yaml" if found else ""
    return Result("packages", True, f"no known vulnerability in {counted(len(answered), 'package')}{let}")


def base(image: str) -> Result:
    """High and critical vulnerabilities of the whole image with a fix, by trivy."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        images.save(image, archive)
        flags = ["--quiet", "--scanners", "vuln", "--severity", "HIGH,CRITICAL", "--ignore-unfixed", "--format", "json"]
        command = ["trivy", "image", *flags, "--exit-code", str(VULNERABLE), "--input", str(archive)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == VULNERABLE:
        parts = [part.get("Vulnerabilities") or [] for part in json.loads(done.stdout)["Results"]]
        found = [f"{one['PkgName']}: {one['VulnerabilityID']}" for part in parts for one in part]
        return Result("whole image", False, f"{len(found)} known: {_some(found)}. Use a newer base image in Dockerfile")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Result("whole image", None, f"trivy could not scan the image: {last.strip()[:300]}")
    return Result("whole image", True, "trivy knows no high or critical vulnerability with a fix")


def failed(results: Iterable[Result]) -> bool:
    """Whether a result refuses the image: an unknown result is a refusal in CI, where nobody reads a warning."""
    strict = os.environ.get("CI", "").lower() in {"true", "1"}
    return any(result.passed is False or (strict and result.passed is None) for result in results)


def _finding(package: dict[str, Any], one: dict[str, Any]) -> Finding:
    names = (one["id"], *(alias for alias in one["aliases"] if alias != one["id"]))
    return Finding(f"{package['name']} {package['version']}", names, tuple(one["fix_versions"]))


def _passes(one: Finding, accepted: Mapping[str, AcceptedFinding], today: date) -> bool:
    return any(name in accepted and today <= accepted[name].until for name in one.names)


def _remedy(findings: Iterable[Finding], accepted: Mapping[str, AcceptedFinding]) -> str:
    over = [
        f"{name} was accepted until {accepted[name].until}" for f in findings for name in f.names if name in accepted
    ]
    return ". ".join([*over, "Run `make locks` for newer versions, or accept one in params.yaml: scan.accept"])


def _some(lines: Iterable[str]) -> str:
    lines = list(lines)
    return "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")  # noqa: PLR2004
