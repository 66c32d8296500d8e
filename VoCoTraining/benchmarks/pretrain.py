"""How long a step of VoCo takes, beside a plain step in the manner of the authors' code.

Every measurement is one step in a process of its own, since the allocator is part of what is
compared and is chosen when a process begins; the variants take turns, since the speed of a shared
machine drifts. Run it with ``make bench-pretrain``; ``--help`` lists the sizes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from monai.networks.nets import SwinUNETR
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from voco3d.cli.allocator import TUNABLES
from voco3d.pretraining.config import Compute, Crops, Network, PretrainConfig
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.network import build_position_network

GIB = 2**30


@dataclass(frozen=True)
class Variant:
    """A way to take a step; without a recipe, the plain one."""

    recipe: str | None
    precision: str = "fp32"
    at_once: int | None = None
    compile: bool = False
    cuda_only: bool = False


VARIANTS = {
    "plain": Variant(None),
    "cvpr-code": Variant("cvpr-code"),
    "paper": Variant("paper"),
    "paper, low memory": Variant("paper", at_once=1),
    "paper, bf16": Variant("paper", "bf16"),
    "plain, bf16": Variant(None, "bf16", cuda_only=True),
    "cvpr-code, bf16": Variant("cvpr-code", "bf16", cuda_only=True),
    "paper, compiled": Variant("paper", compile=True, cuda_only=True),
    "paper, bf16, compiled": Variant("paper", "bf16", compile=True, cuda_only=True),
}


@dataclass(frozen=True)
class Setting:
    """What a step is taken on: one volume of random numbers."""

    feature_size: int
    crop: tuple[int, int, int]
    counts: tuple[int, int, int]
    random: int
    device: str
    warm_up: int

    def batch(self) -> dict[str, Tensor]:
        """Bases and crops (1, crop, 1, x, y, z) and true overlaps (1, crop, base)."""
        bases = self.counts[0] * self.counts[1] * self.counts[2]
        batch = {
            "bases": torch.rand(1, bases, 1, *self.crop),
            "crops": torch.rand(1, self.random, 1, *self.crop),
            "overlaps": torch.rand(1, self.random, bases).softmax(dim=-1),
            "volume": torch.zeros(1, dtype=torch.long),
        }
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


# -- the plain step ------------------------------------------------------------------------------


class PlainNetwork(nn.Module):
    """MONAI's network with activation checkpointing, its pooled stages, and the projector."""

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.backbone = SwinUNETR(1, 1, feature_size=feature_size, use_checkpoint=True, use_v2=True)
        self.projector = nn.Sequential(
            nn.Linear(24 * feature_size, 2048),
            nn.BatchNorm1d(2048, affine=False, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(2048, 2048),
            nn.BatchNorm1d(2048, affine=False, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(2048, 2048),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Embeddings (crop, 2048)."""
        net = self.backbone
        hidden = net.swinViT(crops, net.normalize)
        stages = [
            net.encoder1(crops),
            net.encoder2(hidden[0]),
            net.encoder3(hidden[1]),
            net.encoder4(hidden[2]),
            net.encoder10(hidden[4]),
        ]
        pooled = [F.adaptive_avg_pool3d(stage, 1).flatten(1) for stage in stages]
        return self.projector(torch.cat(pooled, dim=1))


def plain_loss(student: Tensor, teacher: Tensor, overlaps: Tensor) -> Tensor:
    """The losses of the recipe cvpr-code, crop by crop and pair by pair."""
    bases = overlaps.shape[1]
    loss = student.new_zeros(())
    for index, labels in enumerate(overlaps):
        crop = bases + index
        one = F.cosine_similarity(student[crop : crop + 1], teacher[:bases]).relu()
        other = F.cosine_similarity(teacher[crop : crop + 1], student[:bases]).relu()
        logits = (one + other) / 2
        positive = labels > 0
        cost = labels * -torch.log(1 - (labels - logits).abs() + 1e-6)
        loss = loss + cost[positive].sum() / labels.sum() / len(overlaps)
        if not positive.all():
            loss = loss + logits[~positive].square().mean() / len(overlaps)
    pairs = 0.0
    for first in range(bases - 1):
        others = student[first + 1 : bases].detach()
        similar = F.cosine_similarity(student[first : first + 1], others).relu()
        pairs = pairs + similar.square().sum()
    return loss + pairs / (bases * (bases - 1) / 2)


def plain_step(setting: Setting, precision: str) -> Callable[[], None]:
    """Student and teacher passes, the moving average, backward and AdamW."""
    student = PlainNetwork(setting.feature_size).to(setting.device)
    teacher = PlainNetwork(setting.feature_size).to(setting.device).requires_grad_(False)
    optimizer = AdamW(student.parameters(), 1e-4, amsgrad=True)
    batch = setting.batch()
    crops = torch.cat([batch["bases"], batch["crops"]], dim=1)[0]

    def step() -> None:
        with torch.no_grad():
            for own, other in zip(teacher.parameters(), student.parameters(), strict=True):
                own.data = own.data * 0.9 + other.data * 0.1
        with autocast(setting.device, precision):
            embedded = student(crops)
            with torch.no_grad():
                taught = teacher(crops)
        plain_loss(embedded.float(), taught.float(), batch["overlaps"][0]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


# -- the step of voco3d --------------------------------------------------------------------------


def product_step(setting: Setting, variant: Variant) -> Callable[[], None]:
    """What the trainer does: the module's training step, clipping and AdamW."""
    config = PretrainConfig(
        recipe=str(variant.recipe),
        network=Network("swin_unetr", {"feature_size": setting.feature_size}),
        crops=Crops(setting.counts, setting.crop, setting.random),
        compute=Compute(
            device="auto",
            precision=variant.precision,  # type: ignore[arg-type]
            at_once=variant.at_once,
            compile=variant.compile,
        ),
    )
    module = VoCoModule(config, build_position_network(config), ["random"]).to(setting.device)
    optimizer = module.configure_optimizers()["optimizer"]
    batch = setting.batch()

    def step() -> None:
        with autocast(setting.device, variant.precision):
            loss = module.training_step(batch, 0)["loss"]
        loss.backward()
        module.configure_gradient_clipping(optimizer)
        optimizer.step()
        optimizer.zero_grad()

    return step


def autocast(device: str, precision: str) -> Any:
    """Mixed precision where asked for."""
    return torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext()


# -- measuring -----------------------------------------------------------------------------------


def make_step(setting: Setting, variant: Variant) -> Callable[[], None]:
    """Build the network of a variant; calling the result takes a step."""
    if variant.recipe is None:
        return plain_step(setting, variant.precision)
    return product_step(setting, variant)


def measure(setting: Setting, variant: Variant) -> dict[str, float]:
    """Take a step in this process: seconds, CPU seconds, memory, and what a matmul reaches."""
    torch.manual_seed(0)
    step = make_step(setting, variant)
    for _ in range(setting.warm_up):
        step()
    peak = matmul_speed(setting.device, variant.precision)
    synchronise(setting.device)
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    synchronise(setting.device)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": wall, "cpu": cpu, "memory": peak_memory(setting.device), "speed": peak}


def matmul_speed(device: str, precision: str) -> float:
    """The most FLOP/s that a large product of matrices reaches."""
    size = 1536 if device == "cpu" else 8192
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    matrix = torch.ones(size, size, device=device, dtype=dtype)
    seconds = []
    for _ in range(5):
        synchronise(device)
        begin = time.perf_counter()
        matrix @ matrix
        synchronise(device)
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / min(seconds)


def count_flops(setting: Setting, variant: Variant) -> float:
    """FLOPs of a step: counted on three crops, all others cost the same."""
    few = Setting(**{**asdict(setting), "counts": (2, 1, 1), "random": 1})
    few_crops, crops = 3, setting.batch()["bases"].shape[1] + setting.random
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def attention_flops(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:
        return sdpa_flop_count(q, k, v)

    counter = FlopCounterMode(display=False, custom_mapping={attention: attention_flops})
    step = make_step(few, Variant(variant.recipe, variant.precision, variant.at_once))
    with counter:
        step()
    return counter.get_total_flops() * crops / few_crops


def synchronise(device: str) -> None:
    """Wait for what the device is doing."""
    if device == "cuda":
        torch.cuda.synchronize()


def peak_memory(device: str) -> float:
    """Bytes: of the GPU, or of this process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte


def in_own_process(task: str, setting: Setting, name: str) -> Any:
    """Do a task of a variant in a new process with the allocator that belongs to it."""
    environment = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"}
    if VARIANTS[name].recipe is not None:
        environment["GLIBC_TUNABLES"] = TUNABLES
    command = [sys.executable, __file__, "--task", task, name, json.dumps(asdict(setting))]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def reason_to_skip(name: str, device: str) -> str | None:
    """Why a variant is not worth measuring on this machine, if so."""
    variant = VARIANTS[name]
    if variant.cuda_only and device != "cuda":
        return "measured on CUDA only"
    capabilities = torch.cpu.get_capabilities()
    units = ("avx512_bf16", "amx_bf16", "arm_bf16")
    has_units = device != "cpu" or any(capabilities.get(unit) for unit in units)
    if variant.precision == "bf16" and not has_units:
        return "this CPU has no bfloat16 units"
    return None


# -- the table -----------------------------------------------------------------------------------


def summarise(name: str, runs: dict[str, list[dict[str, float]]], flops: float) -> dict[str, Any]:
    """One row: the ratios are medians over the rounds, each against the plain step of its round."""
    own, plain = runs[name], runs.get("plain", [])
    pairs = list(zip(own, plain, strict=False))
    floor = flops / max(run["speed"] for run in own)
    return {
        "variant": name,
        "min s": min(run["seconds"] for run in own),
        "median s": median(run["seconds"] for run in own),
        "CPU s": median(run["cpu"] for run in own),
        "ratio": median(a["seconds"] / b["seconds"] for a, b in pairs) if pairs else None,
        "CPU ratio": median(a["cpu"] / b["cpu"] for a, b in pairs) if pairs else None,
        "peak GiB": max(run["memory"] for run in own) / GIB,
        "TFLOP": flops / 1e12,
        "floor s": floor,
        "min / floor": min(run["seconds"] for run in own) / floor,
    }


def markdown(rows: Sequence[dict[str, Any]], skipped: dict[str, str]) -> str:
    """The rows as a Markdown table, and what was left out."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row[column]) for column in columns] for row in rows]
    lines += [
        [name, f"skipped: {why}", *[""] * (len(columns) - 2)] for name, why in skipped.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feature-size", type=int, default=48, help="48 is SwinUNETR-B")
    parser.add_argument("--crop", type=int, nargs=3, default=(64, 64, 64), metavar="SIDE")
    parser.add_argument("--counts", type=int, nargs=3, default=(4, 4, 1), metavar="N")
    parser.add_argument("--random", type=int, default=2, help="random crops")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=0, help="untimed steps before each timed")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--all", action="store_true", help="also variants slow on this machine")
    parser.add_argument("--json", type=Path, help="write every measurement here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    return parser.parse_args(argv)


def compare(options: argparse.Namespace) -> None:
    """Measure the variants in turns and print the table."""
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    setting = Setting(
        options.feature_size,
        tuple(options.crop),
        tuple(options.counts),
        options.random,
        device,
        options.warm_up,
    )
    reasons = {} if options.all else {n: reason_to_skip(n, device) for n in options.variants}
    skipped = {name: reason for name, reason in reasons.items() if reason}
    names = [name for name in options.variants if name not in skipped]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names:
            runs[name].append(in_own_process("measure", setting, name))
            seconds = runs[name][-1]["seconds"]
            print(f"round {number + 1}: {name}: {seconds:.3g} s", file=sys.stderr, flush=True)
    flops = {name: in_own_process("count", setting, name) for name in names}
    rows = [summarise(name, runs, flops[name]) for name in names]
    table = markdown(rows, skipped)
    heading = f"{machine(device)}, {setting}, {options.rounds} rounds"
    print(f"{heading}\n\n{table}")
    if options.markdown:
        options.markdown.write_text(f"{heading}\n\n{table}\n")
    if options.json:
        content = {"setting": asdict(setting), "rows": rows, "runs": runs, "skipped": skipped}
        options.json.write_text(json.dumps(content, indent=2))


def machine(device: str) -> str:
    """The device in words."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"


def main(argv: Sequence[str] | None = None) -> None:
    """Compare the variants, or, as a process of the comparison, do one task of one variant."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] != ["--task"]:
        return compare(parse(arguments))
    _, task, name, values = arguments
    setting = Setting(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(values).items()}
    )
    do = {"measure": measure, "count": count_flops}[task]
    print(json.dumps(do(setting, VARIANTS[name])))
    return None


if __name__ == "__main__":
    main()
