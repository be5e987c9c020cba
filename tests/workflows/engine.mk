# Appended to the Makefile of a scenario: what needs a container engine writes down that it was called, and keeps in the
# store which image an environment serves. A file break-NAME makes it fail, crash-NAME kills the runner after the work.
# test_scenarios_engine.py and tests/container/ have the real ones.
NAME = $(or $(ENV),$@)
TOLD = echo "$@ $(ENV)" >> "$$STUB_STORE/calls"; test ! -e "$$STUB_STORE/break-$(NAME)"
DIGEST = ghcr.io/acme/churn@sha256:$$(cat build/model/model.skops build/model/contract.json | sha256sum | cut -d' ' -f1)
CRASH = test ! -e "$$STUB_STORE/crash-$(NAME)" || { pid=$$$$; \
  while [ "$$(ps -o comm= -p $$pid)" != act ]; do pid=$$(ps -o ppid= -p $$pid | tr -d ' '); done; kill -9 $$pid; }

image:
	@$(TOLD)
	@echo "{\"version\": $(or $(VERSION),0), \"digest\": null}" > build/image.json
push:
	@$(TOLD)
	@sed -i "s|null|\"$(DIGEST)\"|" build/image.json
	@{ echo "name=ghcr.io/acme/churn"; echo "digest=$(DIGEST)" | sed s/=.*@/=/; } >> "$$GITHUB_OUTPUT"
smoke image-login:
	@$(TOLD)
scan:
	@$(TOLD)
	@echo '{"bomFormat": "CycloneDX"}' > build/sbom.json
deploy:
	@$(TOLD)
	@cmp -s build/image.json "$$STUB_STORE/serves-$(ENV)" || cp "$$STUB_STORE/serves-$(ENV)" "$$STUB_STORE/served-$(ENV)" || true
	@cp build/image.json "$$STUB_STORE/serves-$(ENV)"
	@$(CRASH)
rollback:
	@$(TOLD)
	@python -m ml.stages.rollback $(if $(TO),--to "$$TO") --reason "$$REASON"
	@cp "$$STUB_STORE/served-$(ENV)" "$$STUB_STORE/serves-$(ENV)"
