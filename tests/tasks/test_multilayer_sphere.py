"""The multilayer sphere: against Mie's formulas written anew, and against other programs."""

import math

import numpy as np
import pytest
import torch
from scipy.special import spherical_jn, spherical_yn

from invlab import runtime
from invlab.tasks import multilayer_sphere
from invlab.tasks.multilayer_sphere import (
    MultilayerSphere,
    SphereScattering,
    riccati_bessel,
    titania_index,
)

# Efficiencies from scattnlay 2.4 (GPL), which sums logarithmic derivatives and ratios:
#   python -m venv /tmp/v && /tmp/v/bin/pip install scattnlay numpy && /tmp/v/bin/python - <<'END'
#   import numpy as np, scattnlay
#   def efficiency(thickness, wavelength):
#       titania = np.sqrt(5.913 + 0.2441 / ((wavelength / 1000) ** 2 - 0.0803))
#       index = np.array([[np.sqrt(2.04), titania] * 4]) / np.sqrt(1.77)
#       size = 2 * np.pi * np.sqrt(1.77) / wavelength * np.cumsum(thickness)[None]
#       return scattnlay.scattnlay(size, index + 0j)[2][0]
#   print([efficiency([70.0] * 8, w) for w in (400.0, 470.0, 540.0, 610.0, 700.0, 800.0)])
#   END
SCATTNLAY = [
    (
        [70.0] * 8,
        [2.3635292183, 2.54872014378, 2.4364088814, 3.03710607739, 2.5919449964, 2.73928577185],
    ),
    (
        [30.0] * 8,
        [2.64101893114, 3.69959266738, 4.27001618303, 4.26801110072, 3.44178714255, 3.06824786134],
    ),
    (
        [30.0, 70.0] * 4,
        [2.62593233217, 2.91092789595, 2.85112336601, 2.75196841391, 2.28496507504, 3.1370990691],
    ),
    (
        [61.2, 33.1, 47.9, 68.4, 30.5, 55.5, 42.0, 39.7],
        [2.58833062491, 3.12551234714, 2.89605049803, 2.76650013189, 3.3131945151, 4.13994371307],
    ),
]
AT = [0, 35, 70, 105, 150, 200]  # 400, 470, 540, 610, 700 and 800 nm


@pytest.fixture(scope="module")
def task():
    return MultilayerSphere()


def designs(n, seed=0):
    return MultilayerSphere().prior.sample(n, generator=runtime.generator(seed))


def scattering(indices, host, wavelengths, **options):
    """A simulator whose indices do not depend on the wavelength."""
    wavelengths = torch.as_tensor(wavelengths, dtype=torch.float64)
    media = [torch.full_like(wavelengths, index) for index in (*indices, host)]
    options = {"radius": 600.0, **options}
    return SphereScattering(wavelengths, torch.stack(media[:-1]), media[-1], **options)


def waves(n, z):
    """ψ, ψ′ and ξ, ξ′ (outgoing, complex) from SciPy's spherical Bessel functions."""
    j, dj = spherical_jn(n, z), spherical_jn(n, z, derivative=True)
    h, dh = j + 1j * spherical_yn(n, z), dj + 1j * spherical_yn(n, z, derivative=True)
    return z * j, j + z * dj, z * h, h + z * dh


def homogeneous(size, m, orders=40):
    """a and b of a homogeneous sphere: Bohren and Huffman (1983), equation 4.53."""
    n = np.arange(1, orders + 1)
    psi, dpsi, xi, dxi = waves(n, size)
    inner, dinner = waves(n, m * size)[:2]
    a = (m * inner * dpsi - psi * dinner) / (m * inner * dxi - xi * dinner)
    b = (inner * dpsi - m * psi * dinner) / (inner * dxi - m * xi * dinner)
    return a, b


def coated(inner_size, size, core, shell, orders):
    """a and b of a core in a shell: all boundary conditions in one linear system an order."""
    found = []
    for n in range(1, orders + 1):
        psi0, dpsi0 = waves(n, core * inner_size)[:2]
        psi1, dpsi1, xi1, dxi1 = waves(n, shell * inner_size)
        psi2, dpsi2, xi2, dxi2 = waves(n, shell * size)
        psi, dpsi, xi, dxi = waves(n, size)
        pair = []
        for p, q in ((1 / core, 1 / shell), (core, shell)):  # electric, magnetic
            # unknown: the wave in the core, two waves in the shell, the scattered wave
            matrix = np.array(
                [
                    [psi0, -psi1, -xi1, 0],
                    [p * dpsi0, -q * dpsi1, -q * dxi1, 0],
                    [0, psi2, xi2, xi],
                    [0, q * dpsi2, q * dxi2, dxi],
                ]
            )
            pair.append(np.linalg.solve(matrix, np.array([0, 0, psi, dpsi]))[3])
        found.append(pair)
    return np.array(found).T


