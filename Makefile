# Every target sets itself up: an environment in .venv, brought up to date when the dependencies
# change.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
OUTPUT ?= demo-output
PRETRAIN_OUTPUT := demo-pretrain-output
SCREENSHOTS ?= build/screenshots

.PHONY: demo demo-pretrain test lint bench-pretrain screenshots clean

demo: $(READY)
	$(BIN)/python Testing/demo/demo.py --output "$(OUTPUT)" $(if $(INPUT),--input "$(INPUT)")

# From synthetic patients to a pre-trained network and a report of how it learned.
demo-pretrain: $(READY)
	rm -rf "$(PRETRAIN_OUTPUT)"
	$(BIN)/voco phantom "$(PRETRAIN_OUTPUT)/phantoms" --region trunk --count 24
	$(BIN)/voco cache build "$(PRETRAIN_OUTPUT)/phantoms" "$(PRETRAIN_OUTPUT)/cache" --size 64 64 16
	$(BIN)/voco pretrain --config pretrain-demo --data "$(PRETRAIN_OUTPUT)/cache" \
		--out "$(PRETRAIN_OUTPUT)/run"
	$(BIN)/voco pretrain report "$(PRETRAIN_OUTPUT)/run"

# Two processes with one thread each: most tests are too small for a second thread.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

# Needs about 20 GiB of memory; a round takes about ten minutes on two cores.
bench-pretrain: $(READY)
	$(BIN)/python VoCoTraining/benchmarks/pretrain.py $(BENCH)

# Pictures of the window in the test harness, which is not 3D Slicer.
screenshots: $(READY)
	$(BIN)/python -m Testing.screenshots "$(SCREENSHOTS)"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo-output $(PRETRAIN_OUTPUT) build

$(READY): constraints.txt requirements-dev.txt VoCoTraining/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--requirement requirements-dev.txt --editable ./VoCoTraining
	touch $(READY)
