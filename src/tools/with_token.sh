#!/usr/bin/env bash
# Runs a command and lends git the job's token as long as it runs, so that checkout need not leave one behind.
set -euo pipefail
token=${APP_TOKEN:-${GITHUB_TOKEN:?with_token.sh: set GITHUB_TOKEN}}
basic=$(printf 'x-access-token:%s' "$token" | base64 | tr -d '\n')
[ -z "${GITHUB_ACTIONS:-}" ] || echo "::add-mask::$basic"
export GIT_CONFIG_COUNT=1
export GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader"
export GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $basic"
exec "$@"
