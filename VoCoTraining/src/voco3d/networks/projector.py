"""From pooled encoder features to the embedding that VoCo compares."""

from collections import OrderedDict

from torch import nn


class Projector(nn.Sequential):
    """Linear, BatchNorm, ReLU, twice, and a last Linear: ``(crop, in)`` to ``(crop, width)``.

    In training the batch normalisation uses the statistics of all crops of the batch, which must
    be the global batch where several processes train. It also keeps their running mean and
    variance, so that in evaluation the embedding of a crop does not depend on its company.

    Sources: section 3.2; layers as in the authors' code, which has no affine parameters in the
    normalisation. The paper projects before it averages over space, the authors' code after:
    here it is after.

    Args:
        in_width: Width of the backbone's features.
        width: Channels C of the embedding and of the hidden layers; 2048 in the paper.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(
            OrderedDict(
                linear1=nn.Linear(in_width, width),
                norm1=nn.BatchNorm1d(width, affine=False),
                relu1=nn.ReLU(),
                linear2=nn.Linear(width, width),
                norm2=nn.BatchNorm1d(width, affine=False),
                relu2=nn.ReLU(),
                linear3=nn.Linear(width, width),
            )
        )
        self.in_width, self.width = in_width, width
