# Every target sets itself up: an environment in .venv, brought up to date when the dependencies
# change.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
OUTPUT ?= demo-output

.PHONY: demo test lint clean

demo: $(READY)
	$(BIN)/python Testing/demo/demo.py --output "$(OUTPUT)" $(if $(INPUT),--input "$(INPUT)")

# Two processes with one thread each: most tests are too small for a second thread.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo-output

$(READY): constraints.txt requirements-dev.txt VoCoTraining/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--requirement requirements-dev.txt --editable ./VoCoTraining
	touch $(READY)
