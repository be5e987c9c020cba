# The template's proof of itself; the root's Makefile includes this file. A fork may delete lab/: docs/trim.md

##@ Lab
.PHONY: bench
bench: pipeline-venv ### Measure the cost of the pipeline and the registry as ratios (minutes)
	@python -m lab.bench
	@python -m lab.bench_registry
	@python -m lab.bench_score
	@python -m lab.bench_kinds
	@python -m lab.bench_adopt
	@python -m lab.bench_explain

.PHONY: bench-serving
bench-serving: setup ### Compare the server with other servers, as ratios (5 minutes; needs wrk; QUICK=1: one short round)
	@python -m lab.bench_serving $${QUICK:+--quick}

.PHONY: fuzz
fuzz: setup ### Send 5,000 generated requests to the server; fail on 5xx and slow responses (minutes) [MODEL= CASES= SEED=]
	@python -m lab.fuzz --model="$${MODEL:-build/model}" --cases="$${CASES:-5000}" --seed="$${SEED:-0}"

.PHONY: calibrate
calibrate: setup ### Measure false alarms and missed changes of the drift rule; write them into docs/monitoring.md [QUICK=1]
	@python -m lab.calibrate $${QUICK:+--quick}

.PHONY: story
story: setup ### Run the whole loop, release to retraining to release, in a temporary fork (minutes) [TASK=multiclass, regression BATCH=1: tables only KEEP=folder]
	@python -m lab.story --folder="$${KEEP:-}" --task="$${TASK:-binary}" $${BATCH:+--batch}
