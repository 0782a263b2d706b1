# Targets of the project; `make help` lists them. Everything below .venv and .tools is made here and may be deleted.
SHELL := /bin/bash
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=
# uv brings its own list of certificate authorities; an organisation's own stands in the system's, where there is one.
export UV_SYSTEM_CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)

.PHONY: help setup demo check test pages site devpi chaos bench lock format clean
help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(UV):
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools -r requirements/tools.txt --require-hashes

.venv/.made: requirements/dev.txt pyproject.toml | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --compile-bytecode --editable .
	@touch $@

setup: .venv/.made  ## the locked environment; leaves .venv/bin/ropewalk
	@$(BIN)/python -m compileall -q bot  # commands start three times as fast, also where Python may not write bytecode itself

demo: setup  ## the story: an organisation releases its packages on the embedded GitLab
	@$(BIN)/ropewalk demo $(ARGS)

check: setup  ## inner loop: format, lint, types, imports, quick tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@.ci/check

test: check  ## what CI runs: check, the site, the embedded GitLab's own tests, the slow stories, the built package
	@$(MAKE) --no-print-directory site
	@.ci/system
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'slow or chaos'  # they wait a good part of their time
	@.ci/package

pages: setup  ## write anew what of docs/ follows from the code
	@$(BIN)/python -m docs.pages

.tools/site/.made: requirements/site.txt | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .tools/site
	@$(UV) pip sync --quiet --python .tools/site/bin/python --require-hashes --compile-bytecode requirements/site.txt
	@touch $@

site: .tools/site/.made  ## the documentation as a site, in build/site; warnings are errors
	@.tools/site/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --jobs 2 -d build/doctrees docs build/site
	@.tools/site/bin/python docs/pages/offline.py build/site

devpi: $(UV)  ## a devpi of its own for the contract test (it needs an older setuptools than we do)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .tools/devpi
	@$(UV) pip sync --quiet --python .tools/devpi/bin/python --require-hashes --compile-bytecode requirements/devpi.txt

chaos: setup  ## the killing stories in full
	@ROPEWALK_CHAOS=full $(BIN)/pytest -m chaos

bench: setup  ## every promise with a number
	@set -e; for file in bench/bench_*.py; do $(BIN)/python $$file; done

format: setup  ## rewrite the sources in the house format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

lock: $(UV)  ## resolve anew what requirements/ pins
	@$(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra otel pyproject.toml -o requirements/run.txt
	@$(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 --extra sandbox --extra otel --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@printf 'build\nhatchling\n' | $(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt - -o requirements/build.txt
	@echo 'devpi-server>=6.20,<7' | $(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 - -o requirements/devpi.txt
	@printf 'furo\nmyst-parser\nsphinx\n' | $(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 - -o requirements/site.txt
	@echo 'uv' | $(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 - -o requirements/tools.txt

clean:  ## remove what make made
	@rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .cache reports
