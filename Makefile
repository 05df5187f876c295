# make env        create the virtual environment in .venv; demo and test run this first
# make demo       render frames, train, evaluate and write a report
#                 DEVICE=cpu or cuda (default: auto, which is a GPU if there is one)
#                 WORK_DIR=... (default: work_dirs/demo)
# make test       run the fast tests, one worker per core (TEST_WORKERS=N: N workers)
# make test-all   run all tests
# make clean-env  remove .venv
PYTHON_ENV := .venv/bin/python
DEVICE ?= auto
WORK_DIR ?= work_dirs/demo
TEST_WORKERS ?= logical

.PHONY: help env demo test test-all clean-env

help:
	@sed -n 's/^# //p' Makefile

env:
	@bash tools/setup_env.sh

demo: env
	$(PYTHON_ENV) tools/demo.py --device $(DEVICE) --work-dir $(WORK_DIR)

test: env
	OMP_NUM_THREADS=1 $(PYTHON_ENV) -m pytest -n $(TEST_WORKERS) --maxprocesses 8 \
		--dist loadfile -m "not slow" tests

test-all: env
	$(PYTHON_ENV) -m pytest tests

clean-env:
	rm -rf .venv
