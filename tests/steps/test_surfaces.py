"""Surfaces: formulas against autograd, finite differences and values by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd.functional import hessian as autograd_hessian

from course_utils.steps import cross_entropy, surfaces


def noisy_data(num_examples=37, seed=3):
    """Return two unlike features and targets that no line separates."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_examples, 2)) * (1.0, 3.0)
    logits = features @ (1.5, -0.5) + rng.logistic(size=num_examples)
    return features, (logits > 0).astype(float)


SURFACES = {
    "dial": surfaces.dial(3.0, minimum=1.5),
    "wells": surfaces.wells(0.4),
    "bowl": surfaces.bowl(),
    "turned bowl": surfaces.bowl(7.0, angle=0.6, scale=3.0),
    "saddle": surfaces.saddle(up=1.5, down=4.0),
    "rosenbrock": surfaces.rosenbrock(),
    "beale": surfaces.beale(),
    "himmelblau": surfaces.himmelblau(),
    "logistic": cross_entropy.logistic(*noisy_data()),
    "logistic l2": cross_entropy.logistic(*noisy_data(), l2=0.3),
}
every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
coordinate = st.floats(-4.0, 4.0)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "point", "loss", "gradient", "hessian"),
    [
        ("dial", (3.5,), 6, (6,), ((3,),)),
        ("wells", (2,), 9.8, (24.4,), ((44,),)),
        ("bowl", (3, 2), 2.45, (0.3, 2), ((0.1, 0), (0, 1))),
        ("saddle", (2, 3), -15, (3, -12), ((1.5, 0), (0, -4))),
        ("rosenbrock", (2, 3), 101, (802, -200), ((3602, -800), (-800, 200))),
        ("beale", (2, 2), 356.703125, (289.25, 944), ((118, 860), (860, 2152))),
        ("himmelblau", (1, 2), 68, (-36, -32), ((-22, 12), (12, 26))),
    ],
)
def test_value_by_hand(name, point, loss, gradient, hessian):
    surface, params = SURFACES[name], tensor(*point)
    torch.testing.assert_close(surface(params), tensor(loss)[0])
    torch.testing.assert_close(surface.gradient(params), tensor(*gradient))
    torch.testing.assert_close(surface.hessian(params), tensor(*hessian))


def test_logistic_by_hand():
    surface = cross_entropy.logistic([[1.0, 2.0], [3.0, 0.0]], [1, 0], l2=0.1)
    params = tensor(math.log(3), 0.0)  # odds 3 and 27: p = 3/4 and 27/28
    loss = (-math.log(3 / 4) - math.log(1 / 28)) / 2 + 0.05 * math.log(3) ** 2
    slope = ((-1 / 4 + 3 * 27 / 28) / 2 + 0.1 * math.log(3), -2 / 8)
    xx, xy, yy = (3 / 16 + 9 * 27 / 784) / 2 + 0.1, 2 * 3 / 32, 4 * 3 / 32 + 0.1
    assert surface(params).item() == pytest.approx(loss)
    torch.testing.assert_close(surface.gradient(params), tensor(*slope))
    torch.testing.assert_close(surface.hessian(params), tensor((xx, xy), (xy, yy)))


@every_surface
@settings(max_examples=25, deadline=None)
@given(x=coordinate, y=coordinate)
def test_formulas_equal_autograd_and_differences(surface, x, y):
    size = len(surface.start)
    params = tensor(x, y)[:size].requires_grad_()
    (gradient,) = torch.autograd.grad(surface(params), params)
    point = params.detach()
    scale = 1 + gradient.abs().max().item()
    close = {"rtol": 1e-9, "atol": 1e-9 * scale}
    torch.testing.assert_close(surface.gradient(point), gradient, **close)
    torch.testing.assert_close(
        surface.hessian(point), autograd_hessian(surface, point), **close
    )
    shifts = 1e-5 * torch.eye(size, dtype=torch.float64)
    rise = (surface(point + shifts) - surface(point - shifts)) / 2e-5
    turn = (surface.gradient(point + shifts) - surface.gradient(point - shifts)) / 2e-5
    rough = {"rtol": 1e-5, "atol": 1e-5 * (1 + surface(point).abs().item())}
    torch.testing.assert_close(rise, gradient, **rough)
    torch.testing.assert_close(turn, surface.hessian(point), **rough)


@every_surface
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_equals_point_by_point_and_keeps_dtype(surface, dtype):
    rng = np.random.default_rng(1)
    size = len(surface.start)
    params = torch.tensor(rng.uniform(-2, 2, size=(3, 5, size)), dtype=dtype)
    for function, shape in (
        (surface, (3, 5)),
        (surface.gradient, (3, 5, size)),
        (surface.hessian, (3, 5, size, size)),
    ):
        batch = function(params)
        single = [function(point) for point in params.reshape(-1, size)]
        assert batch.shape == shape
        assert batch.dtype == dtype
        torch.testing.assert_close(batch, torch.stack(single).reshape(shape))


