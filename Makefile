# Every target sets itself up: an environment in .venv, made once and remade when the
# dependencies change.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
OUTPUT ?= demo-output

.PHONY: demo test lint clean

demo: $(READY)
	$(BIN)/python Testing/demo/demo.py --output "$(OUTPUT)" $(if $(INPUT),--input "$(INPUT)")

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo-output

$(READY): constraints.txt requirements-dev.txt VoCoTraining/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--requirement requirements-dev.txt --editable ./VoCoTraining
	touch $(READY)
