# The user interface. Each target calls `python -m ml.stages.…`, which also works without make.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/src:$(CURDIR)

# Variables of the user are plain text: make does not expand them, and recipes read them from the environment, in quotes.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(eval export override $(name) := $$(value $(name)))))

VENV = "$${PYTHON:-python3}" src/tools/make_venv.py

##@ Every day
.PHONY: help
help: ### List the everyday targets; ALL=1 lists all targets
	@awk -v all="$${ALL:-}" -f src/tools/help.awk $(MAKEFILE_LIST)

.PHONY: setup
setup: dev-venv ## Create .venv with all development packages (by uv if installed, otherwise pip)
	@test -e build/model || dvc pull --quiet --allow-missing || echo "setup: the build of main cannot be fetched: make run builds it"

.PHONY: dev-venv pipeline-venv
dev-venv:
	@$(VENV) dev
pipeline-venv:
	@$(VENV) pipeline

.PHONY: run
run: pipeline-venv ## Validate, train, evaluate, track, gate and report [DEBUG=1: tracebacks]
	@python -m ml.stages.run

.PHONY: report
report: pipeline-venv ### Write build/report.md and build/report.html again
	@python -m ml.stages.report --base="$${BASE:-main}"

.PHONY: test
test: dev-venv ## Run all tests; make test-fast skips slow ones
	@python -m pytest -q -n logical --dist worksteal $${PYTEST_FLAGS:-}

.PHONY: test-fast
test-fast: dev-venv ### Run the fast tests
	@python -m pytest -q -n logical --dist worksteal -m "not slow" $${PYTEST_FLAGS:-}

.PHONY: lint
lint: dev-venv ## Check style, types and formatting
	@ruff check . && ruff format --check . && ty check --python .venv src serving

.PHONY: docs
docs: setup ### Build the documentation site in build/site; a broken link or reference fails
	@python -m tools.site

.PHONY: ui
ui: pipeline-venv ## Browse runs and versions in MLflow (PORT=5000)
	@python -m ml.stages.ui --port="$${PORT:-5000}"

.PHONY: tune
tune: pipeline-venv ## Search hyperparameters by params.yaml: tune; Ctrl-C keeps finished trials (TRIALS=30)
	@python -m ml.stages.tune --trials="$${TRIALS:-0}"

.PHONY: compare
compare: pipeline-venv ## Show runs side by side: RUNS=name,name (default: the last five); DO=live: compare champion and challenger by the log (SINCE= UNTIL= CHALLENGER=churn@3)
	@case "$${DO:-}" in \
	  "") python -m ml.stages.compare --runs="$${RUNS:-}" ;; \
	  live) python -m ml.stages.compare_live --since="$${SINCE:-}" --until="$${UNTIL:-}" --challenger="$${CHALLENGER:-}" ;; \
	  *) echo "make compare DO=live, or without DO: docs/serving.md" >&2; exit 2 ;; \
	esac

.PHONY: clean
clean: ## Remove the output of the pipeline; .venv, data and .mlflow are kept
	@git clean -fdxq build .pytest_cache .ruff_cache .hypothesis && git checkout -q -- build 2>/dev/null || true
	@echo "clean: build/ is as committed. Next: make run"

##@ Proof
.PHONY: prove
prove: pipeline-venv ### Plant a fault for every gate and show that the gate catches it (one minute)
	@python -m tests.gates.prove

##@ Registry
.PHONY: register
register: pipeline-venv ## Register the build as a version; FORCE='reason' registers a refused build, HOLD=1 skips promotion
	@python -m ml.stages.register --force="$${FORCE:-}" $${HOLD:+--hold}

.PHONY: models
models: pipeline-venv ## List the versions; HISTORY=1 lists all actions
	@python -m ml.stages.models $${HISTORY:+--history}

.PHONY: promote
promote: pipeline-venv ## Make VERSION=n the champion (REASON='why'); CHECK=m, or none: only check that m is still champion
	@python -m ml.stages.promote --version="$${VERSION:-}" --reason="$${REASON:-}" --check="$${CHECK:-}"

.PHONY: rollback
rollback: pipeline-venv ## Restore the previous champion, or TO=n; with ENV= TARGET= also its image (REASON='why')
	@python -m ml.stages.rollback --to="$${TO:-0}" --env="$${ENV:-}" --target="$${TARGET:-local}" --reason="$${REASON:-}"

