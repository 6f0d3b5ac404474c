# One door: make setup | demo | test | lint | bench. Each does the set-up it needs and may be run twice.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

# Containers too where an engine answers; `make test` installs none (TIERS=docker does).
ENGINE := $(shell docker info >/dev/null 2>&1 && { docker compose version || docker-compose version; } >/dev/null 2>&1 && echo ,docker)
TIERS ?= unit,sim,bulk,python,cluster$(ENGINE)
PYTHON ?= python3
VENV := $(CURDIR)/.venv
BIN := $(CURDIR)/.build/release/anabranch
DEMO_FLAGS ?=

# Stale or missing .pyc files cost seconds at every import of scikit-learn.
unexport PYTHONDONTWRITEBYTECODE
export ANABRANCH_BINARY := $(BIN)
export PATH := $(VENV)/bin:$(PATH)

.PHONY: help setup build demo test lint format bench wheel api proto clean

help:
	@echo "make setup   system packages, .venv with the Python package, the program in .build/release"
	@echo "make demo    late flights: one preprocessor, three classifiers, a vote, on real records (DEMO_FLAGS=--all for all)"
	@echo "make test    TIERS=unit,sim,bulk,python,cluster, and docker where an engine answers (TIERS=ray, spark, sanitize, …; TIERS=all: every tier)"
	@echo "make lint    swift format, ruff, Kubernetes manifests; generated messages and API reference current"
	@echo "make api     docs/api.md from the docstrings"
	@echo "make wheel   dist/anabranch-*.whl: the Python package with the program in it"
	@echo "make bench   ours beside Ray, Dask, joblib and ProcessPoolExecutor, against the floors"

setup: build
	@echo "ready: $(BIN) and $(VENV)"

# Fresh only when what it was made from has not changed since.
.build/system.stamp: .ci/system-packages
	@mkdir -p .build && PYTHON=$(PYTHON) .ci/system-packages && touch $@

.venv/stamp: python/pyproject.toml
	@# Without pip it is what a `python -m venv` that failed half way has left.
	if [ ! -x $(VENV)/bin/pip ]; then PYTHON=$(PYTHON) .ci/system-packages; $(PYTHON) -m venv --clear $(VENV); fi
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable "python[all,dev,demo]"
	touch $@

build: .build/system.stamp .venv/stamp
	@swift build --configuration release --static-swift-stdlib --product anabranch --quiet

demo: build
	@$(VENV)/bin/python examples/late_flights.py $(DEMO_FLAGS)

test: build
	@case ,$(TIERS), in *,docker,* | *,all,*) ;; *) echo "no container engine answers, or none was asked for: tier docker is left out" ;; esac
	@.ci/tiers $(TIERS)

lint: .build/system.stamp .venv/stamp
	@swift format lint --strict --recursive Package.swift Sources Tests
	$(VENV)/bin/ruff check python examples benchmarks Tests docs/api_reference.py
	$(VENV)/bin/ruff format --check python examples benchmarks Tests docs/api_reference.py
	Proto/generate.sh --check
	$(VENV)/bin/python docs/api_reference.py --check
	.ci/lint-manifests $(VENV)/bin/python

format: .venv/stamp
	@swift format --in-place --recursive Package.swift Sources Tests
	$(VENV)/bin/ruff format python examples benchmarks Tests docs/api_reference.py

api: .venv/stamp
	@$(VENV)/bin/python docs/api_reference.py

proto: .build/system.stamp
	@Proto/generate.sh

bench: build .venv/bench.stamp
	@$(VENV)/bin/python benchmarks/bench.py $(BENCH_FLAGS)

.venv/bench.stamp: .venv/stamp
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable "python[bench]"
	touch $@

wheel: build
	@.ci/wheel $(VENV)/bin/python $(BIN)

clean:
	@rm -rf .build .venv out dist
