"""Attention within windows of a 3-D map, as in MONAI's Swin transformer, but without waste.

MONAI pads the map to whole windows, rolls it where the windows are shifted, and keeps apart with a
mask what only the roll brought together. Here each axis is cut where the windows are cut: every
box between the cuts attends within itself, with neither padding, roll nor mask. The zeros of the
padding all have the same key and value, so they count as one more key. Of the products of tokens
with tokens, about 0.6, 0.3 and 0.1 are left on maps of 32^3, 16^3 and 8^3 (crops of 64^3).

Source: Liu et al., Swin Transformer, ICCV 2021; windows and padding as in MONAI's SwinUNETR.
"""

from itertools import product
from math import prod
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from monai.networks.nets.swin_unetr import BasicLayer, SwinTransformerBlock
from torch import Tensor, nn

SCORES = 1 << 20
"""Scores held at a time in the backward pass: a few megabytes, which stay in the cache."""


class Segments(NamedTuple):
    """Equal pieces of an axis, side by side.

    Attributes:
        pieces: How many.
        length: Tokens of each.
        first: Place of its first token in the window.
        padding: Places of padding that come after its last token.
    """

    pieces: int
    length: int
    first: int
    padding: int


Box = tuple[Segments, ...]
"""A piece of each axis, x, y and z: boxes of one shape."""


def segments(side: int, window: int, shift: int) -> list[Segments]:
    """How windows cut an axis, in order.

    Args:
        side: Tokens along the axis, which is padded at its end to a multiple of the window.
        window: Side of the window; an axis that is not longer is one window, not shifted.
        shift: How far the windows are shifted: the first piece has so many tokens.
    """
    if side <= window:
        return [Segments(1, side, 0, 0)]
    whole, rest = divmod(side - shift, window)
    parts = [
        Segments(1, shift, window - shift, 0),
        Segments(whole, window, 0, 0),
        Segments(1, rest, 0, min(window - rest, -side % window)),
    ]
    return [part for part in parts if part.pieces and part.length]


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows, with a learnt bias for each relative position.

    The published mask takes 100 from the score of two tokens that only the roll brought together;
    here they do not see each other at all, which is the same to rounding.

    Args:
        block: MONAI's block; its parameters are taken over under the same names.
    """

    relative_position_index: Tensor

    def __init__(self, block: SwinTransformerBlock) -> None:
        super().__init__()
        self.window, self.shift = tuple(block.window_size), tuple(block.shift_size)
        self.heads, self.scale = block.attn.num_heads, block.attn.scale
        self.relative_position_bias_table = block.attn.relative_position_bias_table
        self.register_buffer("relative_position_index", block.attn.relative_position_index)
        self.qkv, self.proj = block.attn.qkv, block.attn.proj

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``(batch, x, y, z, channel)`` to tokens of the same shape."""
        size = tokens.shape[1:4]
        axes = [segments(*axis) for axis in zip(size, self.window, self.shift, strict=True)]
        window = tuple(map(min, size, self.window))
        cells = _split(self.qkv(tokens), axes)
        attended = [
            self._attend(cell, box, window) for cell, box in zip(cells, product(*axes), strict=True)
        ]
        return self.proj(_join(attended, axes))

    def _attend(self, cell: Tensor, box: Box, window: tuple[int, ...]) -> Tensor:
        """Attention within boxes of one shape, side by side in a part of the map."""
        lengths = dict(zip(("lx", "ly", "lz"), (part.length for part in box), strict=True))
        counts = dict(zip("xyz", (part.pieces for part in box), strict=True))
        q, k, v = rearrange(
            cell,
            "b (x lx) (y ly) (z lz) (qkv h d) -> qkv (b x y z) h (lx ly lz) d",
            qkv=3,
            h=self.heads,
            **lengths,
        )
        if any(part.padding for part in box):
            _, key, value = self.qkv.bias.to(q.dtype).view(3, self.heads, 1, -1)
            k = torch.cat([k, key.expand(len(k), -1, -1, -1)], dim=2)
            v = torch.cat([v, value.expand(len(v), -1, -1, -1)], dim=2)
        return rearrange(
            attend(q * self.scale, k, v, self._bias(box, window)),
            "(b x y z) h (lx ly lz) d -> b (x lx) (y ly) (z lz) (h d)",
            **counts,
            **lengths,
        )

    def _bias(self, box: Box, window: tuple[int, ...]) -> Tensor:
        """The bias of each pair ``(1, head, token, key)``; the padding's is added up in the last.

        With the padding's keys all the same, the exponentials of their scores add up to that of
        one score with the logarithm of the sum as its bias.
        """
        places = torch.arange(prod(window), device=self.qkv.weight.device).view(window)
        x, y, z = (slice(part.first, part.first + part.length) for part in box)
        tokens = places[x, y, z].flatten()
        x, y, z = (slice(p.first, p.first + p.length + p.padding) for p in box)
        held = places[x, y, z].flatten()
        padding = held[~torch.isin(held, tokens)]
        index = self.relative_position_index[tokens][:, torch.cat([tokens, padding])]
        # unlike plain indexing, an embedding has a quick backward pass on the CPU
        bias = F.embedding(index, self.relative_position_bias_table).permute(2, 0, 1)
        between, to_padding = torch.split(bias, [len(tokens), len(padding)], dim=2)
        if len(padding):
            between = torch.cat([between, to_padding.logsumexp(dim=2, keepdim=True)], dim=2)
        return between.contiguous()[None]


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """``softmax(q k^T + bias) v``, in the way that is quickest on the device.

    Torch's attention on the CPU has no gradient for the bias other than by its slow plain form.

    Args:
        q: ``(window, head, token, channel)``, scaled.
        k: ``(window, head, key, channel)``.
        v: ``(window, head, key, channel)``.
        bias: ``(1, head, token, key)``.

    Returns:
        ``(window, head, token, channel)``.
    """
    if q.device.type == "cpu" and torch.is_grad_enabled():
        attended: Tensor = _BiasedAttention.apply(q, k, v, bias.to(q.dtype))  # type: ignore[no-untyped-call]
        return attended
    return F.scaled_dot_product_attention(q, k, v, bias.to(q.dtype), scale=1.0)


