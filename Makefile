# Everything a reader, an author or CI runs. `make help` lists the targets.
# Needs Python >= 3.11, make and a package registry; Node only for `make vendor`.

VENV ?= .venv
PYTHON ?= python3
PRESET ?= quick
JOBS ?= 2
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
VENDOR := assets/vendor
CHAPTERS := $(wildcard chapters/ch*.ipynb)
GPU_STAMPS := $(CHAPTERS:chapters/%.ipynb=_build/gpu/%.ok)

# One thread a process: the tests run in two processes, and sums do not depend on the cores.
export OMP_NUM_THREADS ?= 1
# The kernel called "python3" is the one of this environment, not one of the user's.
export JUPYTER_PREFER_ENV_PATH = 1
export PYDEVD_DISABLE_FILE_VALIDATION = 1

UNIT := $(PY) -m pytest -q -n 2 tests --ignore=tests/book --ignore=tests/install
NBVAL := $(PY) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=1800

.DEFAULT_GOAL := help
.PHONY: help setup hooks unit slow contract mutants knobs check book plain-sphinx test execute records verify pages lint format sync lab \
	vendor repo-url check-book check-install gpu gpu-tests gpu-chapters gpu-records clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' \
	  | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv and install everything

# torch comes first and alone; what came is then a constraint of the second step, so that
# a conflict elsewhere ends in an error and never in another build of torch.
$(STAMP): requirements.txt $(CONSTRAINTS) pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -c $(CONSTRAINTS) torch
	$(PY) -m pip freeze | grep '^torch==' > $(VENV)/torch.txt
	$(PY) -m pip install -q -c $(CONSTRAINTS) -c $(VENV)/torch.txt -r requirements.txt
	$(PY) -m pip install -q --no-deps -e .
	touch $@

book: $(STAMP)  ## build the book from the stored outputs
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo
	@echo "The book is built: open _build/html/index.html in a browser."

hooks: $(STAMP)  ## run the checks of a commit before each commit (pre-commit)
	$(BIN)/pre-commit install

unit: $(STAMP)  ## the unit tests alone, but for the slow ones
	$(UNIT) -m "not slow"

slow: $(STAMP)  ## the unit tests that take seconds each
	$(UNIT) -m slow

check: lint unit  ## what a commit needs: lint, types and the quick unit tests

test: $(STAMP)  ## all unit tests, then every chapter against its stored outputs
	$(UNIT)
	INVLAB_PRESET=quick INVLAB_PROGRESS=off $(NBVAL) -q -n 2 --dist loadscope chapters

execute: $(STAMP)  ## run chapters and store outputs (CHAPTER=ch01_..., PRESET=quick)
	$(PY) tools/execute.py $(CHAPTER) --preset $(PRESET)
	$(PY) tools/pages.py
	$(PY) tools/plain_notebooks.py

records: $(STAMP)  ## the full-preset runs behind the ledger; resumes
	$(PY) -m invbook metamaterial generate --n 10000 --jobs 2
	for paper in $$($(PY) -m invbook papers); do \
	  $(PY) -m invbook bench $$paper --preset full --jobs $(JOBS) || exit 1; done

verify: $(STAMP)  ## make a sample of the cheap records again and compare, ten minutes
	$(PY) -m invbook verify --jobs $(JOBS)

pages: $(STAMP)  ## write what is generated (API, ledger, status, notebooks for Colab)
	$(PY) tools/pages.py
	$(PY) tools/plain_notebooks.py

lint: $(STAMP)  ## ruff, format check, mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(STAMP)  ## let ruff format the code (chapters too: sync and execute after)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sync: $(STAMP)  ## write the sources of the .ipynb from the .py, never the other way
	$(PY) tools/sync.py

lab: $(STAMP)  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab chapters

repo-url: $(STAMP)  ## write the repository's address everywhere (URL=https://github.com/me/invlab)
	$(PY) tools/repo_url.py $(URL)
	$(PY) tools/plain_notebooks.py

check-book: $(STAMP)  ## test the built pages, in files and in a browser
	$(PY) -m pytest -q -rs -n 2 tests/book

check-install: $(STAMP)  ## test that installing leaves torch and numpy alone (slow)
	$(PY) -m pytest -q -m install tests/install

gpu: gpu-tests gpu-chapters gpu-records  ## all that a CUDA machine should run, in steps that resume

contract: $(STAMP)  ## every method through compare and invert, on every kind of task
	INVLAB_CONTRACT=all INVLAB_PROGRESS=off $(PY) -m pytest -q tests/inversion/test_contract.py

mutants: $(STAMP)  ## hand-made bugs, one at a time: each has to be seen by its tests (minutes)
	$(PY) tools/mutants.py

knobs: $(STAMP)  ## every chapter with each number changed that it offers, as a reader would (minutes)
	$(PY) tools/knobs.py

plain-sphinx: $(STAMP)  ## build the book with today's Sphinx and no Jupyter Book, in _build/plain
	$(PY) tools/plain_sphinx.py

gpu-tests: $(STAMP)  ## the unit tests on the GPU
	INVLAB_DEVICE=cuda $(PY) -m pytest -q --device cuda tests --ignore=tests/book --ignore=tests/install

gpu-chapters: $(GPU_STAMPS)  ## the chapters on the GPU, one at a time

# A chapter that has passed is not run again until its notebook changes.
_build/gpu/%.ok: chapters/%.ipynb $(STAMP)
	INVLAB_DEVICE=cuda INVLAB_PRESET=quick INVLAB_PROGRESS=off $(NBVAL) -q $<
	mkdir -p $(@D)
	touch $@

gpu-records: $(STAMP)  ## the full-preset runs on the GPU; resumes
	for paper in $$($(PY) -m invbook papers); do \
	  INVLAB_DEVICE=cuda $(PY) -m invbook bench $$paper --preset full \
	    --folder _build/gpu/records || exit 1; done

# MathJax is committed, so that `make book` needs no Node and the pages need no network. Run this
# only to change its version.
vendor:  ## fetch the vendored scripts again (needs npm)
	rm -rf .npm-tmp $(VENDOR)/mathjax && mkdir -p .npm-tmp $(VENDOR)/mathjax/output/chtml $(VENDOR)/mathjax/input/tex
	cd .npm-tmp && npm pack -s mathjax@3.2.2
	cd .npm-tmp && for t in *.tgz; do mkdir "$${t%.tgz}" && tar xzf "$$t" -C "$${t%.tgz}" --strip-components=1; done
	cp .npm-tmp/mathjax-3.2.2/LICENSE $(VENDOR)/mathjax/
	cp .npm-tmp/mathjax-3.2.2/es5/tex-mml-chtml.js $(VENDOR)/mathjax/
	cp -r .npm-tmp/mathjax-3.2.2/es5/output/chtml/fonts $(VENDOR)/mathjax/output/chtml/
	cp -r .npm-tmp/mathjax-3.2.2/es5/input/tex/extensions $(VENDOR)/mathjax/input/tex/
	rm -rf .npm-tmp

clean:  ## remove what was built (not the environment)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .npm-tmp
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
