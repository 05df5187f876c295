# make env        create the virtual environment in .venv; demo and test run this first
# make demo       render frames, train, evaluate and write a report
#                 DEVICE=cpu or cuda (default: auto, which is a GPU if there is one)
#                 WORK_DIR=... (default: work_dirs/demo)
# make test       run the fast tests
# make test-all   run all tests
# make clean-env  remove .venv
PYTHON_ENV := .venv/bin/python
DEVICE ?= auto
WORK_DIR ?= work_dirs/demo

.PHONY: help env demo test test-all clean-env

help:
	@sed -n 's/^# //p' Makefile

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
