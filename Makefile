# Set up, check and show balchat. `make help` lists the rules; each does the set-up it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

PYTHON ?= python3
export PYTHON
# Hundreds of processes of the tests import the same modules; without this each compiles them again.
unexport PYTHONDONTWRITEBYTECODE
# rustup puts cargo here, and not every shell knows it.
export PATH := $(PATH):$(HOME)/.cargo/bin

BIN := .venv/bin
BINDING := bindings/mls_rs_py
MEMBERS := . $(sort $(patsubst %/pyproject.toml,%,$(wildcard common/pyproject.toml texts/pyproject.toml plugins/*/pyproject.toml relay/*/pyproject.toml)))
PACKAGES := balchat_host common/balchat_common texts/balchat_texts $(wildcard plugins/*/balchat_* relay/*/balchat_*) $(BINDING)/mls_rs_py
RELEASED := $(MEMBERS:%=%/pyproject.toml) $(shell find $(PACKAGES) -type f -not -name '*.pyc' -not -name '*.so')
BINDING_SOURCES := $(shell find $(BINDING)/src -name '*.rs') $(BINDING)/Cargo.toml $(BINDING)/Cargo.lock $(BINDING)/pyproject.toml
DRIVERS := $(BINDING)/interop
# Three processes, since one of them mostly waits for Tor; conftest.py says what may run side by side. The slowest are
# shown, to see when one gets slower.
SIDE_BY_SIDE := --numprocesses=3 --dist=loadfile --no-loadscope-reorder --durations=10
# pip installs uv, with its hashes, and uv the rest, in a fraction of the time.
WITH_UV = sed -n '/^uv==/,/[^\\]$$/p' $(2) >$(1)/uv.txt && \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)/uv.txt && \
	$(1)/bin/uv pip install --quiet --python $(1) --require-hashes -r $(2)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up: each step leaves a stamp in .venv and runs again only when what it depends on changed ---

.PHONY: setup
setup: .venv/.binding .venv/.members ## Everything installed in .venv; fast when nothing changed

.PHONY: system system-for-tests
system:
	@scripts/system.sh

system-for-tests:
	@scripts/system.sh tests

.venv/.created: | system-for-tests
	@echo "→ creating .venv"
	@"$(PYTHON)" -m venv .venv
	@touch $@