def efficiencies(size, a, b):
    """Q_ext and Q_sca of coefficients whose last axis but one counts the orders."""
    weights = 2 * np.arange(1, a.shape[0] + 1) + 1
    extinction = 2 / size**2 * np.tensordot(weights, (a + b).real, 1)
    return extinction, 2 / size**2 * np.tensordot(weights, abs(a) ** 2 + abs(b) ** 2, 1)


@pytest.mark.parametrize("z", [0.02, 0.7, 3.0, math.pi, 9.5, 26.0])
def test_riccati_bessel_functions(z):
    n = np.arange(1, 25)
    psi, dpsi, xi, dxi = waves(n, z)
    ours = [t[:, 0].numpy() for t in riccati_bessel(torch.tensor([z], dtype=torch.float64), 24)]
    for mine, other in zip(ours, (psi, dpsi, -xi.imag, -dxi.imag), strict=True):
        scale = np.where(n < z, np.maximum(abs(other), 1e-2), abs(other))
        assert (abs(mine - other) / scale).max() < 1e-12
    wronskian = ours[0] * ours[3] - ours[1] * ours[2]
    assert abs(wronskian + 1).max() < 1e-14


@pytest.mark.parametrize("shells", [1, 3, 8])
@pytest.mark.parametrize("index", [1.1, 1.5, 2.6])
def test_shells_of_one_material_are_a_homogeneous_sphere(shells, index):
    host, wavelengths, radius = 1.33, [400.0, 555.5, 800.0], 320.0
    share = torch.rand(shells, generator=runtime.generator(shells), dtype=torch.float64) + 0.2
    y = scattering([index] * shells, host, wavelengths)(radius * share / share.sum())
    for value, wavelength in zip(y.tolist(), wavelengths, strict=True):
        size = 2 * math.pi * host * radius / wavelength
        extinction, scattered = efficiencies(size, *homogeneous(size, index / host))
        assert extinction == pytest.approx(scattered, rel=1e-12)
        assert value == pytest.approx(scattered, rel=1e-11)


@pytest.mark.parametrize(("core", "shell"), [(1.5, 2.5), (2.5, 1.5), (1.0, 3.0)])
def test_a_core_in_a_shell(core, shell):
    thickness = torch.tensor([130.0, 85.0], dtype=torch.float64)
    wavelengths = [420.0, 600.0, 790.0]
    sphere = scattering([core, shell], 1.2, wavelengths)
    found, y = sphere.multipoles(thickness).numpy(), sphere(thickness).tolist()
    for i, wavelength in enumerate(wavelengths):
        k = 2 * math.pi * 1.2 / wavelength
        wanted = coated(130 * k, 215 * k, core / 1.2, shell / 1.2, orders=12)
        assert abs(wanted[:, -1]).max() < 1e-8
        assert abs(found[:, :12, i] - wanted).max() < 1e-11
        assert y[i] == pytest.approx(efficiencies(215 * k, *wanted)[1], rel=1e-10)


@pytest.mark.parametrize(("thickness", "wanted"), SCATTNLAY)
def test_another_program_gives_the_same(task, thickness, wanted):
    y = task.simulate(torch.tensor(thickness, dtype=torch.float64))
    assert y[AT].tolist() == pytest.approx(wanted, abs=1e-8)


def test_a_narrow_resonance_against_forty_digits(task):
    """At 488 nm this sphere resonates; scattnlay 2.4, in double precision, is off by 5e-7 there."""
    mp = pytest.importorskip("mpmath")
    with mp.workdps(40):

        def standing(n, z):
            jz, yz = (
                [mp.sqrt(mp.pi * z / 2) * f(m + mp.mpf(1) / 2, z) for m in (n - 1, n)]
                for f in (mp.besselj, mp.bessely)
            )
            return [part for low, f in (jz, yz) for part in (f, low - n / z * f)]

        squared = mp.mpf("0.488") ** 2
        titania = mp.sqrt(mp.mpf("5.913") + mp.mpf("0.2441") / (squared - mp.mpf("0.0803")))
        media = [mp.sqrt(mp.mpf("2.04")), titania] * 4 + [mp.sqrt(mp.mpf("1.77"))]
        total = 0
        for n in range(1, 19):
            for power in (1, -1):
                p, q = mp.mpf(1), mp.mpf(0)
                for i in range(8):
                    k = 2 * mp.pi / 488 * 50 * (i + 1)
                    j, dj, y, dy = standing(n, k * media[i])
                    field, slope = p * j + q * y, p * dj + q * dy
                    slope *= (media[i + 1] / media[i]) ** power
                    j, dj, y, dy = standing(n, k * media[i + 1])
                    p, q = field * dy - slope * y, slope * j - field * dj
                total += (2 * n + 1) * q**2 / (p**2 + q**2)
        wanted = float(2 * total / (2 * mp.pi / 488 * media[-1] * 400) ** 2)
    assert task.simulate(torch.full((8,), 50.0).double())[44].item() == pytest.approx(
        wanted, abs=1e-12
    )


