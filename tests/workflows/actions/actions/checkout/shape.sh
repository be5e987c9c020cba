#!/usr/bin/env bash
# A pull request's merge is detached and no branch is there; any other event has its branch, and origin's of that name.
set -euo pipefail
branch=$(git symbolic-ref --quiet --short HEAD || true)
kept="^refs/heads/$branch$"
[ "$DEPTH" != 0 ] || kept="$kept|^refs/remotes/" # all history comes with all branches of origin
git for-each-ref --format='%(refname)' | while read -r ref; do
  [[ $ref =~ $kept ]] || git update-ref --no-deref -d "$ref"
done
[ -z "$branch" ] || git update-ref "refs/remotes/origin/$branch" HEAD
if [ "$DEPTH" != 0 ]; then
  edge=$(git rev-list --first-parent --max-count="$DEPTH" HEAD | tail -1)
  [ "$DEPTH" != 2 ] || edge=$(git rev-parse HEAD^@) # of a merge, both parents
  printf '%s\n' "${edge:-$(git rev-parse HEAD)}" >"$(git rev-parse --git-dir)/shallow"
fi
git log -1 --format='checked out %h %s'
# Each job has a new copy, in which Python would compile every module again.
[ ! -d "${STUB_STORE:-}/compiled" ] || cp --recursive --link "$STUB_STORE/compiled/." .
