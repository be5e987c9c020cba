#!/usr/bin/env bash
# One consistent set: everything first, then each extra within it. Hashes, no registry host, markers for every platform.
set -euo pipefail
compile() {
  uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url --no-header \
    --python-version 3.11 --upgrade --output-file "src/locks/$1.txt" --extra "$@"
  echo "locks: src/locks/$1.txt holds $(grep -c '==' "src/locks/$1.txt") packages"
}
compile dev
for extra in catboost dask explain github lightgbm pipeline report serving uncompiled xgboost; do
  compile "$extra" --constraints src/locks/dev.txt
done
