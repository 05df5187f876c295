# The two commands of the README: `make demo` and `make test`.
#   make demo DEVICE=cpu|cuda   forces the device (default: a GPU if there is one)
#   make demo WORK_DIR=...      puts the run elsewhere
PYTHON_ENV := .venv/bin/python
DEVICE ?= auto
WORK_DIR ?= work_dirs/demo

.PHONY: help env demo test test-all clean-env

help:
	@sed -n '1,3p' Makefile; echo 'targets: env demo test test-all clean-env'

env:
	@bash tools/setup_env.sh

demo: env
	$(PYTHON_ENV) tools/demo.py --device $(DEVICE) --work-dir $(WORK_DIR)

test: env
	$(PYTHON_ENV) -m pytest -m "not slow" tests

test-all: env
	$(PYTHON_ENV) -m pytest tests

clean-env:
	rm -rf .venv
