"""Targets that something is wrong with, and which of them are truly out of reach."""

import torch

import invlab
from invbook.papers.trust.faults import KINDS, faults
from invbook.papers.trust.truly_off import TrulyOff
from invlab import runtime


def targets():
    y = torch.randn(400, 4, generator=runtime.generator(0, "y"), dtype=torch.float64)
    return y * torch.tensor([0.0, 1.0, 5.0, 2.0]) + torch.tensor([3.0, 0.0, 0.0, 0.0])


def test_each_fault_is_what_it_says():
    y = targets()
    made = faults(y, seed=0, name="made")
    assert tuple(made) == KINDS
    assert torch.equal(made["fresh"], y)
    assert torch.allclose(made["shifted"] - y, 2 * y.std(0).expand_as(y))
    # the first number never varies
    moved = made["one_shifted"] - y
    assert torch.allclose(moved[:, 1], 2 * y[:, 1].std().expand(400))
    assert torch.equal(moved[:, [0, 2, 3]], torch.zeros(400, 3, dtype=torch.float64))
    assert torch.equal(made["exchanged"][:, 0], y[:, 3])
    assert torch.equal(made["exchanged"][:, 1:], y[:, :-1])
    assert torch.allclose(made["tilted"], y * torch.tensor([1.0, 1.0, 1.05, 1.0]))
    for kind, share in (("noise_5", 0.05), ("noise_20", 0.2)):
        noise = (made[kind] - y).std(0) / y.std(0).clamp_min(1e-9)
        assert torch.allclose(noise[1:], torch.full_like(noise[1:], share), rtol=0.2)
        assert noise[0] == 0


def test_noise_depends_on_seed_and_simulator():
    y = targets()
    made = faults(y, seed=0, name="made")["noise_5"]
    assert torch.equal(made, faults(y, seed=0, name="made")["noise_5"])
    assert not torch.equal(made, faults(y, seed=1, name="made")["noise_5"])
    assert not torch.equal(made, faults(y, seed=0, name="other")["noise_5"])


def test_one_number_has_nothing_to_exchange_and_images_keep_their_shape():
    assert set(KINDS) - set(faults(targets()[:, 1:2], seed=0, name="a")) == {
        "one_shifted",
        "exchanged",
    }
    image = targets().unflatten(1, (2, 2))
    assert {y.shape for y in faults(image, seed=0, name="a").values()} == {image.shape}


def circle(**options):
    """The unit circle, and a number that is always 1."""

    def simulate(x):
        return torch.cat([x.cos(), x.sin(), torch.ones_like(x)], -1)

    return invlab.Task("circle", simulate, invlab.Box([-3.0], [3.0]), **options)


def test_points_off_the_circle_are_off_and_those_between_simulations_are_not():
    task = circle()
    near = TrulyOff(task, task.targets(200, seed=0).y, simulations=60)
    angle = torch.linspace(-2.9, 2.9, 101)[:, None]
    on = task.simulate(angle)
    assert not near(on).any()
    assert near(on * torch.tensor([1.3, 1.3, 1.0])).all()
    assert near(on * torch.tensor([1.0, 1.0, 1.1])).all()
    # without gradients distance alone decides, to within the gaps of few simulations
    coarse = TrulyOff(circle(differentiable=False), on, simulations=60)
    gap = coarse.gaps(on)
    assert torch.equal(gap[:, 0], gap[:, 1])
    assert coarse.limits[0] > near.limits[1]
    # one in a hundred of its own targets is called off
    assert coarse(on * torch.tensor([1.005, 1.005, 1.0])).sum() <= 2
    assert coarse(on * torch.tensor([2.0, 2.0, 1.0])).all()


def test_what_a_normal_law_hardly_ever_gives_is_off():
    """It excludes nothing, so that a search without limits reaches all of it."""
    task = invlab.Task("line", lambda x: 2 * x, invlab.Normal([1.0], [3.0]))
    far = TrulyOff(task, task.targets(300, seed=0).y, simulations=500)
    assert far(torch.tensor([[2.0 + 6 * 10], [2.0 - 6 * 8]])).all()
    assert not far(torch.tensor([[2.0], [2.0 + 6], [2.0 - 6]])).any()
