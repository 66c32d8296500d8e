"""Train the bundled model `headneck-oar`: supervised, from scratch, on OpenKBP and phantoms.

    python VoCoTraining/recipes/headneck_oar/train.py --data DATASET_JSON --out RUN

The run saves its state every few minutes and goes on from there when it is started again. The
weights kept are those with the best mean Dice on the validation cases, in native space.
"""

import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference
from monai.losses import DiceLoss
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from voco3d.data import Preprocessing, read_image
from voco3d.data.preprocessing import image_to_array, labels_on_image, to_network
from voco3d.metrics import dice
from voco3d.networks import NetworkConfig, build_network
from voco3d.phantom import make_phantom

NAMES = (
    "brainstem",
    "spinal cord",
    "right parotid gland",
    "left parotid gland",
    "mandible",
)
MIRRORED = [0, 1, 2, 4, 3, 5]
"""Where each class goes in a left-right mirror image: the parotid glands change places."""


@dataclass(frozen=True)
class Config:
    """Everything that decides the result."""

    seed: int = 0
    steps: int = 4200
    batch: int = 2
    window: tuple[int, int, int] = (48, 48, 48)
    spacing: tuple[float, float, float] = (3.5, 3.5, 2.5)
    intensity: tuple[float, float] = (-200.0, 500.0)
    filters: tuple[int, ...] = (16, 32, 64, 128, 160)
    learning_rate: float = 1.5e-3
    warmup: int = 200
    weight_decay: float = 1e-4
    ema_decay: float = 0.998
    phantoms: int = 30
    phantom_share: float = 0.15
    foreground_share: float = 0.7
    rotation: float = 12.0
    scale: float = 0.15
    elastic: float = 4.0
    validate_every: int = 1400
    save_every: int = 200
    threads: int = 2


@dataclass(frozen=True)
class Case:
    """A training image on its own grid, RAS axes: HU above the window's floor, and labels."""

    image: Tensor
    labels: Tensor
    spacing: tuple[float, float, float]
    foreground: tuple[Tensor, ...]


def load_case(image: sitk.Image, labels: sitk.Image, floor: float) -> Case:
    """Bring an image and its labels into memory as (x, y, z), RAS."""
    image, labels = sitk.DICOMOrient(image, "RAS"), sitk.DICOMOrient(labels, "RAS")
    voxels = torch.from_numpy(image_to_array(image).copy()).sub_(floor).clamp_(min=0)
    classes = torch.from_numpy(image_to_array(labels).astype(np.uint8))
    foreground = tuple((classes == k).nonzero() for k in range(1, len(NAMES) + 1))
    return Case(voxels, classes, image.GetSpacing(), tuple(f for f in foreground if len(f)))


def random_matrix(config: Config, rng: np.random.Generator, mirror: bool) -> np.ndarray:
    """Random rotation and scale in patient space, mirrored left-right or not: 3 x 3, no unit."""
    a, b, c = np.deg2rad(rng.normal(0, config.rotation / 2, 3).clip(-30, 30))
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    scale = rng.uniform(1 - config.scale, 1 + config.scale) * rng.uniform(0.95, 1.05, 3)
    return rx @ ry @ rz @ np.diag(scale * [-1 if mirror else 1, 1, 1])


def sampling_grid(
    case: Case, centre: np.ndarray, matrix: np.ndarray, config: Config, rng: np.random.Generator
) -> Tensor:
    """Where the voxels of a random crop lie in a case, for ``grid_sample``: (1, x, y, z, 3).

    One interpolation does it all: the network's spacing, rotation, scale, mirror and a smooth
    displacement of a few millimetres.
    """
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in config.window]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    matrix = matrix @ np.diag(config.spacing)
    millimetres = offsets @ torch.tensor(matrix.T, dtype=torch.float32)
    knots = torch.from_numpy(rng.normal(0, config.elastic / 2, (1, 3, 5, 5, 5))).float()
    warp = F.interpolate(knots, config.window, mode="trilinear", align_corners=True)
    millimetres += warp[0].permute(1, 2, 3, 0)
    voxels = torch.tensor(centre, dtype=torch.float32) + millimetres / torch.tensor(case.spacing)
    size = torch.tensor(case.image.shape, dtype=torch.float32)
    return (2 * voxels / (size - 1) - 1).flip(-1)[None]


