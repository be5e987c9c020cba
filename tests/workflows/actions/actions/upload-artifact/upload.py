"""Copies files to a folder like upload-artifact: paths below their common parent, without hidden files."""

import os
import shutil
import sys
from pathlib import Path


def listed(pattern, hidden):
    for found in sorted(Path().glob(pattern)):
        for path in [found, *sorted(found.rglob("*"))]:
            if path.is_file() and (hidden or not any(part.startswith(".") for part in path.parts)):
                yield path


hidden = os.environ["HIDDEN"] == "true"
patterns = [line.strip().rstrip("/") for line in os.environ["PATHS"].splitlines() if line.strip()]
paths = [path for pattern in patterns for path in listed(pattern, hidden)]
if not paths:
    print(f"No files were found with the provided path: {patterns}")
    sys.exit(os.environ["MISSING"] == "error")
single = os.environ["ARCHIVE"] == "false"
if single and len(paths) != 1:
    sys.exit("archive: false takes one file")
name = paths[0].name if single else os.environ["NAME"]
roots = [Path(p) if Path(p).is_dir() else Path(p).parent for p in patterns]
root = Path(os.path.commonpath([r.absolute() for r in roots]))
store = Path(os.environ["STUB_STORE"]) / "artifacts"
target = store / name
if os.environ["OVERWRITE"] == "true":  # the real action deletes the artifact of the input, also if the file names it
    shutil.rmtree(store / os.environ["NAME"], ignore_errors=True)
if target.exists():  # a run of this scenario before, as when a job runs again
    sys.exit("Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists on the workflow run")
for path in paths:
    copy = target / path.absolute().relative_to(root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, copy)
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
    file.write(f"artifact-url=https://github.com/acme/churn/actions/runs/1/artifacts/{name}\n")