.venv/.dependencies: requirements.lock .venv/.created
	@echo "→ installing the dependencies that requirements.lock names"
	@$(call WITH_UV,.venv,requirements.lock)
	@# Where warnings are errors, those about other people's code must not come when it is imported.
	@$(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true
	@touch $@

.venv/.binding: $(BINDING_SOURCES) .venv/.dependencies
	@echo "→ building $(BINDING) (about a minute the first time)"
	@cd $(BINDING) && VIRTUAL_ENV="$(CURDIR)/.venv" "$(CURDIR)/$(BIN)/maturin" develop --uv --release --locked --quiet \
		>"$(CURDIR)/.venv/binding.log" 2>&1 || { cat "$(CURDIR)/.venv/binding.log" >&2; exit 1; }
	@touch $@

.venv/.members: $(MEMBERS:%=%/pyproject.toml) .venv/.dependencies
	@echo "→ installing balchat and its plugins, editable"
	@$(BIN)/uv pip install --quiet --offline --python .venv --no-deps --no-build-isolation $(MEMBERS:%=--editable %)
	@touch $@

# Other MLS implementations, for the tests of the binding.
.venv/.drivers: $(DRIVERS)/drivers.py $(wildcard $(DRIVERS)/*/Cargo.* $(DRIVERS)/*/src/* $(DRIVERS)/*/package*.json) .venv/.dependencies
	@echo "→ building the drivers of OpenMLS and ts-mls (minutes the first time)"
	@$(BIN)/python $(DRIVERS)/drivers.py
	@touch $@

# What checks the types of the page. Whoever runs balchat needs none of it.
.venv/.web-tools: scripts/web/package-lock.json scripts/web_vendor.py .venv/.dependencies
	@echo "→ installing what checks the page's types"
	@$(BIN)/python scripts/web_vendor.py --tools
	@touch $@

# --- check ---

.PHONY: test
test: ## Lint, types, layers and every test, the ones over real Tor included
	@$(MAKE) --jobs=2 --output-sync=target lint .venv/.drivers build/.wheelhouse
	$(BIN)/pytest $(SIDE_BY_SIDE)

# Not here: what starts programs, plays against other implementations, or is marked slow or tor.
STARTS_PROGRAMS := --ignore-glob='*/test_processes.py' \
	$(patsubst %,--ignore=relay/server/tests/test_%.py,crashes disk manners operations program)
.PHONY: test-fast
test-fast: lint ## What to run while working, under three minutes: lint, units, simulation
	$(BIN)/pytest --quiet $(SIDE_BY_SIDE) $(STARTS_PROGRAMS) -m 'not tor and not slow' \
		tests/docs tests/host tests/simulation tests/texts common texts plugins relay

.PHONY: simulate
simulate: setup ## Conversations from era to era: 100,000 random plays, 2,000 on MLS besides, 10,000 eras in a row, months of many people; a death at every commit
	BALCHAT_ERA_CHOICES=100000 BALCHAT_ERA_WORLDS=5000 BALCHAT_REAL_ERA_WORLDS=100 BALCHAT_ERA_CROSSINGS=1000 \
		BALCHAT_ERA_PLAYS=2000 BALCHAT_ERA_MONTHS=2 BALCHAT_HOSTILE_HOURS=770 \
		$(BIN)/pytest $(SIDE_BY_SIDE) --timeout=0 tests/simulation/test_era_oracle.py \
		tests/simulation/test_eras_at_random.py tests/simulation/test_eras_for_months.py \
		tests/simulation/test_eras_of_real_mls.py tests/simulation/test_hostile_eras.py
	BALCHAT_CRASH_STEP=1 $(BIN)/pytest $(SIDE_BY_SIDE) --timeout=0 tests/crash/test_commit_points.py

LINT := lint-python lint-types lint-layers lint-stubs lint-page lint-rust
.PHONY: lint $(LINT)
lint: $(LINT) ## ruff, pyright, import-linter, stubtest, the page's types, rustfmt, clippy
lint-python: .venv/.dependencies
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
lint-types: setup
	$(BIN)/pyright
lint-layers: setup
	$(BIN)/lint-imports --no-logo
lint-stubs: setup
	$(BIN)/stubtest mls_rs_py
lint-page: .venv/.web-tools
	$(BIN)/python scripts/web_vendor.py --check
lint-rust: .venv/.binding
	scripts/lint_rust.sh

.PHONY: format
format: setup ## Write the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd $(BINDING) && cargo fmt

.PHONY: coverage
coverage: setup .venv/.drivers .venv/.web-tools ## Every test, with line and branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: fuzz
fuzz: setup ## The property tests of parsers, with many more examples
	$(BIN)/pytest -m fuzz --hypothesis-profile=fuzz --timeout=0

.PHONY: mutants
mutants: setup ## Mutation tests of the core
	$(BIN)/mutmut run

.PHONY: test-isolated
test-isolated: setup .venv/.drivers .venv/.web-tools ## Each distribution's tests against its own wheel, with nothing but its declared dependencies
	$(BIN)/python scripts/check_isolated.py

# --- build and install ---

build/.tools: scripts/dist.lock | system
	@echo "→ installing the programs that build, in build/tools"
	@rm -rf build/tools
	@"$(PYTHON)" -m venv build/tools
	@$(call WITH_UV,build/tools,scripts/dist.lock)
	@touch $@

build/.wheels: $(RELEASED) $(BINDING_SOURCES) $(wildcard scripts/dist/*.py) build/.tools
	@echo "→ building every distribution (minutes the first time)"
	@build/tools/bin/python -m scripts.dist --once >build/wheels.log 2>&1 || { cat build/wheels.log >&2; exit 1; }
	@touch $@

build/.wheelhouse: build/.wheels scripts/install.lock scripts/install.py scripts/wheelhouse.py
	@build/tools/bin/python scripts/wheelhouse.py
	@touch $@

.PHONY: dist
dist: build/.tools ## Every distribution as it is released, in dist/: built twice, compared, checked and tried
	build/tools/bin/python -m scripts.dist
	@touch build/.wheels

.PHONY: wheelhouse
wheelhouse: build/.wheelhouse ## A folder with all that an installation needs, for machines without a network

.PHONY: install
install: $(if $(WHEELS),,build/.wheelhouse) ## balchat and balchat-relay for this user, in ~/.local/bin; WHEELS=FOLDER takes a wheelhouse
	@"$(PYTHON)" scripts/install.py "$(or $(WHEELS),wheelhouse)"

.PHONY: uninstall
uninstall: ## Remove what `make install` made; accounts stay
	@"$(PYTHON)" scripts/install.py --uninstall

# --- show ---

.PHONY: web-pictures
web-pictures: setup ## The pictures of the web page in docs/images
	$(BIN)/python scripts/web_pictures.py

.PHONY: demo
demo: setup ## Two people chat over a private Tor network on this machine
	@$(BIN)/python -m demo

.PHONY: bench
bench: setup ## The figures, each against its limit, written to bench/RESULTS.md
	@$(BIN)/python -m bench

# --- keep ---

.PHONY: lock
lock: .venv/.dependencies ## Renew requirements.lock and scripts/*.lock, with the newest versions that are allowed
	$(BIN)/uv lock --quiet --upgrade --python .venv
	$(BIN)/uv export --quiet --frozen --all-packages --all-extras --all-groups --no-emit-workspace \
		--no-emit-index-url --no-header --no-annotate --output-file requirements.lock >/dev/null
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-annotate --custom-compile-command "make lock" --output-file scripts/dist.lock scripts/dist.in >/dev/null
	$(BIN)/uv export --quiet --frozen --package balchat-host --extra standard --extra pictures --extra voice --package balchat-relay --no-dev \
		--no-emit-workspace --no-emit-index-url --no-header --no-annotate --output-file scripts/install.lock >/dev/null

.PHONY: clean
clean: ## Remove everything that the other rules made
	rm -rf .venv $(BINDING)/target $(DRIVERS)/ts_mls_driver/node_modules build dist wheelhouse uv.lock .pytest_cache .ruff_cache .mypy_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov mutants
	find . -name __pycache__ -prune -exec rm -rf {} +
