"""The layered stack: against tmm, a closed form, and the wave equation solved step by step."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from invlab import check_task, runtime
from invlab.tasks import layered_stack
from invlab.tasks.layered_stack import LayeredStack, graphene_index, thin_films

GRAPHENE = ["constant", "dispersive"]

# Reflectance and transmittance at 240, 650 and 2000 nm from tmm 0.2.0 (MIT):
#   python -m venv /tmp/v && /tmp/v/bin/pip install tmm numpy && /tmp/v/bin/python - <<'END'
#   import numpy as np, tmm
#   def powers(x, wavelength, sheet):
#       index = [1.46, *[sheet, 2.0] * 5, 1.0]
#       thickness = [np.inf, *np.ravel([(0.35, t) for t in x]), np.inf]
#       found = tmm.coh_tmm("s", index, thickness, 0, wavelength)
#       return found["R"], found["T"]
#   for w in (240.0, 650.0, 2000.0):
#       print(powers([5.0] * 5, w, 3.306459758 + 3.152632723j),
#             powers([5.0] * 5, w, 3 + 5.446 / 3 * w / 1000 * 1j))
#   END
TMM = [
    (
        "constant",
        [5.0] * 5,
        [0.15518648372853, 0.043008215731054, 0.023122145442289],
        [0.51114015486923, 0.72134739849765, 0.87719243548647],
    ),
    (
        "constant",
        [31.4, 5.9, 26.5, 35.8, 9.7],
        [0.019535476665399, 0.15084009166035, 0.099039545929539],
        [0.54533320001943, 0.71242240944712, 0.81959882515148],
    ),
    (
        "dispersive",
        [50.0] * 5,
        [0.10242661460439, 0.20333287221783, 0.20164681745331],
        [0.84221148103612, 0.74676375857622, 0.74815006531439],
    ),
    (
        "dispersive",
        [31.4, 5.9, 26.5, 35.8, 9.7],
        [0.058260783348335, 0.16335523102711, 0.093447508251139],
        [0.86703595144629, 0.78812583438866, 0.82110140041527],
    ),
]


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def pairs(x, sheet):
    """Index and thickness of each film of the stack, from the glass on."""
    return [film for t in x for film in ((sheet, 0.35), (2.0, float(t)))]


def powers(films, wavelength, before=1.46, after=1.0):
    """R and T of films given as numbers, at one wavelength."""
    given = [(torch.as_tensor(np.array([index])), number(t)) for index, t in films]
    found = thin_films(given, number([wavelength]), before=before, after=after)
    return [part.item() for part in found]


def designs(n, graphene="constant"):
    return LayeredStack(graphene).prior.sample(n, generator=runtime.generator(0))


@pytest.mark.parametrize("graphene", GRAPHENE)
def test_the_task_keeps_its_contract(graphene):
    verdicts = check_task(LayeredStack(graphene))
    assert verdicts.passed, verdicts


@pytest.mark.parametrize(("graphene", "x", "reflected", "transmitted"), TMM)
def test_numbers_from_another_program(graphene, x, reflected, transmitted):
    for wavelength, r, t in zip((240.0, 650.0, 2000.0), reflected, transmitted, strict=True):
        sheet = graphene_index(number([wavelength]), graphene).item()
        assert powers(pairs(x, sheet), wavelength) == pytest.approx([r, t], rel=1e-11)
    y = LayeredStack(graphene).simulate(number(x))
    absorbed = [1 - r - t for r, t in zip(reflected, transmitted, strict=True)]
    # 240 nm and 2000 nm are the ends of the range
    assert y[[0, -1]].tolist() == pytest.approx(absorbed[::2], abs=1e-12)


@pytest.mark.parametrize("graphene", GRAPHENE)
def test_tmm_gives_the_same(graphene):
    tmm = pytest.importorskip("tmm")
    task = LayeredStack(graphene)
    x = designs(4)
    y = task.simulate(x)
    for i, row in enumerate(x.tolist()):
        for k in (0, 60, 128, 200, 255):
            films = pairs(row, task.simulator.sheet[k].item())
            index, thickness = [[1.46], [np.inf]]
            index += [film[0] for film in films] + [1.0]
            thickness += [film[1] for film in films] + [np.inf]
            found = tmm.coh_tmm("s", index, thickness, 0, task.wavelengths[k].item())
            assert y[i, k].item() == pytest.approx(1 - found["R"] - found["T"], abs=1e-13)


@pytest.mark.parametrize("index", [1.38 + 0j, 2.0 + 0j, 3.3 + 3.1j, 0.2 + 3.4j])
@pytest.mark.parametrize(("before", "after"), [(1.0, 1.5), (1.46, 1.0)])
def test_one_film_is_airy_s_sum_of_reflections(index, before, after):
    for wavelength, thickness in [(500.0, 0.3), (800.0, 95.0), (240.0, 130.0)]:
        turn = np.exp(2j * np.pi * index * thickness / wavelength)
        front, back = (before - index) / (before + index), (index - after) / (index + after)
        through = 2 * before / (before + index) * 2 * index / (index + after)
        r = (front + back * turn**2) / (1 + front * back * turn**2)
        t = through * turn / (1 + front * back * turn**2)
        wanted = [abs(r) ** 2, after / before * abs(t) ** 2]
        found = powers([(index, thickness)], wavelength, before, after)
        assert found == pytest.approx(wanted, rel=1e-12)


def test_films_that_every_optician_knows():
    # no film, a half wave of film: the bare face
    bare = [((1.5 - 1) / 2.5) ** 2, 1 - ((1.5 - 1) / 2.5) ** 2]
    assert powers([], 500.0, 1.0, 1.5) == pytest.approx(bare, rel=1e-14)
    assert powers([(2.0, 125.0)], 500.0, 1.0, 1.5) == pytest.approx(bare, rel=1e-12)
    # a quarter wave of index √(n₁n₂) takes the reflection away
    root = math.sqrt(1.5)
    assert powers([(root, 125.0 / root)], 500.0, 1.0, 1.5) == pytest.approx([0, 1], abs=1e-14)
    # quarter waves in turn: a mirror of index (n_high/n_low)^(2N) times that of the glass
    mirror = [(2.3, 125 / 2.3), (1.38, 125 / 1.38)] * 4
    effective = (2.3 / 1.38) ** 8 * 1.5
    reflected = ((1 - effective) / (1 + effective)) ** 2
    assert powers(mirror, 500.0, 1.0, 1.5)[0] == pytest.approx(reflected, rel=1e-12)


@pytest.mark.parametrize(
    ("graphene", "k"), [("constant", 0), ("constant", 140), ("dispersive", 70)]
)
def test_reflected_transmitted_and_absorbed_light_is_all_light(graphene, k):
    """The wave equation by Runge and Kutta; absorption from the field inside the sheets."""
    task, x = LayeredStack(graphene), designs(1)
    wavelength, sheet = task.wavelengths[k].item(), task.simulator.sheet[k].item()
    wavenumber = 2 * np.pi / wavelength
    # E, dE/dz/k and the absorbed power so far, from the air back to the glass
    state = np.array([1, 1j, 0], dtype=complex)
    for index, thickness in reversed(pairs(x[0].tolist(), sheet)):

        def slope(z, s, index=index):
            heat = (complex(index) ** 2).imag * abs(s[0]) ** 2
            return wavenumber * np.array([-s[1], index**2 * s[0], heat])

        state = solve_ivp(slope, (0, thickness), state, rtol=1e-11, atol=1e-13).y[:, -1]
    field, rise, heat = state
    incoming, reflected = (abs(1.46 * field + s * rise / 1j) ** 2 / 4 / 1.46**2 for s in (1, -1))
    shares = [reflected / incoming, 1 / 1.46 / incoming, heat.real / 1.46 / incoming]
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    found = [part[0, k].item() for part in task.simulator.powers(x)]
    assert [*found, task.simulate(x)[0, k].item()] == pytest.approx(shares, abs=1e-9)


def test_nothing_is_absorbed_where_nothing_absorbs():
    generator = runtime.generator(1)
    indices = 1 + 2 * torch.rand(9, 40, generator=generator, dtype=torch.float64)
    thicknesses = 200 * torch.rand(9, 6, generator=generator, dtype=torch.float64)
    films, wavelengths = list(zip(indices, thicknesses, strict=True)), torch.linspace(240, 2000, 40)
    reflected, transmitted = thin_films(films, wavelengths.double(), before=1.46, after=1.0)
    assert reflected.shape == (6, 40)
    assert (reflected + transmitted - 1).abs().max() < 1e-13


def test_light_passes_both_ways_alike_also_where_films_absorb():
    films = pairs([20.0, 41.0, 8.0], 3.0 + 1.2j)
    there, back = powers(films, 500.0), powers(films[::-1], 500.0, before=1.0, after=1.46)
    assert there[1] == pytest.approx(back[1], rel=1e-12)
    assert abs(there[0] - back[0]) > 1e-3


def test_what_one_sheet_absorbs():
    """πα for the physical index at each wavelength; the published one grows in the ultraviolet."""
    wavelengths = number([240.0, 550.0, 2000.0])
    absorbed = {}
    for graphene in GRAPHENE:
        film = (graphene_index(wavelengths, graphene), number(0.35))
        absorbed[graphene] = 1 - sum(thin_films([film], wavelengths, before=1, after=1))
    assert absorbed["dispersive"].tolist() == pytest.approx([math.pi / 137.036] * 3, rel=0.04)
    assert absorbed["constant"].tolist() == pytest.approx([0.16, 0.077, 0.0225], rel=0.05)


@pytest.mark.parametrize("graphene", GRAPHENE)
def test_gradients_against_finite_differences(graphene):
    stack = LayeredStack(graphene).simulator
    x = designs(2).requires_grad_()

    def some(x):
        return stack(x)[:, ::51]

    assert torch.autograd.gradcheck(some, x, eps=1e-4, atol=1e-9, check_forward_ad=True)


def test_a_gradient_through_many_rows(monkeypatch):
    task, x = LayeredStack(), designs(50).requires_grad_()
    (whole,) = torch.autograd.grad(task.simulate(x).square().sum(), x)
    monkeypatch.setattr(layered_stack, "CHUNK", 8)
    y = task.simulate(x)
    (parts,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    assert torch.allclose(parts, whole, rtol=1e-12)
    (second,) = torch.autograd.grad(parts[:, 2].sum(), x)
    with torch.no_grad():
        step = 1e-3 * torch.eye(5, dtype=torch.float64)[2]
    ahead, behind = (
        torch.autograd.grad(task.simulate(moved).square().sum(), moved)[0]
        for moved in (x + step, x - step)
    )
    assert torch.allclose(second, (ahead - behind) / 2e-3, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("graphene", "mean", "variance", "low", "high"),
    [("constant", 0.150, 5.7e-4, 0.045, 0.48), ("dispersive", 0.063, 9.1e-5, 0.028, 0.105)],
)
def test_the_law_of_y(graphene, mean, variance, low, high):
    y = LayeredStack(graphene).sample(2000).y
    assert y.mean().item() == pytest.approx(mean, rel=0.01)
    assert y.var(0).mean().item() == pytest.approx(variance, rel=0.05)
    assert low < y.min() < y.max() < high


def test_names_wavelengths_and_precision(device):
    task = LayeredStack()
    assert task.units == ["nm"] * 5
    assert task.box.high.tolist() == [50.0] * 5
    chebyshev = np.polynomial.chebyshev.chebpts2(256)
    assert np.allclose(task.wavelengths, 1120 + 880 * chebyshev, rtol=1e-13)
    x = designs(20).to(device)
    y = task.simulate(x)
    assert y.device == x.device
    assert (task.simulate(x.float()) - y).abs().max() < 1e-6
    assert task.simulate(x.reshape(4, 5, 5)).shape == (4, 5, 256)


def test_a_thickness_below_zero_is_flagged():
    task, x = LayeredStack(), designs(3)
    x[0, 2] = -1e-3
    x[1, 4] = 0
    assert task.valid(task.simulate(x)).tolist() == [False, True, True]


def test_other_words_are_refused():
    with pytest.raises(
        ValueError, match="^layered_stack: expected 'constant' or 'dispersive', got"
    ):
        LayeredStack("drude")