def crop_centre(case: Case, config: Config, rng: np.random.Generator) -> np.ndarray:
    """A voxel in one of the structures, or anywhere: (3,) in the case's own indices."""
    size = np.array(case.image.shape)
    if case.foreground and rng.random() < config.foreground_share:
        structure = case.foreground[rng.integers(len(case.foreground))]
        voxel = structure[rng.integers(len(structure))].numpy()
        jitter = rng.uniform(-0.35, 0.35, 3) * config.window * config.spacing / case.spacing
        return np.clip(voxel + jitter, 0, size - 1)
    return rng.uniform(0, size - 1)


def random_crop(case: Case, config: Config, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """An augmented crop: image (1, x, y, z) in 0..1 and class shares (class, x, y, z)."""
    mirror = rng.random() < 0.5
    grid = sampling_grid(
        case, crop_centre(case, config, rng), random_matrix(config, rng, mirror), config, rng
    )
    image = F.grid_sample(case.image[None, None], grid, align_corners=True)
    shares = torch.empty(len(NAMES) + 1, *config.window)
    for k in range(1, len(NAMES) + 1):
        one = (case.labels == k).float()[None, None]
        shares[k] = F.grid_sample(one, grid, align_corners=True)[0, 0]
    shares[0] = 1 - shares[1:].sum(0)
    low, high = config.intensity
    image = (image[0] / (high - low)).clamp_(0, 1)
    return augment_intensity(image, rng), shares[MIRRORED] if mirror else shares


def augment_intensity(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Random contrast, offset, gamma, blur and noise."""
    if rng.random() < 0.3:
        image = image.clamp(0, 1) ** float(rng.uniform(0.8, 1.25))
    image = image * float(rng.uniform(0.92, 1.08)) + float(rng.normal(0, 0.02))
    if rng.random() < 0.15:
        image = F.avg_pool3d(image[None], 3, stride=1, padding=1)[0]
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(0, 0.06), tuple(image.shape)).astype(np.float32)
        image = image + torch.from_numpy(noise)
    return image.clamp(0, 1)


def learning_rate(step: int, config: Config) -> float:
    """Linear warm-up, then a cosine to zero, a step."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * 0.5 * (1 + float(np.cos(np.pi * progress)))


@torch.inference_mode()
def validate(
    network: torch.nn.Module, cases: list[tuple[sitk.Image, sitk.Image]], config: Config
) -> np.ndarray:
    """Dice in native space: (case, structure)."""
    network.eval()
    preprocessing = Preprocessing(config.spacing, config.intensity)
    scores = []
    for image, reference in cases:
        volume = to_network(image, preprocessing)
        logits = sliding_window_inference(
            torch.from_numpy(volume.array)[None], config.window, 1, network, 0.25, mode="gaussian"
        )
        labels = labels_on_image(logits[0].softmax(0).numpy(), volume, image)
        truth = image_to_array(reference).astype(np.uint8)
        scores.append([dice(labels, truth, k) for k in range(1, len(NAMES) + 1)])
    network.train()
    return np.array(scores)


def random_state(rng: np.random.Generator) -> Tensor:
    """The generator's state as bytes in a tensor, so that a checkpoint needs no pickle."""
    return torch.tensor(list(json.dumps(rng.bit_generator.state).encode()), dtype=torch.uint8)


def restore_random_state(rng: np.random.Generator, state: Tensor) -> None:
    """Set the generator to what ``random_state`` returned."""
    rng.bit_generator.state = json.loads(bytes(state.tolist()))


def write_aside(write, path: Path) -> None:
    """Write a file beside its place, then move it there."""
    part = path.with_name(path.name + ".part")
    write(part)
    part.replace(path)


def load_data(
    dataset: Path, config: Config
) -> tuple[list[Case], list[Case], list[tuple[sitk.Image, sitk.Image]]]:
    """Training cases, phantoms of many patients and spacings, and validation images."""
    lists = json.loads(dataset.read_text())
    floor = config.intensity[0]

    def pair(entry: dict[str, str]) -> tuple[sitk.Image, sitk.Image]:
        return read_image(dataset.parent / entry["image"]), sitk.ReadImage(
            str(dataset.parent / entry["label"])
        )

    cases = [load_case(*pair(entry), floor) for entry in lists["training"]]
    phantoms = []
    for seed in range(1000, 1000 + config.phantoms):
        spacing = float(np.random.default_rng(seed).uniform(2.5, 4.0))
        phantom = make_phantom("headneck", seed, (int(320 / spacing),) * 3, spacing)
        phantoms.append(load_case(phantom.image, phantom.labels, floor))
    return cases, phantoms, [pair(entry) for entry in lists["validation"]]


def train(data: Path, out: Path, config: Config, init: Path | None = None) -> None:
    """Train to the end, from the saved state if there is one, else from the weights ``init``."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    rng = np.random.default_rng(config.seed)
    cases, phantoms, validation = load_data(data, config)

    network = build_network(
        NetworkConfig("unet", 1, len(NAMES) + 1, {"filters": list(config.filters)})
    )
    if init is not None:
        network.load_state_dict(torch.load(init, weights_only=True))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    dice_loss = DiceLoss(include_background=False, softmax=True, batch=True, soft_label=True)
    step, best, minutes = 0, 0.0, 0.0
    state_file = out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        restore_random_state(rng, state["random"])
        step, best, minutes = state["step"], state["best"], state["minutes"]
    log = (out / "log.csv").open("a", newline="")
    writer = csv.writer(log)
    started, losses = time.monotonic() - 60 * minutes, []
    while step < config.steps:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        crops = []
        for _ in range(config.batch):
            pool = phantoms if rng.random() < config.phantom_share else cases
            crops.append(random_crop(pool[rng.integers(len(pool))], config, rng))
        images, shares = (torch.stack(tensors) for tensors in zip(*crops, strict=True))
        logits = network(images)
        loss = dice_loss(logits, shares) + F.cross_entropy(logits, shares)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        losses.append(loss.item())
        if step % config.validate_every == 0 or step == config.steps:
            scores = validate(average.module, validation, config)
            per_structure = np.nanmean(scores, axis=0)
            writer.writerow(
                [step, "validation", *per_structure.round(4), np.nanmean(scores).round(4)]
            )
            if np.nanmean(scores) > best:
                best = float(np.nanmean(scores))
                result = {"step": step, "dice": dict(zip(NAMES, per_structure, strict=True))}
                weights = {k: v.clone() for k, v in average.module.state_dict().items()}
                write_aside(lambda p, w=weights: torch.save(w, p), out / "best.pt")
                (out / "best.json").write_text(json.dumps(result, indent=1))
        if step % config.save_every == 0 or step == config.steps:
            minutes = (time.monotonic() - started) / 60
            writer.writerow([step, "training", round(float(np.mean(losses)), 4), round(minutes, 1)])
            log.flush()
            losses = []
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": random_state(rng),
                "step": step,
                "best": best,
                "minutes": minutes,
            }
            write_aside(lambda p, s=state: torch.save(s, p), state_file)


if __name__ == "__main__":
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="dataset.json of OpenKBP")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--init", type=Path | None, help="weights to start from")
    parser.add_class_arguments(Config, "config")
    arguments = parser.instantiate(parser.parse_args())
    train(arguments.data, arguments.out, arguments.config, arguments.init)
