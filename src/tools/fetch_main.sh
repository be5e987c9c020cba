#!/usr/bin/env bash
# The newest commit of main, to compare with. A full clone stays full: retraining looks for its last commit in it.
set -euo pipefail
depth=()
[ "$(git rev-parse --is-shallow-repository)" = false ] || depth=(--depth=1)
git fetch --quiet --no-tags ${depth[@]+"${depth[@]}"} origin +refs/heads/main:refs/remotes/origin/main
