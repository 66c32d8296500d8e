"""The configurations of ``voco3d`` that the window offers, with what people call them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pretrain", "finetune"]


@dataclass(frozen=True)
class Preset:
    """A configuration of a training.

    Attributes:
        kind: What is trained.
        config: Its name in ``voco3d``; None where the initial weights say which network it is.
        title: What the window calls it.
        about: A sentence on what it is for.
        cache: How ``voco cache build`` makes the volumes for it; empty for fine-tuning.
    """

    kind: Kind
    config: str | None
    title: str
    about: str
    cache: tuple[str, ...] = ()


_WHOLE = ("--size", "256", "256", "64")
_LARGE = "Takes days on a GPU."

PRETRAINING = (
    Preset(
        "pretrain",
        "pretrain-headneck",
        "Small U-Net",
        "The settings of the bundled headneck-voco: some hours on a CPU.",
        ("--size", "128", "128", "32"),
    ),
    Preset("pretrain", "pretrain-voco-b", "SwinUNETR B", f"As the paper has it. {_LARGE}", _WHOLE),
    Preset("pretrain", "pretrain-voco-l", "SwinUNETR L", f"As the paper has it. {_LARGE}", _WHOLE),
    Preset("pretrain", "pretrain-voco-h", "SwinUNETR H", f"As the paper has it. {_LARGE}", _WHOLE),
    Preset("pretrain", "pretrain-unet", "3-D U-Net", f"As the paper has it. {_LARGE}", _WHOLE),
    Preset("pretrain", "pretrain-unetr", "UNETR", f"As the paper has it. {_LARGE}", _WHOLE),
    Preset(
        "pretrain",
        "pretrain-cvpr-code-b",
        "SwinUNETR B, code of 2024",
        f"As the authors' code of 2024 has it. {_LARGE}",
        _WHOLE,
    ),
    Preset(
        "pretrain",
        "pretrain-tpami-b",
        "SwinUNETR B, code of 2025",
        f"As the authors' code of 2025 has it: windows of volumes of 1.5 mm. {_LARGE}",
        ("--spacing", "1.5", "1.5", "1.5"),
    ),
    Preset(
        "pretrain",
        "pretrain-demo",
        "Demonstration",
        "A few minutes on a CPU, to see how it works; the result is of no use.",
        ("--size", "64", "64", "16"),
    ),
)

FINETUNING = (
    Preset(
        "finetune",
        None,
        "Network of the initial weights",
        "CT in voxels of 1.5 mm, with the network that the initial weights belong to.",
    ),
    Preset(
        "finetune",
        "finetune-btcv",
        "Abdominal organs (BTCV)",
        "SwinUNETR B, CT in voxels of 1.5 mm, as the authors train on BTCV.",
    ),
    Preset(
        "finetune",
        "finetune-lits",
        "Liver and tumour (LiTS)",
        "SwinUNETR B, as the authors train on LiTS.",
    ),
    Preset(
        "finetune",
        "finetune-msd-spleen",
        "Spleen (Decathlon)",
        "SwinUNETR B, as the authors train on the Decathlon's spleen.",
    ),
    Preset(
        "finetune",
        "finetune-mm-whs",
        "Heart (MM-WHS)",
        "SwinUNETR B, as the authors train on MM-WHS.",
    ),
    Preset(
        "finetune",
        "finetune-brats21",
        "Brain tumour (BraTS 2021)",
        "SwinUNETR B on four MR images a case: needs a data folder, not the scene.",
    ),
)


def presets(kind: Kind) -> tuple[Preset, ...]:
    """The configurations of a kind of training, the most usual first."""
    return PRETRAINING if kind == "pretrain" else FINETUNING
