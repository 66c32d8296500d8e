"""The benchmark of a pre-training step runs; what it measures is not tested."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[2] / "VoCoTraining/benchmarks/pretrain.py"
SMALL = [
    "--feature-size",
    "12",
    "--crop",
    "64",
    "32",
    "32",
    "--counts",
    "2",
    "1",
    "1",
    "--random",
    "1",
    "--rounds",
    "1",
]


def test_the_table_compares_a_variant_with_the_plain_step(tmp_path):
    written = tmp_path / "runs.json"
    variants = ["--variants", "plain", "paper, low memory", "paper, bf16, compiled"]
    options = [*SMALL, *variants, "--device", "cpu", "--json", str(written)]
    command = [sys.executable, str(BENCHMARK), *options]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "| paper, bf16, compiled | skipped: measured on CUDA only |" in shown
    content = json.loads(written.read_text())
    plain, paper = content["rows"]
    assert plain["ratio"] == 1
    assert paper["min s"] > 0
    assert paper["TFLOP"] < plain["TFLOP"]
    assert list(content["runs"]) == ["plain", "paper, low memory"]
