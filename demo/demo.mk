# Simulated customers for a fresh fork; the root's Makefile includes this file. docs/trim.md

##@ Demonstration
.PHONY: next-month
next-month: pipeline-venv ## Write customers of the month after the sample's last one: build/next-month.parquet
	@python -m tests.world.sample --months 13 --out build/next-month.parquet

.PHONY: traffic
traffic: setup ## Send simulated customers through the API [MONTHS=13-14 ROWS=1000 SEED=0 URL=a running server]
	@python -m demo.traffic --months="$${MONTHS:-13-14}" --rows="$${ROWS:-1000}" --seed="$${SEED:-0}" --url="$${URL:-}"

# A fresh fork has no predictions: the first `make monitor` judges simulated ones.
.PHONY: first-traffic
first-traffic: setup
	@[ -n "$${HISTORY:-}$${SIMULATED:-}" ] || python -m demo.traffic --first || true
monitor: first-traffic