def test_a_small_sphere_is_a_dipole():
    """Rayleigh's law, with the static polarisability of a coated sphere."""
    core, shell, host, wavelength = 1.4, 2.5, 1.33, 700.0
    e0, e1, e2 = ((m / host) ** 2 for m in (core, shell, host))
    share = (2 / 3) ** 3  # volume of the core in the sphere
    top = (e1 - e2) * (e0 + 2 * e1) + share * (e0 - e1) * (e2 + 2 * e1)
    bottom = (e1 + 2 * e2) * (e0 + 2 * e1) + share * 2 * (e1 - e2) * (e0 - e1)
    gaps = []
    for radius in (1.6, 0.8, 0.4):
        thickness = torch.tensor([2 / 3, 1 / 3], dtype=torch.float64) * radius
        y = scattering([core, shell], host, [wavelength])(thickness).item()
        size = 2 * math.pi * host * radius / wavelength
        gaps.append(y / (8 / 3 * size**4 * (top / bottom) ** 2) - 1)
    assert abs(gaps[0]) < 1e-5
    # what is left falls with the square of the size
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.02)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.02)


def test_the_optical_theorem(task):
    """What is scattered into all directions is what the forward amplitude says is missing."""
    x = designs(3)
    y, points = task.simulate(x), [0, 77, 200]
    a, b = task.simulator.multipoles(x).numpy()[..., points].transpose(1, 2, 0, 3)
    k = 2 * np.pi * math.sqrt(1.77) / task.wavelengths[points].numpy()
    size = k * x.sum(-1, keepdim=True).numpy()
    n = np.arange(1, len(a) + 1)
    cosine, weights = np.polynomial.legendre.leggauss(60)
    pi, tau = np.zeros((2, len(n) + 1, 60))
    pi[1] = 1
    for m in range(2, len(n) + 1):
        pi[m] = ((2 * m - 1) * cosine * pi[m - 1] - m * pi[m - 2]) / (m - 1)
    tau[1:] = n[:, None] * cosine * pi[1:] - (n[:, None] + 1) * pi[:-1]
    share = ((2 * n + 1) / (n * (n + 1)))[:, None] * np.stack([pi, tau])[:, 1:]
    across = np.einsum("nt,nbw->tbw", share[0], a) + np.einsum("nt,nbw->tbw", share[1], b)
    along = np.einsum("nt,nbw->tbw", share[1], a) + np.einsum("nt,nbw->tbw", share[0], b)
    everywhere = np.tensordot(weights, abs(across) ** 2 + abs(along) ** 2, 1) / size**2
    assert abs(everywhere - y[:, points].numpy()).max() < 1e-12
    forward = efficiencies(size, a, b)[0]
    assert abs(everywhere - forward).max() < 1e-12


def test_a_shell_without_thickness_is_not_there():
    wavelengths = [450.0, 650.0]
    three = scattering([1.4, 2.5, 1.6], 1.33, wavelengths)
    two = scattering([1.4, 1.6], 1.33, wavelengths)
    x = torch.tensor([80.0, 0.0, 55.0], dtype=torch.float64)
    assert torch.allclose(three(x), two(x[[0, 2]]), rtol=1e-12)


@pytest.mark.slow
def test_all_designs_have_enough_multipoles(task):
    x = torch.cat(
        [
            designs(150),
            70 - 2 * torch.rand(30, 8, dtype=torch.float64),
            torch.full((1, 8), 70.0).double(),
        ]
    )
    exact = MultilayerSphere(orders=32).simulate(x)
    error = {n: (MultilayerSphere(orders=n).simulate(x) - exact).abs() for n in (12, 15, 18)}
    assert error[12].max() > 0.1 > error[15].max() > 1e-4 > error[18].max()
    assert error[15][:150].square().mean().sqrt() < 1e-5  # the published data
    assert (task.simulate(x) - exact).abs().max() < 1e-11


