"""The two MONAI bundle configurations of a model: metadata.json and inference.json.

The inference configuration uses MONAI's own parts only, so that a model folder runs with
``python -m monai.bundle run`` where this package is not installed.
"""

from dataclasses import asdict
from typing import Any

import monai
import numpy as np
import torch

from voco3d.models.model import Model
from voco3d.networks import Backbone
from voco3d.weights.saving import WEIGHTS

SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
    "meta_schema_20240725.json"
)


def metadata(model: Model) -> dict[str, Any]:
    """The content of ``configs/metadata.json``.

    The keys up to ``network_data_format`` are MONAI's; the section ``voco`` holds what this
    package needs to run the model.
    """
    card = model.card
    shape = list(model.window)
    channels = ["background", *(s.name for s in model.structures)]
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
                    "format": "hounsfield",
                    "modality": "CT",
                    "num_channels": model.network.in_channels,
                    "spatial_shape": shape,
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": True,
                    "channel_def": {str(i): "CT" for i in range(model.network.in_channels)},
                }
            },
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "labels",
                    "num_channels": model.network.out_channels,
                    "spatial_shape": shape,
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": True,
                    "channel_def": {str(i): name for i, name in enumerate(channels)}
                    if model.segments
                    else {},
                }
            },
        },
        "voco": {
            "format": 1,
            "network": model.network.to_json(),
            "preprocessing": asdict(model.preprocessing),
            "window": shape,
            "overlap": model.overlap,
            "largest_component": model.largest_component,
            "classes": [structure.to_json() for structure in model.structures],
            "weights": WEIGHTS,
            **({"positions": model.positions.to_json()} if model.positions else {}),
            "card": asdict(card),
        },
    }


def inference(model: Model, network: Backbone) -> dict[str, Any]:
    """The content of ``configs/inference.json``: the same steps in MONAI's own parts."""
    low, high = model.preprocessing.intensity
    return {
        "imports": ["$from safetensors.torch import load_file", "$import numpy as np"],
        "bundle_root": ".",
        "image": "$@bundle_root + '/image.nii.gz'",
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": network.monai_class, **network.monai_arguments},
        "network": "$@network_def.to(@device)",
        "weights": f"$load_file(@bundle_root + '/{WEIGHTS}')",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True},
                {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
                {
                    "_target_": "Spacingd",
                    "keys": "image",
                    "pixdim": list(model.preprocessing.spacing),
                    "mode": "bilinear",
                    "padding_mode": "border",
                    "align_corners": True,
                },
                {
                    "_target_": "ScaleIntensityRanged",
                    "keys": "image",
                    "a_min": low,
                    "a_max": high,
                    "b_min": 0.0,
                    "b_max": 1.0,
                    "clip": True,
                },
                *(
                    [
                        {
                            "_target_": "CropForegroundd",
                            "keys": "image",
                            "source_key": "image",
                            "allow_smaller": True,
                        }
                    ]
                    if model.preprocessing.crop_foreground
                    else []
                ),
            ],
        },
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
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "Activationsd", "keys": "pred", "softmax": True},
                {
                    "_target_": "Invertd",
                    "keys": "pred",
                    "transform": "@preprocessing",
                    "orig_keys": "image",
                    "nearest_interp": False,
                    "to_tensor": True,
                },
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
                *(
                    [{"_target_": "KeepLargestConnectedComponentd", "keys": "pred"}]
                    if model.largest_component
                    else []
                ),
                {
                    "_target_": "SaveImaged",
                    "keys": "pred",
                    "output_dir": "@output_dir",
                    "output_dtype": "$np.uint8",
                },
            ],
        },
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
