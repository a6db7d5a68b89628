# Two commands: `make run` (the demo portfolio) and `make test` (static checks and tests). `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check install --use-pep517 --progress-bar on

.PHONY: help run test lint unit slow full cover bench generate lock clean

help: ## List the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run ## Start the demo portfolio and the daemon, and print the page's address
	@exec $(BIN)/ninewatch demo

test: lint unit ## Static checks and tests, about three minutes; contacts no other host

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m "not slow and not full"

slow: $(VENV)/.dev ## The slower suites: real Prometheus, Alertmanager, Chromium, faults
	$(BIN)/pytest -m "slow and not full"

full: $(VENV)/.dev ## What takes longer than minutes; writes docs/full-results.md, which is committed
	$(BIN)/python .ci/full.py

cover: $(VENV)/.dev ## Every branch of sla/ is taken by its own tests
	$(BIN)/pytest -n 2 -m "not slow and not full" --cov=sla --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100 tests/sla tests/property

bench: $(VENV)/.dev ## Measure the cost a probe beside blackbox_exporter + Prometheus
	$(BIN)/python -m bench.cost

generate: $(VENV)/.dev ## Write the generated files anew: JSON Schema, rules, dashboards
	$(BIN)/python -m monitor.generate

lock: ## Resolve the dependencies anew (needs uv)
	uv pip compile -q --no-strip-extras --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile -q --no-strip-extras --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url pyproject.toml --group dev -o requirements-dev.lock

clean: ## Remove the environment and what the daemon recorded
	rm -rf $(VENV) var .mypy_cache .ruff_cache

# The editable install needs a build backend, so it comes from the development lock, hashes checked like the rest.
$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	@printf '%s\n' '$(CURDIR)' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ninewatch-checkout.pth"
	@printf '#!/bin/sh\nexec "%s" -m monitor "$$@"\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/ninewatch && chmod +x $(BIN)/ninewatch
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run