.PHONY: reproduce
reproduce: pipeline-venv ## Rebuild VERSION=n (default: the champion) from its commit, locks and data, and compare
	@python -m ml.stages.reproduce --version="$${VERSION:-0}"

.PHONY: registry
registry: pipeline-venv ## Share .mlflow/ on branch mlflow of a git remote: DO=pull, push, prune (REMOTE=origin KEEP=20)
	@case "$${DO:-}" in \
	  pull|push) python -m "ml.stages.registry_$${DO}" --remote="$${REMOTE:-origin}" ;; \
	  prune) python -m ml.stages.registry_prune --keep="$${KEEP:-20}" ;; \
	  *) echo "make registry DO=pull, push or prune: docs/registry.md" >&2; exit 2 ;; \
	esac

##@ Monitoring
.PHONY: monitor
monitor: setup ## Compare the newest predictions with the release: stable, drift or degraded [HISTORY=1: plot all] [STRICT=1] [SIMULATED=1]
	@python -m ml.stages.monitor $${HISTORY:+--history} $${STRICT:+--strict} $${SIMULATED:+--simulated}

##@ Retraining
.PHONY: retrain
retrain: pipeline-venv ## Train with fresh labelled rows on a separate branch [ROWS=file ENCODING= FORCE=1]
	@python -m ml.stages.retrain --rows="$${ROWS:-}" --encoding="$${ENCODING:-}" $${FORCE:+--force}

.PHONY: propose
propose: pipeline-venv ### Open or refresh the pull request, or the issue, about the last retraining
	@python -m ml.stages.propose

.PHONY: alert
alert: github-venv ### Open, refresh and close issues about problems [SCHEDULE=1: check the schedule of monitoring]
	@python -m ml.stages.alert $${SCHEDULE:+--schedule} --jobs="$${JOBS:-}"

##@ Prediction log
.PHONY: logs
logs: pipeline-venv ## Print predictions with late labels (SINCE= UNTIL= CSV=1); DO=label DATA=labels.csv adds labels; DO=compact, ship [ONCE=1] store them
	@case "$${DO:-}" in \
	  "") python -m ml.stages.logs --since="$${SINCE:-}" --until="$${UNTIL:-}" $${CSV:+--csv} ;; \
	  compact) python -m ml.stages.compact ;; \
	  ship) python -m ml.stages.ship $${ONCE:+--once} ;; \
	  label) python -m ml.stages.label --data="$${DATA:-}" ;; \
	  *) echo "make logs DO=label, compact or ship: docs/prediction-log.md" >&2; exit 2 ;; \
	esac

##@ Serving
.PHONY: serve
serve: setup ## Serve build/model on port 8000 (MODEL= PORT= WORKERS= CHALLENGER= CANARY=0.1): docs/serving.md
	@SERVING_MODEL="$${MODEL:-}" SERVING_PORT="$${PORT:-}" SERVING_WORKERS="$${WORKERS:-}" \
	  SERVING_CHALLENGER="$${CHALLENGER:-}" SERVING_CANARY="$${CANARY:-}" python -m serving

.PHONY: score
score: pipeline-venv ## Score DATA=file, folder, URL or postgresql://… QUERY='select …' into OUT=folder (MODEL= CHALLENGER= CHAMPION=1 EXPLAIN=1 ENCODING=)
	@python -m ml.stages.score --data="$${DATA:-}" --out="$${OUT:-}" --model="$${MODEL:-}" \
	  --challenger="$${CHALLENGER:-}" --query="$${QUERY:-}" --encoding="$${ENCODING:-}" \
	  $${CHAMPION:+--champion} $${EXPLAIN:+--explain}

##@ Deployment
.PHONY: deploy
deploy: pipeline-venv ## Deploy IMAGE=name@sha256:… step by step (TARGET=local ENV=staging); DO=list: list deployments
	@case "$${DO:-}" in \
	  "") python -m ml.stages.deploy --target="$${TARGET:-local}" --env="$${ENV:-staging}" --image="$${IMAGE:-}" ;; \
	  list) python -m ml.stages.deployments --env="$${ENV:-}" ;; \
	  *) echo "make deploy DO=list, or without DO: docs/operations.md" >&2; exit 2 ;; \
	esac

