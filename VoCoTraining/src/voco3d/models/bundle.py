"""The two MONAI bundle configurations of a model: metadata.json and inference.json.

The inference configuration uses MONAI's own parts only, so that a model folder runs with
``python -m monai.bundle run`` where this package is not installed.
"""

from dataclasses import asdict
from typing import Any

import monai
import numpy as np
import torch

from voco3d.data import Preprocessing
from voco3d.models.model import Model
from voco3d.models.regions import Regions
from voco3d.networks import Backbone
from voco3d.weights.saving import WEIGHTS

SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
    "meta_schema_20240725.json"
)

ONE_CHANNEL = "$lambda p: p.meta.update(original_channel_dim='no_channel') or p"
"""Of a label map whose image was a list of files: MONAI's writer would otherwise take an axis of
it for the channels, and fail on permuted axes."""


def metadata(model: Model) -> dict[str, Any]:
    """The content of ``configs/metadata.json``.

    The keys up to ``network_data_format`` are MONAI's; the section ``voco`` holds what this
    package needs to run the model.
    """
    card = model.card
    shape = list(model.window)
    window = model.preprocessing.intensity is not None
    inputs = model.channels or ("CT" if window else "image",) * model.network.in_channels
    return {
        "schema": SCHEMA,
        "version": "1.0.0",
        "changelog": {"1.0.0": "first version"},
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__.partition("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {
            "einops": "0.8.0",
            "nibabel": "5.2.1",
            "pytorch-ignite": "0.4.11",
            "safetensors": "0.4.3",
            "scikit-image": "0.22.0",
        },
        "name": model.name,
        "task": card.task,
        "description": card.description or card.task,
        "authors": card.authors,
        "copyright": card.licence,
        "data_source": card.data,
        "intended_use": "Research. Not a medical device, not for diagnosis or treatment.",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "hounsfield" if window else "magnitude",
                    "modality": "CT" if window else "n/a",
                    "num_channels": model.network.in_channels,
                    "spatial_shape": shape,
                    "dtype": "float32",
                    "value_range": [0, 1] if window else [],
                    "is_patch_data": not model.categories,
                    "channel_def": {str(i): name for i, name in enumerate(inputs)},
                }
            },
            "outputs": {"pred": _categories(model) if model.categories else _labels(model)},
        },
        "voco": {
            "format": 1,
            "network": model.network.to_json(),
            "preprocessing": model.preprocessing.to_json(),
            "window": shape,
            "overlap": model.overlap,
            "largest_component": model.largest_component,
            "classes": [structure.to_json() for structure in model.structures],
            "weights": WEIGHTS,
            **({"positions": model.positions.to_json()} if model.positions else {}),
            **({"regions": model.regions.to_json()} if model.regions else {}),
            **({"categories": list(model.categories)} if model.categories else {}),
            **({"channels": list(model.channels)} if model.channels else {}),
            **({"body_region": model.body_region} if model.body_region else {}),
            "card": asdict(card),
        },
    }


def _labels(model: Model) -> dict[str, Any]:
    """What a network gives that segments, or that does not yet."""
    background = [] if model.regions else ["background"]
    outputs = [*background, *(s.name for s in model.structures)]
    return {
        "type": "image",
        "format": "labels",
        "num_channels": model.network.out_channels,
        "spatial_shape": list(model.window),
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": True,
        "channel_def": {str(i): name for i, name in enumerate(outputs)} if model.segments else {},
    }


def _categories(model: Model) -> dict[str, Any]:
    """What a network gives that classifies."""
    return {
        "type": "probabilities",
        "format": "classes",
        "num_channels": len(model.categories),
        "spatial_shape": [1],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {str(i): name for i, name in enumerate(model.categories)},
    }