@pytest.mark.parametrize("chunk", [1, multilayer_sphere.CHUNK])
def test_gradients_against_finite_differences(monkeypatch, chunk):
    monkeypatch.setattr(multilayer_sphere, "CHUNK", chunk)
    sphere = scattering([1.43, 2.6, 1.43, 2.6], 1.33, [410.0, 640.0])
    x = torch.tensor([[42.0, 61.0, 35.5, 50.0], [66.0, 31.0, 58.0, 44.0]], dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(sphere, x, eps=1e-4, atol=1e-8, check_forward_ad=True)


def test_each_derivative_of_the_whole_task(task):
    x = designs(2, seed=4)
    y, slopes = task.simulator.solve(x, slopes=True)
    assert slopes.shape == (2, 8, 201)
    for j, unit in enumerate(torch.eye(8, dtype=torch.float64)):
        near, far = (
            (task.simulate(x + h * unit) - task.simulate(x - h * unit)) / (2 * h)
            for h in (1e-3, 2e-3)
        )
        assert (slopes[:, j] - (4 * near - far) / 3).abs().max() < 1e-7
        forward = torch.func.jvp(task.simulator, (x,), (unit.expand_as(x),))
        assert torch.equal(forward[0], y)
        assert torch.allclose(forward[1], slopes[:, j], rtol=1e-12, atol=1e-14)


def test_the_slope_on_a_narrow_resonance(task):
    """0.01 nm of thickness wide: a difference quotient comes to the slope with its step squared."""
    x = task.prior.sample(5, generator=runtime.generator(0, task.name, "contract"))[3]
    slope = task.simulator.solve(x[None], slopes=True)[1][0, 7, 8]
    unit = torch.eye(8, dtype=torch.float64)[7]
    gaps = []
    for step in (4e-4, 2e-4, 1e-4):
        ahead, behind = (task.simulate(x + h * unit)[8] for h in (step, -step))
        gaps.append(((ahead - behind) / (2 * step) / slope - 1).item())
    assert gaps[0] > 3e-4
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.01)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.01)


def test_a_gradient_may_be_followed_once(task):
    x = designs(1).requires_grad_()
    y = task.simulate(x)
    seed = torch.ones_like(y).requires_grad_()
    (slope,) = torch.autograd.grad(y, x, seed, create_graph=True)
    # linear in the seed: that is how Levenberg–Marquardt gets a Jacobian
    (column,) = torch.autograd.grad(slope[0, 3], seed, retain_graph=True)
    assert torch.equal(column, task.simulator.solve(x.detach(), slopes=True)[1][:, 3])
    with pytest.raises(NotImplementedError, match="^SphereScattering: second derivatives"):
        torch.autograd.grad(slope.sum(), x)


def test_many_rows_are_as_each_alone(task, device):
    x = designs(30).to(device)
    y = task.simulate(x)
    assert y.device == x.device
    assert torch.allclose(
        y[[0, 13, 29]], torch.cat([task.simulate(x[i : i + 1]) for i in (0, 13, 29)])
    )
    assert (task.simulate(x.float()) - y).abs().max() < 1e-3
    assert task.simulator.multipoles(x[:4].reshape(2, 2, 8)).shape == (
        *(2, 2, 2), task.simulator.orders, 201,
    )  # fmt: skip


def test_the_law_of_y(task):
    y = task.sample(300).y
    assert y.mean().item() == pytest.approx(3.1, abs=0.05)
    assert y.var(0).mean().item() == pytest.approx(0.144, abs=0.015)
    assert y.min() > 1.3
    assert y.max() < 5.5


def test_names_and_materials(task):
    assert task.labels[:2] == ["silica 1", "titania 2"]
    assert task.units == ["nm"] * 8
    assert task.box.low.tolist() == [30.0] * 8
    assert task.wavelengths[[0, 1, -1]].tolist() == [400, 402, 800]
    # rutile in the light of sodium, CRC Handbook: 2.61 (ordinary ray)
    assert titania_index(torch.tensor(589.3)).item() == pytest.approx(2.613, abs=5e-3)


def test_what_is_no_sphere_is_flagged(task):
    x = designs(5)
    x[0, 3] = -0.1
    x[1, 0] = 0
    x[2] = 76
    x[3, 0] = -30
    y = task.simulate(x.requires_grad_())
    assert task.valid(y).tolist() == [False] * 4 + [True]
    (slope,) = torch.autograd.grad(y[4].sum(), x)
    assert torch.isfinite(slope[4]).all()


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match=r"^SphereScattering: indices: expected shape \(K, 2\)"):
        SphereScattering(torch.tensor([400.0, 500.0]), torch.ones(1, 3), torch.ones(2), radius=99.0)
    with pytest.raises(ValueError, match="^SphereScattering: expected wavelengths, .* 0.0 and 600"):
        scattering([0.0], 1.0, [500.0])
    with pytest.raises(ValueError, match="^SphereScattering: expected .* and -1.0 at least"):
        scattering([1.5], 1.0, [500.0], radius=-1.0)
    with pytest.raises(ValueError, match="^orders: expected at least 1"):
        MultilayerSphere(orders=0)
    with pytest.raises(TypeError, match="^orders: expected an int"):
        MultilayerSphere(orders=1.5)
    with pytest.raises(ValueError, match="^riccati_bessel: orders"):
        riccati_bessel(torch.ones(1), 0)
