"""The Hessian product by differences of gradients steps eps**(1/3) * |params|: 1.4 for
the packaged BERT.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from course_utils import steps


class NoSecond(torch.autograd.Function):
    """Softplus whose second derivative PyTorch says it lacks, as fused attention
    does.
    """

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.softplus(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            raise RuntimeError("derivative for NoSecond is not implemented")
        return g * x.sigmoid()


def test_long_parameters_of_which_few_matter():
    torch.manual_seed(0)
    x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))

    class Net(nn.Module):
        def __init__(self, activation):
            super().__init__()
            torch.manual_seed(1)
            self.table = nn.Parameter(
                torch.full((100_000,), 1.0)
            )  # |params| = 316, as an embedding table
            self.a, self.b, self.f = nn.Linear(4, 8), nn.Linear(8, 2), activation

        def forward(self, x):
            return self.b(self.f(self.a(x))) + 0 * self.table.sum()

    exact, other = (
        steps.profile(Net(f), lambda m: F.cross_entropy(m(x), y))
        for f in (F.softplus, NoSecond.apply)
    )
    assert math.isclose(other.curvature, exact.curvature, rel_tol=0.05), (
        other.curvature,
        exact.curvature,
    )


# half a minute; .stable_lr fails after 200 products, several minutes
def test_the_packaged_bert():
    from course_utils import models, text
    from course_utils.text import batches

    said = {}
    for kind in ("eager", "sdpa"):
        torch.manual_seed(0)
        bert, tokenizer = models.load_bert(num_labels=2, attention=kind)
        train = text.load_sms().train
        two = [[i for i, l in enumerate(train.labels) if l == k][:2] for k in (1, 0)]
        ids, mask, y = batches.encode(
            tokenizer, train.take(sum(two, [])), max_length=12
        ).batch()
        p = steps.profile(bert, lambda m: F.cross_entropy(m(ids, mask).logits, y))
        said[kind] = p.curvature
    assert math.isclose(said["sdpa"], said["eager"], rel_tol=0.1), said