def inference(model: Model, network: Backbone) -> dict[str, Any]:
    """The content of ``configs/inference.json``: the same steps in MONAI's own parts."""
    return {
        "imports": ["$from safetensors.torch import load_file", "$import numpy as np"],
        "bundle_root": ".",
        "image": _image(model.network.in_channels),
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": network.monai_class, **network.monai_arguments},
        "network": "$@network_def.to(@device)",
        "weights": f"$load_file(@bundle_root + '/{WEIGHTS}')",
        "preprocessing": {"_target_": "Compose", "transforms": _before(model.preprocessing)},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': @image}]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(model.window),
            "sw_batch_size": 1,
            "overlap": model.overlap,
            "mode": "gaussian",
        },
        "postprocessing": {"_target_": "Compose", "transforms": _after(model)},
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "run": ["$@network_def.load_state_dict(@weights, strict=False)", "$@evaluator.run()"],
    }


def _image(channels: int) -> str:
    """Where the image is by default: one file, or a list of one a channel, named as by nnU-Net."""
    if channels == 1:
        return "$@bundle_root + '/image.nii.gz'"
    return f"$[@bundle_root + f'/image_{{i:04d}}.nii.gz' for i in range({channels})]"


def _before(preprocessing: Preprocessing) -> list[dict[str, Any]]:
    """From files to the array that the network sees."""
    transforms = [
        _transform("LoadImaged", ensure_channel_first=True),
        _transform("Orientationd", axcodes="RAS"),
    ]
    if preprocessing.spacing is not None:
        transforms += [
            _transform(
                "Spacingd",
                pixdim=list(preprocessing.spacing),
                mode="bilinear",
                padding_mode="border",
                align_corners=True,
            )
        ]
    if preprocessing.size is not None:
        transforms += [
            _transform(
                "Resized",
                spatial_size=list(preprocessing.size),
                mode="trilinear",
                align_corners=False,
            )
        ]
    if preprocessing.intensity is None:
        crop = _transform(
            "CropForegroundd",
            source_key="image",
            select_fn="$lambda image: image != 0",
            allow_smaller=True,
        )
        score = _transform("NormalizeIntensityd", nonzero=True, channel_wise=True)
        return transforms + ([crop] if preprocessing.crop_foreground else []) + [score]
    low, high = preprocessing.intensity
    window = _transform(
        "ScaleIntensityRanged", a_min=low, a_max=high, b_min=0.0, b_max=1.0, clip=True
    )
    crop = _transform("CropForegroundd", source_key="image", allow_smaller=True)
    return [*transforms, window] + ([crop] if preprocessing.crop_foreground else [])


def _after(model: Model) -> list[dict[str, Any]]:
    """From what the network gives to a label map file on the image's grid."""
    transforms = [
        _transform("Activationsd", "pred", **{"sigmoid" if model.regions else "softmax": True}),
        _transform(
            "Invertd",
            "pred",
            transform="@preprocessing",
            orig_keys="image",
            nearest_interp=False,
            to_tensor=True,
        ),
    ]
    if model.regions is None:
        transforms += [_transform("AsDiscreted", "pred", argmax=True)]
    else:
        transforms += [_transform("Lambdad", "pred", func=_written(model.regions))]
    if model.largest_component:
        transforms += [_transform("KeepLargestConnectedComponentd", "pred")]
    if model.network.in_channels > 1:
        transforms += [_transform("Lambdad", "pred", func=ONE_CHANNEL)]
    save = _transform("SaveImaged", "pred", output_dir="@output_dir", output_dtype="$np.uint8")
    return [*transforms, save]


def _written(regions: Regions) -> str:
    """An expression that makes a label map of the regions' probabilities, region after region."""
    labels = "0 * p[:1]"
    for index, value in enumerate(regions.written):
        labels = f"torch.where(p[{index}:{index + 1}] > 0.5, {value}.0, {labels})"
    return f"$lambda p: {labels}"


def _transform(target: str, keys: str = "image", **arguments: Any) -> dict[str, Any]:
    return {"_target_": target, "keys": keys, **arguments}
