"""Jobs of the real voco3d: what the stand-in only plays."""

import shutil
from pathlib import Path

from Testing.slicer.training.small_scene import add_segmentation, add_volume, ball, grid
from Testing.slicer.training.small_training import ThisPython, until
from Testing.training.finetuning.tiny_cases import write_cases
from VoCoSlicerLib.training.curves import Curves
from VoCoSlicerLib.training.dataset import scene_cases, write_dataset
from VoCoSlicerLib.training.job_files import read_state
from VoCoSlicerLib.training.jobs import Job
from VoCoSlicerLib.training.presets import FINETUNING, Preset
from VoCoSlicerLib.training.records import read_record

FINETUNING_YAML = """
network: {name: unet, args: {filters: [4, 8, 8]}}
preprocessing: {spacing: [3, 3, 3], intensity: [-200, 300]}
crops: {size: [16, 16, 16], per_case: 1}
optimisation: {steps: 60, warmup: 2, learning_rate: 1.0e-2}
validation: {every: 20, log_every: 1, save_every: 1000}
compute: {workers: 0}
"""

PRETRAINING_YAML = """
network: {name: unet, args: {filters: [4, 8, 12]}, projector_width: 32}
crops: {counts: [2, 2, 1], size: [16, 16, 16]}
optimisation: {steps: 4, batch: 1, warmup: 2, learning_rate: 1.0e-3}
compute: {workers: 0}
monitoring: {log_every: 1, probe_every: 2, probe_volumes: 1, probe_crops: 2}
"""

PATIENCE = 600
"""Seconds; on a busy machine the imports alone take minutes."""


def preset(folder: Path, kind: str, text: str) -> Preset:
    path = folder / f"{kind}.yaml"
    path.write_text(text)
    return Preset(kind, str(path), "Small", "", ("--size", "32", "32", "16"))


def ended(job):
    until(lambda: not job.standing().is_alive, PATIENCE)
    return job.standing()


def test_the_scene_is_fine_tuned_on_stopped_and_resumed(scene, begin, tmp_path):
    for number in range(3):
        volume = add_volume(scene, grid(size=(24, 20, 18)), f"CT {number}", (24, 20, 18), number)
        masks = {"gland": ball(grid(size=(24, 20, 18)), (-7.0, 11.0, 23.0), 12, (24, 20, 18))}
        add_segmentation(scene, volume, grid(size=(24, 20, 18)), masks)
    data = write_dataset(scene_cases(scene), tmp_path / "run" / "data").parent
    job = begin(preset(tmp_path, "finetune", FINETUNING_YAML), first="", data=data)
    until(lambda: job.standing().done >= 3 or not job.standing().is_alive, PATIENCE)
    assert job.standing().is_alive, job.log.read_text()
    assert job.standing().total == 60
    job.stop()
    assert ended(job).phase == "stopped", job.log.read_text()
    steps = read_record(job.folder / "logs" / "training.csv")["step"]
    assert 3 <= len(steps) < 60
    assert (job.folder / "checkpoints" / "last.ckpt").is_file()
    other = Job(Path(shutil.copytree(job.folder, tmp_path / "finished")))
    other.finish(ThisPython(first=""))
    assert ended(other).phase == "finished", other.log.read_text()
    assert (other.model / "configs" / "metadata.json").is_file()
    assert read_record(other.folder / "logs" / "training.csv")["step"] == steps
    job.resume(ThisPython(first=""))
    assert ended(job).phase == "finished", job.log.read_text()
    assert read_record(job.folder / "logs" / "training.csv")["step"] == list(range(1, 61))
    assert (job.model / "configs" / "metadata.json").is_file()
    curves = Curves(scene, job.folder, "finetune", "run")
    curves.update()
    assert curves.chart_node("losses").GetNumberOfPlotSeriesNodes() == 1
    names = [curves.chart_node("dice").GetNthPlotSeriesNode(n).GetYColumnName() for n in range(2)]
    assert names == ["mean", "gland"]


def test_a_folder_is_pre_trained_on(scene, begin, tmp_path):
    data = write_cases(tmp_path / "cases", training=2, validation=1).parent
    job = begin(preset(tmp_path, "pretrain", PRETRAINING_YAML), first="", data=data)
    assert ended(job).phase == "finished", job.log.read_text()
    assert (job.model / "configs" / "metadata.json").is_file()
    curves = Curves(scene, job.folder, "pretrain", "run")
    curves.update()
    assert curves.chart_node("losses").GetNumberOfPlotSeriesNodes() == 3
    assert curves.chart_node("accuracy").GetNumberOfPlotSeriesNodes() == 4


def test_bad_data_give_the_one_sentence(begin, tmp_path):
    job = begin(FINETUNING[0], first="", init="headneck-voco")
    standing = ended(job)
    assert standing.phase == "failed"
    assert "dataset.json cannot be read" in standing.sentence
    assert "\n" not in standing.sentence
    assert read_state(job.folder).exit_code == 2
