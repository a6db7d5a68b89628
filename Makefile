# Two commands: `make run` (the demo portfolio) and `make test` (static checks and tests). `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --use-pep517 --no-build-isolation --progress-bar on
INSTALL := $(PIP) --require-hashes

# Creates the environment, unless it is there with its pip. Debian leaves a broken one behind where python3-venv is missing.
define ENVIRONMENT
$(BIN)/python -c 'import pip' 2> /dev/null || { \
	refuse() { echo "make: $$*" >&2; exit 1; }; \
	command -v $(PYTHON) > /dev/null || refuse "$(PYTHON) is not installed; on Debian: apt-get install python3-venv"; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		refuse "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; \
	$(PYTHON) -c 'from ensurepip import version' 2> /dev/null || \
		refuse "$(PYTHON) cannot create a virtual environment; on Debian: apt-get install python3-venv"; \
	$(PYTHON) -m venv $(VENV); }
endef

.PHONY: help run extras test lint unit slow full cover fuzz bench deb docs sbom generate translations lock clean

help: ## List the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run ## Start the demo portfolio and the daemon, and print the page's address
	@exec $(BIN)/ninewatch demo

extras: $(VENV)/.extras ## Install what the checks postgres, mysql and browser and the receiver apprise need

test: lint unit ## Static checks and tests, about 15 minutes; contacts no other host

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/pytest -n 4 --dist worksteal -m "not slow and not full"

slow: $(VENV)/.dev ## The slower suites: real Prometheus, Alertmanager, Chromium, faults
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow and not full"

full: $(VENV)/.dev .tools/patroni .tools/kube-apiserver ## What takes longer than minutes; writes docs/full-results.md, which is committed
	$(BIN)/python .ci/full.py

# The gate's own tests need a ledger, and are next to it.
SLA_TESTS := tests/sla tests/property tests/monitor/test_release_gate.py tests/monitor/config/test_budget_policy.py tests/monitor/commands/test_gate.py

cover: $(VENV)/.dev ## Every branch of sla/ is taken by its own tests
	$(BIN)/pytest -n 2 -m "not slow and not full" --cov=sla --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100 $(SLA_TESTS)

fuzz: $(VENV)/.dev .tools/atheris ## Fuzz the parsers of responses, configuration and frames, with a fixed number of inputs
	PYTHONPATH=.tools/atheris $(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev ## Measure windows, start and scrape next to an earlier commit, a probe next to blackbox_exporter + Prometheus, the delay of a page, and open pages
	$(BIN)/python -m bench.windows
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.page_delay
	$(BIN)/python -m bench.live_readers

deb: ## Build a Debian package, dist/ninewatch_*.deb
	$(PYTHON) .ci/deb.py . dist

docs: .tools/mkdocs ## Build the documentation site, var/site/index.html; a broken link is an error
	$(BIN)/python .ci/docs.py $<

# The packages of the image: those of the locks, without the build lock.
SBOM := var/sbom.cdx.json
sbom: .tools/cyclonedx ## Write the list of all packages of the image with their hashes (CycloneDX), var/sbom.cdx.json
	@mkdir -p $(dir $(SBOM))
	cat requirements.lock requirements-databases.lock | PYTHONPATH=$< $(BIN)/python -m cyclonedx_py requirements \
		--pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o $(SBOM) -

generate: $(VENV)/.dev ## Write the generated files anew: JSON Schema, rules, dashboards, the list of faults
	$(BIN)/python -m monitor.generate
	$(BIN)/python -m tests.faults.table

translations: $(VENV)/.dev ## Update the list of texts in monitor/locales; translate what is new there
	$(BIN)/python .ci/translations.py

# Wheels only, but for oncalendar, which is published as source and built with the locked setuptools.
RESOLVE := uv pip compile -q --no-strip-extras --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url
COMPILE := $(RESOLVE) --only-binary :all: --no-binary oncalendar
PATRONI := 'patroni[raft,psycopg3]==4.1.5' 'psycopg[binary]'
EXTRAS  := $(PYTHON) -c 'import sys, tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	print(*(each for name in sys.argv[1:] for each in extras[name]), sep="\n")'

lock: ## Resolve the dependencies anew (needs uv)
	@sed -i -e '/^--\(only\|no\)-binary /d' requirements*.lock
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group build -c requirements.lock -o requirements-build.lock
	$(EXTRAS) mysql postgres | $(COMPILE) -c requirements.lock - -o requirements-databases.lock
	$(EXTRAS) browser | $(COMPILE) -c requirements.lock - -o requirements-browser.lock
	$(EXTRAS) apprise | $(COMPILE) -c requirements.lock - -o requirements-apprise.lock
	$(COMPILE) pyproject.toml --all-extras --group dev -c requirements.lock $(patsubst %,-c requirements-%.lock,build databases browser apprise) -o requirements-dev.lock
	printf '%s\n' $(PATRONI) | $(RESOLVE) -c requirements-dev.lock - -o .ci/patroni.lock
	printf 'mkdocs-material\n' | $(RESOLVE) --only-binary :all: -c requirements-dev.lock - -o .ci/docs.lock
	printf 'cyclonedx-bom\n' | $(RESOLVE) --only-binary :all: -c requirements-dev.lock - -o .ci/sbom.lock
	printf 'atheris\n' | $(RESOLVE) --only-binary :all: -c requirements-dev.lock - -o .ci/fuzz.lock
	printf 'kubernetes-validate\n' | $(RESOLVE) --only-binary :all: -c requirements-dev.lock - -o .ci/kubernetes.lock
	@sed -i -e '/^    #   -c /d' requirements*.lock .ci/*.lock
	@$(PYTHON) .ci/wheels_only.py oncalendar requirements*.lock

clean: ## Remove the environment and what the daemon recorded
	rm -rf $(VENV) var .mypy_cache .ruff_cache

# Every package comes from a lock with its hash. Nothing is resolved or fetched beside the locks, also not to build with: the
# build lock comes first, and builds are not isolated, because pip fills an isolated one with the newest releases.
$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml
	@$(ENVIRONMENT)
	$(INSTALL) -r requirements-build.lock
	$(INSTALL) -r requirements.lock
	@printf '%s\n' '$(CURDIR)' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ninewatch-checkout.pth"
	@printf '#!/bin/sh\nexec "%s" -m monitor "$$@"\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/ninewatch && chmod +x $(BIN)/ninewatch
	@touch $@

$(VENV)/.extras: requirements-databases.lock requirements-browser.lock requirements-apprise.lock $(VENV)/.run
	$(INSTALL) -r requirements-databases.lock -r requirements-browser.lock -r requirements-apprise.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements-build.lock pyproject.toml
	@$(ENVIRONMENT)
	$(INSTALL) -r requirements-build.lock
	$(INSTALL) -r requirements-dev.lock
	$(PIP) --no-index --no-deps -e .
	@touch $(VENV)/.run $(VENV)/.extras $@

# The builder of the documentation site, in a folder of its own.
.tools/mkdocs: .ci/docs.lock | $(VENV)/.run
	$(INSTALL) -q --upgrade --target $@ -r .ci/docs.lock && touch $@

# The writer of the list of packages, in a folder of its own.
.tools/kube-apiserver: $(wildcard .ci/apiserver/*) ## Build kube-apiserver for the admission of the chart's objects, about 10 minutes
	cd .ci/apiserver && CGO_ENABLED=0 go build -ldflags="-s -w" -o $(CURDIR)/$@ .

.tools/atheris: .ci/fuzz.lock | $(VENV)/.dev
	$(INSTALL) -q --upgrade --target $@ -r .ci/fuzz.lock && touch $@

.tools/cyclonedx: .ci/sbom.lock | $(VENV)/.run
	$(INSTALL) -q --upgrade --target $@ -r .ci/sbom.lock && touch $@

# The schemas of Kubernetes for the tests of the chart, 17,000 files. Without them, these tests are skipped.
.tools/kubernetes-validate: .ci/kubernetes.lock | $(VENV)/.run
	$(INSTALL) -q --upgrade --no-compile --target $@ -r .ci/kubernetes.lock && touch $@

# A tool of the tests of `make full`, in a folder of its own. Without it, they are skipped.
.tools/patroni: .ci/patroni.lock | $(VENV)/.dev
	-$(INSTALL) -q --upgrade --target $@ -r .ci/patroni.lock && touch $@