class _BiasedAttention(torch.autograd.Function):
    """Keeps no scores: the backward pass computes them again, a few windows at a time."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(q, k, v, bias)
        # a bias that wants a gradient would choose the slow plain form
        return F.scaled_dot_product_attention(q, k, v, bias.detach(), scale=1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        *inputs, bias = ctx.saved_tensors
        windows = max(1, SCORES // bias.numel())
        grad_bias = torch.zeros_like(bias)
        parts = []
        for q, k, v, g in zip(*(part.split(windows) for part in (*inputs, grad)), strict=True):
            weights = torch.softmax((q @ k.mT).add_(bias), dim=-1)
            grad_scores = torch._softmax_backward_data(g @ v.mT, weights, -1, weights.dtype)
            grad_bias += grad_scores.sum(dim=0)
            parts.append((grad_scores @ k, grad_scores.mT @ q, weights.mT @ g))
        return *(torch.cat(part) for part in zip(*parts, strict=True)), grad_bias


class WindowBlock(nn.Module):
    """Attention and a two-layer network, each on normalised tokens and added to them.

    Args:
        block: MONAI's block; its parts are taken over under the same names.
    """

    def __init__(self, block: SwinTransformerBlock) -> None:
        super().__init__()
        self.norm1, self.attn = block.norm1, WindowAttention(block)
        self.norm2, self.mlp = block.norm2, block.mlp

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``(batch, x, y, z, channel)`` to tokens of the same shape."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class WindowLayer(nn.Module):
    """The blocks of one resolution, and the halving of it.

    Args:
        layer: MONAI's layer; its parts are taken over under the same names.
    """

    def __init__(self, layer: BasicLayer) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(WindowBlock(block) for block in layer.blocks)
        self.downsample = layer.downsample

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(batch, channel, x, y, z)`` to ``(batch, 2 * channel, x/2, y/2, z/2)``."""
        tokens = rearrange(image, "b c x y z -> b x y z c")
        for block in self.blocks:
            tokens = block(tokens)
        return rearrange(self.downsample(tokens), "b x y z c -> b c x y z")


def _split(tokens: Tensor, axes: list[list[Segments]]) -> list[Tensor]:
    x, y, z = ([part.pieces * part.length for part in parts] for parts in axes)
    slabs = torch.split(tokens, x, dim=1)
    rows = [row for slab in slabs for row in torch.split(slab, y, dim=2)]
    return [cell for row in rows for cell in torch.split(row, z, dim=3)]


def _join(cells: list[Tensor], axes: list[list[Segments]]) -> Tensor:
    for dim in (3, 2, 1):
        parts = len(axes[dim - 1])
        cells = [torch.cat(cells[i : i + parts], dim) for i in range(0, len(cells), parts)]
    return cells[0]
