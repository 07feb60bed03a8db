# Every target can be run again without harm. `make help` lists them.
SHELL := /bin/sh
PYTHON := .venv/bin/python
K ?=
PYTEST := $(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

.PHONY: help run test check demo shots bench soak reset lock
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## install what is missing and run mailguard with its practice server
	@deploy/setup run && exec $(PYTHON) manage.py up

test: ## install what is missing, check, and run every test (K=expression)
	@deploy/setup test
	@$(MAKE) --no-print-directory check
	@exec $(PYTEST) $(if $(K),-k "$(K)")

check: ## lint, format, types, arrows, migrations, deployment
	@deploy/setup check
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m djlint --quiet --check templates
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@MAILGUARD_HTTPS=1 $(PYTHON) manage.py check --deploy --fail-level WARNING

demo: ## send a few thousand seeded envelopes to the running practice server
	@exec $(PYTHON) -m bench.demo

shots: ## photograph each page into docs/screens
	@deploy/setup test
	@exec $(PYTHON) -m bench.shots

bench: ## measure, as ratios in one run
	@deploy/setup test
	@$(PYTHON) -m bench.apply
	@$(PYTHON) -m bench.rehearsal
	@$(PYTHON) -m bench.maillog
	@$(PYTHON) -m bench.intake
	@$(PYTHON) -m bench.search
	@exec $(PYTHON) -m bench.entries

soak: ## the long campaigns at full size
	@deploy/setup test
	@MAILGUARD_SOAK=1 exec $(PYTEST) $(if $(K),-k "$(K)")

reset: ## throw the practice server, database and history away
	@exec deploy/reset

lock: ## write requirements*.txt from requirements*.in
	@$(PYTHON) -m pip install -q uv==0.13.9
	$(PYTHON) -m uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -q requirements.in -o requirements.txt
	$(PYTHON) -m uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -q requirements-dev.in -o requirements-dev.txt
