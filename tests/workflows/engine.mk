# Appended to the Makefile of a scenario: what needs a container engine writes down that it was called, and keeps in the
# store which image an environment serves. A file break-NAME makes it fail, crash-NAME kills the runner after the work.
# tests/container/ has the real ones.
NAME = $(or $(ENV),$@)
TOLD = echo "$@ $(ENV)" >> "$$STUB_STORE/calls"; test ! -e "$$STUB_STORE/break-$(NAME)"
CRASH = test ! -e "$$STUB_STORE/crash-$(NAME)" || { pid=$$$$; \
  while [ "$$(ps -o comm= -p $$pid)" != act ]; do pid=$$(ps -o ppid= -p $$pid | tr -d ' '); done; kill -9 $$pid; }

image smoke scan:
	@$(TOLD)
	@mkdir -p build && echo '{"bomFormat": "CycloneDX"}' > build/sbom.json
image-push:
	@$(TOLD)
	@digest=sha256:$$(sha256sum build/model/model.skops | cut -d' ' -f1) && echo "image=ghcr.io/acme/churn" >> "$$GITHUB_OUTPUT" \
	  && echo "digest=$$digest" >> "$$GITHUB_OUTPUT" && echo "{\"image\": \"ghcr.io/acme/churn\", \"digest\": \"$$digest\"}" > build/image.json
deploy:
	@$(TOLD)
	@cp build/image.json "$$STUB_STORE/serves-$(ENV)"
	@$(CRASH)
