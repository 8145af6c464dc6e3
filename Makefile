# `make demo` and `make test` are all that a newcomer needs: both set everything up first.

SHELL := /bin/bash
PY := .venv/bin/python
DEMO_SCENES ?= 12
WORKERS ?= 2

.PHONY: help setup setup-dev demo test test-all lint clean

help:
	@echo "make demo      set up, generate a small dataset in demo/, check it, draw demo/preview.png"
	@echo "make test      set up, run the fast tests"
	@echo "make test-all  all tests, the slow ones too"
	@echo "make lint      ruff: check and formatting"
	@echo "make clean     remove .venv, demo/ and caches"

# The stamps make a second run free; a changed pyproject.toml or setup script undoes them. A dataset needs none of the
# tests' many packages, so that one of them without a wheel for some Python cannot keep it from being made.
setup: .venv/ready
	@:

setup-dev: .venv/ready-dev
	@:

.venv/ready: pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh

.venv/ready-dev: pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh dev

demo: setup
	@.venv/bin/graspgen generate tabletop -o demo --scenes $(DEMO_SCENES) --seed 7 --workers $(WORKERS) --overwrite
	@.venv/bin/graspgen check demo
	@echo "Look at $(CURDIR)/demo/preview.png"

test: setup-dev
	@$(PY) -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-all: setup-dev
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile

lint: setup-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