@every_surface
def test_minima_are_found_to_1e_10(surface):
    for minimum in surface.minima:
        params = tensor(*minimum)
        hessian = surface.hessian(params)
        distance = torch.linalg.solve(hessian, surface.gradient(params)).norm()
        assert distance < 1e-10  # how far Newton would still move
        assert torch.linalg.eigvalsh(hessian).min() > 0


def test_number_of_minima():
    counts = {name: len(set(surface.minima)) for name, surface in SURFACES.items()}
    one = dict.fromkeys(SURFACES, 1)
    assert counts == one | {"saddle": 0, "himmelblau": 4, "wells": 2}


def test_stable_lr_is_that_of_the_sharpest_minimum():
    assert surfaces.bowl(5.0, angle=0.7).stable_lr() == pytest.approx(2)
    assert surfaces.bowl(8.0, scale=4.0).stable_lr() == pytest.approx(0.5)
    deep, shallow = (
        surfaces.wells().hessian(tensor(*minimum)).item()
        for minimum in surfaces.wells().minima
    )
    assert surfaces.wells().stable_lr() == pytest.approx(2 / deep)
    assert deep > shallow
    assert surfaces.saddle(up=4.0).stable_lr() == pytest.approx(0.5)  # at its start


@every_surface
def test_bounds_hold_start_and_minima(surface):
    for point in (surface.start, *surface.minima):
        for coordinate, (low, high) in zip(point, surface.bounds, strict=True):
            assert low < coordinate < high


@pytest.mark.parametrize("name", [name for name in SURFACES if name != "saddle"])
def test_descent_from_start_reaches_a_minimum(name):
    surface, params = SURFACES[name], tensor(*SURFACES[name].start)
    slowest = 60_000 if name in ("rosenbrock", "beale") else 2_000
    lrs = {"rosenbrock": 1e-3, "beale": 1e-2, "himmelblau": 1e-2, "wells": 0.05}
    lr = lrs.get(name, 0.3)
    for _ in range(slowest):
        gradient = surface.gradient(params)
        if gradient.norm() < 1e-6:
            break
        params = params - lr * gradient
    assert min((params - tensor(*end)).norm() for end in surface.minima) < 1e-3


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, -2.0])
@pytest.mark.parametrize(
    ("condition", "scale"), [(1.0, 1.0), (10.0, 1.0), (133.0, 7.0)]
)
def test_bowl_has_the_eigenvalues_it_names(condition, scale, angle):
    bowl = surfaces.bowl(condition, angle=angle, scale=scale)
    values, vectors = torch.linalg.eigh(bowl.hessian(tensor(1.0, 2.0)))
    assert bowl.eigenvalues == (scale / condition, scale)
    torch.testing.assert_close(values, tensor(*bowl.eigenvalues))
    flat = tensor(math.cos(angle), math.sin(angle))
    if condition > 1:
        assert abs(vectors[:, 0] @ flat) == pytest.approx(1.0)


def test_saddle_is_led_by_its_negative_eigenvalue():
    low, high = surfaces.saddle().eigenvalues
    hessian = surfaces.saddle().hessian(tensor(0.0, 0.0))
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian), tensor(low, high))
    assert low < 0 < high < -low


def test_beale_has_a_saddle_that_is_no_minimum():
    params = tensor(0.0, 1.0)
    assert SURFACES["beale"].gradient(params).tolist() == [0, 0]
    assert torch.linalg.eigvalsh(SURFACES["beale"].hessian(params))[0] < 0


def test_logistic_loss_equals_pytorch():
    features, targets = map(torch.tensor, noisy_data())
    params = tensor(0.7, -1.1)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    expected = bce(features @ params, targets)
    torch.testing.assert_close(SURFACES["logistic"](params), expected)


def test_logistic_minimum_equals_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    features, targets = noisy_data()
    model = LogisticRegression(C=1 / (0.3 * 37), fit_intercept=False, tol=1e-10)
    weights = model.fit(features, targets).coef_[0]
    assert SURFACES["logistic l2"].minima[0] == pytest.approx(weights, abs=1e-6)


def test_logistic_is_exact_far_out():
    surface = cross_entropy.logistic([[1.0, 0.0]], [1])
    far = tensor((1e3, 0.0), (-1e3, 0.0), (39.0, 0.0), (-21.0, 0.0))
    expected = tensor(0.0, 1e3, math.exp(-39), 21 + math.exp(-21))
    torch.testing.assert_close(surface(far), expected, rtol=1e-12, atol=0)
    assert surface.gradient(far).isfinite().all()


def test_logistic_grid_larger_than_a_block():
    features, targets = noisy_data(num_examples=2_003)
    surface = cross_entropy.logistic(features, targets)
    rng = np.random.default_rng(2)
    params = torch.tensor(rng.normal(size=(17, 67, 2)))  # 1,139 points, blocks of 523
    torch.testing.assert_close(surface(params)[16, 5], surface(params[16, 5]))
    torch.testing.assert_close(surface(params)[3, 2], surface(params[3, 2]))


