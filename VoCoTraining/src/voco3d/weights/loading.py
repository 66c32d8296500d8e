"""Putting the tensors of a checkpoint into a network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from voco3d.errors import VoCoError
from voco3d.networks import Backbone, Projector
from voco3d.networks.classifier import CLASSIFIER
from voco3d.weights.checkpoint import Checkpoint
from voco3d.weights.report import PROJECTOR, LoadReport, Mismatch


def load_weights(
    network: Backbone,
    checkpoint: Checkpoint,
    *,
    allow_partial: bool = False,
    inflate_channels: bool = False,
    projector: Projector | None = None,
    classifier: nn.Linear | None = None,
) -> LoadReport:
    """Copy into a network every tensor of a checkpoint that fits it.

    On an error the network is left as it was.

    Args:
        network: The network; changed in place.
        checkpoint: What ``read_tensors`` returned.
        allow_partial: Accept an encoder that is not the checkpoint's in all parts.
        inflate_channels: Spread first-layer weights for one input channel over the network's
            channels, divided by their number: identical channels then give the output that the
            one channel gave.
        projector: Changed in place too; its keys begin with ``projector.``.
        classifier: Changed in place too; its keys begin with ``classifier.``.

    Returns:
        The fate of every key.

    Raises:
        VoCoError: If a parameter of the network's encoder would not be loaded, or one of the
            file's encoder has no place in it, and ``allow_partial`` is off.
    """
    fitting: dict[str, tuple[Tensor, Tensor]] = {}
    inflated, mismatched, missing = [], [], []
    modules: dict[str, nn.Module] = {"": network}
    if projector is not None:
        modules[PROJECTOR] = projector
    if classifier is not None:
        modules[CLASSIFIER] = classifier
    targets = [entry for prefix, module in modules.items() for entry in _tensors(module, prefix)]
    for names, target in targets:
        key = next((name for name in names if name in checkpoint.tensors), None)
        if key is None:
            missing.append(names[0])
            continue
        source = checkpoint.tensors[key]
        if inflate_channels and names[0] in network.input_keys and _one_channel(source, target):
            channels = target.shape[1]
            source = source.to(target.dtype).expand_as(target) / channels
            inflated.append(names[0])
        if source.shape == target.shape:
            fitting[names[0]] = (source, target)
        else:
            mismatched.append(Mismatch(names[0], tuple(source.shape), tuple(target.shape)))
    known = {name for names, _ in targets for name in names}
    unexpected = [key for key in checkpoint.tensors if key not in known]
    sizes = {
        prefix + key: parameter.numel()
        for prefix, module in modules.items()
        for key, parameter in module.named_parameters()
    }
    lost = [key for key in sizes if key not in fitting] + unexpected
    lost = [key for key in lost if network.is_encoder_key(key)]
    if lost and not allow_partial:
        raise VoCoError(_partial_encoder(network, lost, mismatched, missing))
    with torch.no_grad():
        for source, target in fitting.values():
            target.copy_(source)
    return LoadReport(
        loaded=tuple(fitting),
        inflated=tuple(inflated),
        renamed=checkpoint.renamed,
        mismatched=tuple(mismatched),
        missing=tuple(missing),
        unexpected=tuple(unexpected),
        percent_loaded=100 * sum(sizes.get(key, 0) for key in fitting) / sum(sizes.values()),
        encoder_complete=not lost,
    )


def _tensors(module: nn.Module, prefix: str) -> list[tuple[list[str], Tensor]]:
    """Return the tensors of a module, each once, with all the keys it has in the state dict."""
    entries: Mapping[str, Tensor] = module.state_dict(prefix=prefix, keep_vars=True)
    names: dict[int, list[str]] = {}
    for key, tensor in entries.items():
        names.setdefault(id(tensor), []).append(key)
    return [(keys, entries[keys[0]]) for keys in names.values()]


def _one_channel(source: Tensor, target: Tensor) -> bool:
    """Whether two weights differ only in that the source has one input channel (dimension 1)."""
    return source.shape == (target.shape[0], 1, *target.shape[2:]) and target.shape[1] > 1


def _partial_encoder(
    network: Backbone, lost: list[str], mismatched: list[Mismatch], missing: list[str]
) -> str:
    shapes = {mismatch.key: mismatch for mismatch in mismatched}
    fates = {key: f"{key} (missing)" for key in missing} | {k: str(m) for k, m in shapes.items()}
    examples = "; ".join(fates.get(key, f"{key} (unexpected)") for key in lost[:3])
    one_channel = all(
        key in network.input_keys and key in shapes and shapes[key].file_shape[1:2] == (1,)
        for key in lost
    )
    remedy = "inflate the first layer" if one_channel else "allow a partial encoder"
    return (
        f"The file does not give all of the encoder: {len(lost)} tensors do not fit, namely "
        f"{examples}{'; ...' if len(lost) > 3 else ''}; use weights of this network or {remedy}."
    )
