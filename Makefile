# kvmcloud.stack - every target works from a fresh clone, is safe to repeat, and keeps to its own names, network, storage and venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

BIN := .cache/venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## The checkout's own toolchain (.cache/venv) and the link that makes it importable as kvmcloud.stack
	@tests/setup

.PHONY: root
root:
	@[ "$$(id -u)" = 0 ] || { echo "Lab hosts are containers with their own networks and disks: run make as root." >&2; exit 2; }

.PHONY: lab
lab: root setup ## What lab hosts need on this machine (podman, mmdebstrap, ...)
	@tests/lab/lab prerequisites

.PHONY: demo
demo: lab ## Lab hosts, a private cloud on them, and the proof that it works
	@tests/demo up

.PHONY: demo-down
demo-down: ## Removes all that `make demo` made
	@tests/demo down

.PHONY: check
check: setup ## Linters, types, documentation, changelog, build, sanity: nothing that needs root or lab hosts
	@tests/check

.PHONY: unit
unit: setup ## Unit, property and contract tests
	@pytest -n 3 --dist loadgroup tests/unit tests/contract -m "not full"

.PHONY: test
test: root setup ## CI's tier: checks, unit and contract tests, molecule on lab hosts
	@tests/run-tier test

.PHONY: test-full
test-full: root setup ## Everything, with no time limit
	@tests/run-tier full

.PHONY: bench
bench: lab ## What a deployment and a converged re-run cost, as a table and a JSON file
	@$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/gluster.py
	$(BIN)/python tests/bench/one_resources.py
	$(BIN)/python tests/bench/one_config.py
	$(BIN)/python tests/bench/host_links.py

.PHONY: build
build: setup ## The collection's artifact in dist/
	@ansible-galaxy collection build --force --output-path dist

.PHONY: clean
clean: ## Removes .cache, dist and test output of this checkout
	@rm -rf .cache dist tests/output
