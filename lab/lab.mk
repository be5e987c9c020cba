# The template's proof of itself; the root's Makefile includes this file. A fork may delete lab/: docs/trim.md

##@ Lab
.PHONY: bench
bench: pipeline-venv ### What the pipeline and the registry cost, as ratios (minutes)
	@python -m lab.bench
	@python -m lab.bench_registry
	@python -m lab.bench_score
	@python -m lab.bench_kinds

.PHONY: bench-serving
bench-serving: setup ### Our server beside its peers, as ratios (5 minutes; needs wrk; QUICK=1 for a look)
	@python -m lab.bench_serving $${QUICK:+--quick}

.PHONY: fuzz
fuzz: setup ### Send 5,000 drawn requests to the server and look for 5xx and slow answers (minutes) [MODEL= CASES= SEED=]
	@python -m lab.fuzz --model="$${MODEL:-build/model}" --cases="$${CASES:-5000}" --seed="$${SEED:-0}"

.PHONY: calibrate
calibrate: setup ### How often the drift rule cries wolf and what it misses, into docs/monitoring.md [QUICK=1]
	@python -m lab.calibrate $${QUICK:+--quick}

.PHONY: story
story: setup ### Tell the whole loop, release to retraining to release, in a throw-away fork (minutes) [KEEP=folder]
	@python -m lab.story --folder="$${KEEP:-}"