@pytest.mark.parametrize(
    ("features", "targets"),
    [
        ([[1.0, 0.2], [2.0, -1.0], [-1.0, 3.0]], [1, 1, 0]),  # a line between them
        ([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], [1, 1, 1]),  # two on the line itself
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1, 0, 1]),  # collinear: a whole valley
        ([[-1.0, 2.0], [-1.0, -2.0], [0.0, 0.0]], [1, 1, 1]),  # zeros pull nowhere
        ([[1.0, 2.0]], [1]),
        ([[0.0, 0.0]], [1]),
    ],
)
def test_logistic_without_a_lowest_point(features, targets):
    surface = cross_entropy.logistic(features, targets)
    assert surface.minima == ()
    assert len(cross_entropy.logistic(features, targets, l2=0.01).minima) == 1
    assert all(low < 0 < high for low, high in surface.bounds)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), num_examples=st.integers(2, 11))
def test_logistic_has_a_minimum_unless_separable(seed, num_examples):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_examples, 2))
    targets = rng.integers(0, 2, size=num_examples)
    surface = cross_entropy.logistic(features, targets)
    signed = (2 * targets - 1)[:, None] * features
    edges = signed @ [[0, 1], [-1, 0]]  # if any line separates, one does at an edge
    sides = signed @ np.concatenate([edges, -edges]).T
    assert (surface.minima == ()) == bool((sides > -1e-12).all(0).any())
    for minimum in surface.minima:
        assert surface.gradient(tensor(*minimum)).norm() < 1e-12


def test_logistic_minimum_where_plain_newton_diverges():
    features = [[-0.3, -0.4], [-0.1, -0.1], [-0.1, 8.4], [-5.5, -3.1], [0.1, 5853.5]]
    surface = cross_entropy.logistic(features, [0, 1, 1, 0, 1])
    assert surface.gradient(tensor(*surface.minima[0])).norm() < 1e-12


def test_logistic_with_unlike_features_and_changed_arrays():
    features, targets = noisy_data()
    scaled = features * (1e-4, 1e3)
    surface = cross_entropy.logistic(scaled, targets)
    expected = np.array(SURFACES["logistic"].minima[0]) / (1e-4, 1e3)
    assert surface.minima[0] == pytest.approx(expected, rel=1e-10)
    before = surface(tensor(1.0, 1.0))
    scaled[:] = 0
    assert surface(tensor(1.0, 1.0)) == before


@every_surface
def test_bad_params(surface):
    for call in (surface, surface.gradient, surface.hessian):
        size = len(surface.start)
        for wrong in (torch.zeros(3), torch.zeros(2, 3 - size), torch.tensor(1.0)):
            with pytest.raises(
                ValueError, match=rf"params must have shape \(\.\.\., {size}\)"
            ):
                call(wrong)
        for wrong in (torch.zeros(2, dtype=torch.int64), torch.zeros(2) * 1j, [1, 2]):
            with pytest.raises(TypeError, match="params must be a floating-point"):
                call(wrong)


@every_surface
def test_diverged_params_are_a_value(surface):
    size = len(surface.start)
    assert not surface(tensor(math.nan, 1.0)[:size]).isfinite()
    if "logistic" not in surface.name:  # its loss grows too slowly to overflow
        assert not surface(tensor(1e200, 1e200)[:size]).isfinite()


X, Y = torch.ones(5, 2), torch.tensor([0.0, 1, 0, 1, 1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: cross_entropy.logistic(X, Y[:, None]),
            r"targets must have shape \(5,\)",
        ),
        (lambda: cross_entropy.logistic(X, Y[:4]), "targets must have shape"),
        (lambda: cross_entropy.logistic(X[:, :1], Y), "features must be"),
        (lambda: cross_entropy.logistic(X[0], Y), "features must be"),
        (lambda: cross_entropy.logistic(X[:0], Y[:0]), "features must be"),
        (lambda: cross_entropy.logistic(X * math.nan, Y), "features must be finite"),
        (lambda: cross_entropy.logistic(X, 2 * Y - 1), "targets must be 0 or 1"),
        (lambda: cross_entropy.logistic(X, Y * math.nan), "targets must be 0 or 1"),
        (lambda: cross_entropy.logistic(X, Y, l2=-1.0), "l2 must be"),
        (lambda: cross_entropy.logistic(X, Y, l2=math.nan), "l2 must be"),
        (lambda: surfaces.dial(0.0), "curvature must be"),
        (lambda: surfaces.dial(minimum=math.inf), "minimum must be"),
        (lambda: surfaces.wells(0.0), "tilt must be"),
        (lambda: surfaces.wells(2.0), "tilt must be"),
        (lambda: surfaces.bowl(0.5), "condition must be"),
        (lambda: surfaces.bowl(math.inf), "condition must be"),
        (lambda: surfaces.bowl(scale=0.0), "scale must be"),
        (lambda: surfaces.bowl(angle=math.nan), "angle must be"),
        (lambda: surfaces.saddle(down=-1.0), "down must be"),
    ],
)
def test_bad_input_names_the_argument(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@every_surface
def test_repr_holds_no_address(surface):
    assert "0x" not in repr(surface)