.PHONY: manifests
manifests: dev-venv ### Render the Kubernetes objects: ENV=staging IMAGE=name@sha256:…
	@python -m ml.stages.manifests --env="$${ENV:-staging}" --image="$${IMAGE:-}"

##@ Image
.PHONY: image
image: pipeline-venv ## Build the container image of build/model, or of VERSION=n (PUSH=1 sends it to IMAGE_REGISTRY)
	@python -m ml.stages.image --version="$${VERSION:-0}" $${PUSH:+--push}

.PHONY: push
push: pipeline-venv ### Push the image that passed `make smoke` to IMAGE_REGISTRY; write its digest to build/image.json
	@python -m ml.stages.push

.PHONY: smoke
smoke: pipeline-venv ### Start the image with production settings and test it (IMAGE=)
	@python -m ml.stages.smoke --image="$${IMAGE:-}"

.PHONY: scan
scan: dev-venv ### List the contents of the image (SBOM) and search for known vulnerabilities (IMAGE=)
	@python -m ml.stages.scan --image="$${IMAGE:-}"


##@ GitHub
.PHONY: test-workflows
test-workflows: dev-venv ### Check the workflows and run their scenarios on this machine (minutes)
	@python -m pytest -q -n logical --dist load --maxschedchunk=1 tests/workflows $${PYTEST_FLAGS:-}

.PHONY: doctor
doctor: github-venv ## List missing settings of GitHub with their effect (needs GITHUB_TOKEN) [LIVE=1: list what GitHub has proved]
	@python -m ml.stages.$$([ -n "$${LIVE:-}" ] && echo live || echo doctor)

.PHONY: protect
protect: github-venv ### Apply .github/rulesets/ to the repository on GitHub (needs an owner's GITHUB_TOKEN)
	@python -m ml.stages.protect

# Targets that only workflows call.
.PHONY: github-venv ci-plan ci-result ci-comment test-docs image-login proxy parts
github-venv:
	@$(VENV) github
ci-plan:
	@"$${PYTHON:-python3}" -m ml.stages.ci_plan --base="$${BASE:-}"
ci-result:
	@"$${PYTHON:-python3}" -m ml.stages.ci_result
ci-comment: github-venv
	@python -m ml.stages.ci_comment --run="$${RUN:?set the run: make ci-comment RUN=123}"
image-login:
	@test -n "$$REGISTRY_PASSWORD" || { echo "image-login: no password is set for $$IMAGE_REGISTRY: no login"; exit 0; }; \
	  engine=$$(python -c 'from ml.deployment.container_engine import engine; print(*engine())'); \
	  echo "$$REGISTRY_PASSWORD" | $$engine login --username "$$REGISTRY_USER" --password-stdin "$${IMAGE_REGISTRY%%/*}"
parts:
	@.ci/parts
proxy:
	@command -v haproxy >/dev/null || { sudo apt-get update -qq && sudo apt-get install -qq haproxy; }
test-docs: dev-venv
	@python -m pytest -q tests/pipeline/test_docs.py

##@ The fork
.PHONY: adopt
adopt: pipeline-venv ## Replace the sample data with your table: DATA=file TARGET=column [PROJECT= ID= TIME= TIME_FORMAT= GROUP= WEIGHT= TEXT= TASK= POSITIVE= ENCODING= DRY=1 RUN=0]
	@python -m ml.stages.adopt --data="$${DATA:-}" --target="$${TARGET:-}" --project="$${PROJECT:-}" \
	  --id-column="$${ID:-}" --time="$${TIME:-}" --time-format="$${TIME_FORMAT:-}" \
	  --group="$${GROUP:-}" --weight="$${WEIGHT:-}" --text="$${TEXT:-}" --task="$${TASK:-}" --positive="$${POSITIVE:-}" --encoding="$${ENCODING:-}" \
	  $${DRY:+--dry} $$([ "$${RUN:-1}" = 0 ] || echo --run)

.PHONY: locks
locks: ### Compile src/locks/ from pyproject.toml with the newest allowed versions (needs uv)
	@src/tools/compile_locks.sh

# What can be deleted: docs/trim.md
-include demo/demo.mk lab/lab.mk
