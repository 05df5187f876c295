# make env        create the virtual environment in .venv; demo and test run this first
# make demo       render frames, train, calibrate, evaluate, write a report, predict a clip
#                 DEVICE=cpu or cuda (default: auto, which is a GPU if there is one)
#                 WORK_DIR=... (default: work_dirs/demo)
# make pretraining
#                 train the family of docs/pretraining.md and write its tables (hours on a CPU;
#                 run it again to resume, JOBS=N: N trainings at the same time)
# make test       run the fast tests, one worker per core (TEST_WORKERS=N: N workers)
# make test-all   run all tests
# make test-browser
#                 run the tests of report and live view in a browser; needs Chromium and playwright
# make chaos      disturb trainings at random and compare their weights (MINUTES=10)
# make lint       check style, types, spelling, scripts and Dockerfiles
# make docs       build the documentation site in site/ (installs docs/requirements.txt first)
# make clean-env  remove .venv
PYTHON_ENV := .venv/bin/python
DEVICE ?= auto
WORK_DIR ?= work_dirs/demo
TEST_WORKERS ?= logical
JOBS ?= 1
MINUTES ?= 10
SEEDS ?= 0 1 2

.PHONY: help env demo pretraining test test-all chaos test-browser lint docs clean-env

help:
	@sed -n 's/^# //p' Makefile

env:
	@bash tools/setup_env.sh

demo: env
	$(PYTHON_ENV) tools/demo.py --device $(DEVICE) --work-dir $(WORK_DIR)

pretraining: env
	$(PYTHON_ENV) tools/create_data.py synthetic --out data/synthetic \
		--num-train 240 --num-val 60 --seed 0
	$(PYTHON_ENV) tools/create_data.py synthetic --out data/synthetic_clips \
		--num-train 2000 --num-val 300 --sequence-length 5 --size 640x192
	$(PYTHON_ENV) tools/ablate.py configs/pretraining/encoders --seeds 0 --jobs $(JOBS) \
		--metrics R@1 AbsRel --out work_dirs/pretraining_encoders
	for share in all tenth; do \
		$(PYTHON_ENV) tools/ablate.py configs/pretraining/*_$${share}_synthetic.py \
			--seeds $(SEEDS) --jobs $(JOBS) --baseline scratch_$${share}_synthetic \
			--out work_dirs/pretraining_$$share || exit; \
	done

test: env
	OMP_NUM_THREADS=1 $(PYTHON_ENV) -m pytest -n $(TEST_WORKERS) --maxprocesses 8 \
		--dist loadfile -m "not slow and not browser" tests

test-browser:
	@echo 'needs chromium (apt-get install chromium) and playwright (pip install playwright)'
	$(PYTHON_ENV) -m pytest -m browser tests/visualization tests/commands

chaos: env
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(PYTHON_ENV) -m reliability.chaos --minutes $(MINUTES)

lint: env
	.venv/bin/ruff check .
	.venv/bin/codespell
	.venv/bin/shellcheck tools/*.sh .ci/run
	.venv/bin/hadolint docker/*.Dockerfile
	.venv/bin/mypy

test-all: env
	$(PYTHON_ENV) -m pytest tests

docs: env
	$(PYTHON_ENV) -m pip install -q -r docs/requirements.txt -c requirements.txt
	NO_MKDOCS_2_WARNING=1 $(PYTHON_ENV) -m mkdocs build --strict

clean-env:
	rm -rf .venv
