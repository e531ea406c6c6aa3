"""eps = 1e-8 is 0 in float16: nan where a gradient is 0. (torch.optim.Adam does the
same.)
"""

import pytest
import torch

from course_utils.steps import rules


@pytest.mark.parametrize("rule", [rules.adam_step, rules.adamw_step])
def test_zero_gradient_is_no_step(rule):
    try:
        after, _ = rule(
            torch.ones(3, dtype=torch.float16),
            torch.tensor([0.0, 1e-4, 1.0], dtype=torch.float16),
            lr=0.1,
        )
    except (ValueError, TypeError):
        return
    assert after.isfinite().all(), after
