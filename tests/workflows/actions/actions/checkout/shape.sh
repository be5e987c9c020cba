#!/usr/bin/env bash
# A pull request's merge is detached and no branch is there; any other event has its branch, and origin's of that name.
set -euo pipefail
branch=$(git symbolic-ref --quiet --short HEAD || true)
git for-each-ref --format='delete %(refname)' |
  { grep -v "^delete refs/heads/$branch$" || true; } | { [ "$DEPTH" = 0 ] && grep -v ' refs/remotes/' || cat; } | git update-ref --stdin
[ -z "$branch" ] || git update-ref "refs/remotes/origin/$branch" HEAD
if [ "$DEPTH" != 0 ]; then
  edge=$(git rev-list --first-parent --max-count="$DEPTH" HEAD | tail -1)
  # Of a merge, depth 2 brings both parents.
  if [ "$DEPTH" = 2 ]; then edge=$(git rev-parse HEAD^@); fi
  printf '%s\n' $edge >"$(git rev-parse --git-dir)/shallow"
fi
git log -1 --format='checked out %h %s'
