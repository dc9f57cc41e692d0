"""Spectra from a few frequencies against each frequency solved."""

import math

import pytest
import torch

from invlab.simulators.maxwell import FourierModal, Reflectance, spectrum

F64 = torch.float64


def rows(n, seed=0):
    """Heights and radii from the box of the task."""
    unit = torch.rand(n, 8, generator=torch.Generator().manual_seed(seed), dtype=F64)
    return torch.cat([30 + 25 * unit[:, :4], 42 + 10 * unit[:, 4:]], -1)


def solved(modal, x, frequencies):
    """The reflectance at each frequency, straight from the solver."""
    return modal(x[..., :4], x[..., 4:], frequencies).r.abs().square()


@pytest.mark.parametrize(("low", "high"), [(0.8, 1.5), (0.8, 1.2), (1.45, 1.7)])
def test_a_few_frequencies_give_all(low, high):
    modal, x = FourierModal(3), rows(5)
    reflectance = Reflectance(modal, low=low, high=high)
    assert len(reflectance.nodes) == 36
    frequencies = torch.linspace(low, high, 300, dtype=F64)
    error = (reflectance(x) - solved(modal, x, frequencies)).square().mean(-1)
    assert error.max() < 1e-7


def test_the_branch_point_is_why_frequency_is_unfolded(monkeypatch):
    modal, x = FourierModal(3), rows(5)
    frequencies = torch.linspace(0.8, 1.5, 300, dtype=F64)
    wanted = solved(modal, x, frequencies)
    reflectance = Reflectance(modal, nodes=40)
    error = (reflectance(x) - wanted).square().mean()
    monkeypatch.setattr(spectrum, "unfolded", lambda f, cutoff: f + 0j)
    assert (reflectance(x) - wanted).square().mean() > 1e3 * error


def test_unfolded_frequency_is_its_formula_on_both_sides():
    frequencies = torch.linspace(0.3, 3.0, 50, dtype=F64)
    w = spectrum.unfolded(frequencies, 1.4)
    ratio = frequencies / 1.4 + 0j
    assert torch.allclose(w, ratio + (ratio.square() - 1).sqrt(), rtol=0, atol=1e-14)


def test_as_many_nodes_as_points_solve_each():
    modal, x = FourierModal(3), rows(2)
    reflectance = Reflectance(modal, points=20, nodes=20)
    assert torch.equal(reflectance.nodes, reflectance.frequencies)
    wanted = solved(modal, x, torch.linspace(0.8, 1.5, 20, dtype=F64))
    assert torch.allclose(reflectance(x), wanted, rtol=0, atol=1e-12)


def test_a_gradient_is_that_of_each_frequency_solved():
    modal, x = FourierModal(2), rows(2, seed=1)
    reflectance = Reflectance(modal, points=40)
    weights = torch.rand(40, dtype=F64)
    leaf = x.clone().requires_grad_()
    y = reflectance(leaf)
    assert torch.allclose(y.detach(), reflectance(x), rtol=0, atol=1e-4)
    (slope,) = torch.autograd.grad((y * weights).sum(), leaf)
    frequencies = torch.linspace(0.8, 1.5, 40, dtype=F64)
    for k in range(8):
        step = torch.zeros(8, dtype=F64)
        step[k] = 1e-4
        ends = (solved(modal, x + way * step, frequencies) @ weights for way in (1, -1))
        difference = (next(ends) - next(ends)) / 2e-4
        assert torch.allclose(slope[:, k], difference, rtol=1e-4, atol=1e-6)


def test_no_gradient_is_computed_where_none_is_asked_for():
    reflectance = Reflectance(FourierModal(2), points=40)
    x = rows(1).requires_grad_()
    with torch.no_grad():
        quick = reflectance(x)
    assert not quick.requires_grad
    assert torch.equal(quick, reflectance(x.detach()))


def test_leading_axes_and_dtype_are_those_of_x(monkeypatch):
    reflectance = Reflectance(FourierModal(2), points=50)
    x = rows(6)
    flat = reflectance(x)
    assert flat.shape == (6, 50)
    assert flat.dtype == F64
    assert torch.equal(reflectance(x.reshape(2, 3, 8)), flat.reshape(2, 3, 50))
    assert torch.allclose(reflectance(x[0]), flat[0], rtol=0, atol=1e-8)
    assert reflectance(x[0]).shape == (50,)
    single = reflectance(x.float())
    assert single.dtype == torch.float32
    assert (single - flat).abs().max() < 1e-4
    # small batches one after another are the batch
    monkeypatch.setattr(spectrum, "CACHE", 1)
    assert torch.allclose(reflectance(x), flat, rtol=0, atol=1e-8)


@pytest.mark.parametrize("wrong", [2.0, math.nan])
def test_an_impossible_row_is_solved_instead(monkeypatch, wrong):
    modal, x = FourierModal(2), rows(3)
    reflectance = Reflectance(modal, points=50)
    good = reflectance(x)
    interpolate = spectrum.interpolate

    def failing(*arguments):
        dense = interpolate(*arguments)
        dense[1, 7] = wrong
        return dense

    monkeypatch.setattr(spectrum, "interpolate", failing)
    found = reflectance(x)
    assert torch.equal(found[[0, 2]], good[[0, 2]])
    wanted = solved(modal, x[1], torch.linspace(0.8, 1.5, 50, dtype=F64))
    assert torch.allclose(found[1], wanted, rtol=0, atol=1e-12)


def test_no_frequency_is_at_the_cutoff():
    modal = FourierModal(2)
    low, high = 0.9 * modal.cutoff, 1.1 * modal.cutoff
    # 21 points: the middle one is the cutoff; a node at each end of the other bands
    bands = [
        Reflectance(modal, low=low, high=high, points=21, nodes=21),
        Reflectance(modal, low=modal.cutoff, high=high, points=40, nodes=20),
        Reflectance(modal, low=low, high=modal.cutoff, points=40, nodes=20),
    ]
    for reflectance in bands:
        frequencies = torch.cat([reflectance.nodes, reflectance.frequencies])
        away = (frequencies - modal.cutoff).abs()
        assert 1e-10 < away.min() < 1e-8
        assert torch.isfinite(reflectance(rows(2))).all()


@pytest.mark.parametrize(("low", "high"), [(1.5, 0.8), (1.0, 1.0), (0.0, 1.0), (-1.0, 1.0)])
def test_an_empty_band_is_refused(low, high):
    with pytest.raises(ValueError, match=f"expected 0 < low < high, got {low} and {high} THz"):
        Reflectance(FourierModal(1), low=low, high=high)


@pytest.mark.parametrize("what", ["points", "nodes"])
def test_no_points_and_no_nodes_are_refused(what):
    with pytest.raises(ValueError, match=f"{what}: expected at least 1, got 0"):
        Reflectance(FourierModal(1), **{what: 0})
