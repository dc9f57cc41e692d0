"""Each simulator of the study keeps the contract, and agrees with something independent."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from invbook.papers.advice.simulators import (
    NINE_KINDS,
    antenna,
    beam,
    dipole,
    epidemic,
    fringes,
    gene_expression,
    get_case,
    heat_source,
    kinked_waves,
    lens,
    list_cases,
    pendulum,
    pharmacokinetics,
    predators,
    program,
    queue,
    reaction_front,
    reactor,
    ricker,
    spin_model,
    staircase,
    thin_film,
    transit,
    travel_times,
)
from invbook.papers.advice.simulators.numerics import trajectory
from invlab import check_task
from invlab.simulators import FailedRows

SHAPES = {
    "sine": (1,),
    "robot_arm": (2,),
    "ballistics": (1,),
    "epidemic": (20,),
    "pharmacokinetics": (12,),
    "thin_film": (60,),
    "heat_source": (16, 16),
    "spin_model": (3,),
    "program": (3,),
    "ricker": (6,),
    "two_moons": (2,),
    "slcp": (8,),
    "kinked_waves": (16,),
    "reactor": (36,),
    "pendulum": (30,),
    "dipole": (25,),
    "lens": (4,),
    "queue": (4,),
    "staircase": (4,),
    "transit": (40,),
    "gene_expression": (8,),
    "travel_times": (20,),
    "reaction_front": (25,),
    "antenna": (24,),
    "beam": (9,),
    "predators": (20,),
    "fringes": (6, 6),
}


def made(name):
    # fewer steps of the dear one
    return get_case(name).make(**({"steps": 1500} if name == "reaction_front" else {}))


def rows(values, *like):
    """Rows of float64 numbers; more than one if more are given."""
    return torch.tensor([values, *like], dtype=torch.float64)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::invlab.simulators.FailedRows")
@pytest.mark.parametrize("name", list_cases())
def test_the_contract_is_kept(name):
    task = made(name)
    verdicts = check_task(task)
    assert verdicts.passed, verdicts
    assert task.y_shape == SHAPES[name]
    assert task.name == name
    assert get_case(name).make(name="another").name == "another"
    data = task.sample(10 if name == "reaction_front" else 400)
    share = float(task.valid(data.y).double().mean())
    assert share == pytest.approx(0.8, abs=0.06) if name == "program" else share == 1
    assert ("noise" in get_case(name).traits) == task.noisy


def test_at_least_twelve_simulators_are_untouched_and_of_varied_kinds():
    untouched = [get_case(name) for name in list_cases(tuned=False)]
    assert len(untouched) >= 12
    assert set(list_cases()) == {*list_cases(tuned=True), *list_cases(tuned=False)}
    traits = [trait for case in untouched for trait in case.traits]
    for trait in ("noise", "kinks", "jumps", "many unknowns", "dear", "several answers"):
        assert trait in traits
    assert set(NINE_KINDS) <= set(list_cases(tuned=True))
    with pytest.raises(ValueError, match="expected one of .*'beam'.* got 'baem'"):
        get_case("baem")


def test_runge_kutta_steps_converge_with_order_four():
    def error(each):
        turn = trajectory(
            lambda s: torch.stack([s[..., 1], -s[..., 0]], -1),
            rows([1.0, 0.0]),
            step=1 / each,
            points=4,
            each=each,
        )
        exact = torch.arange(4, dtype=torch.float64).cos()
        return float((turn[0, :, 0] - exact).abs().max())

    assert error(8) == pytest.approx(error(4) / 16, rel=0.2)


def test_an_epidemic_is_kermack_and_mckendricks_in_slow_motion():
    slow = [0.06, 0.02]
    exact = solve_ivp(
        lambda t, s: [-slow[0] * s[0] * s[1] / 1000, slow[0] * s[0] * s[1] / 1000 - slow[1] * s[1]],
        (0, 38),
        [995, 5],
        t_eval=np.arange(0, 40, 2),
        rtol=1e-8,
    )
    found = epidemic.simulate(rows(slow))[0].numpy()
    np.testing.assert_allclose(found, exact.y[1], rtol=0.03)
    # nobody falls ill: the ill heal exponentially
    healing = epidemic.simulate(rows([0.0, 0.1]))[0]
    assert torch.allclose(healing, 5 * (-0.2 * torch.arange(20)).exp().double())


def test_two_compartments_are_a_linear_system():
    clearance, central, exchange, peripheral = 8.0, 12.0, 5.0, 40.0
    system = np.array(
        [
            [-(clearance + exchange) / central, exchange / peripheral],
            [exchange / central, -exchange / peripheral],
        ]
    )
    times = np.linspace(0.5, 24, 12)
    amounts = [(expm(system * t) @ [100, 0])[0] for t in times]
    found = pharmacokinetics.simulate(rows([clearance, central, exchange, peripheral]))[0]
    np.testing.assert_allclose(found.numpy(), np.log(np.array(amounts) / central), rtol=1e-9)


def test_a_film_reflects_as_its_characteristic_matrix_says():
    outer, inner, n1, n2 = 120.0, 310.0, 1.45, 2.2
    found = thin_film.simulate(rows([outer, inner, n1, n2]))[0].numpy()
    expected = []
    for wavelength in np.linspace(400, 1000, 60):
        matrix = np.eye(2, dtype=complex)
        for index, thickness in ((n1, outer), (n2, inner)):
            phase = 2 * np.pi * index * thickness / wavelength
            matrix = matrix @ [
                [np.cos(phase), 1j * np.sin(phase) / index],
                [1j * index * np.sin(phase), np.cos(phase)],
            ]
        b, c = matrix @ [1, 1.52]
        expected.append(abs((b - c) / (b + c)) ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_heat_spreads_as_the_heat_equation_says():
    at = [0.5, 0.4, 1.2]
    step = 1e-4
    before, now, after = heat_source.simulate(
        rows([*at, 0.5 - step], [*at, 0.5], [*at, 0.5 + step])
    )
    # the spot is narrow, so that all of its heat lies in the image
    assert float(now.sum()) / 15**2 == pytest.approx(1.2, rel=1e-3)
    x = rows([*at, 0.5]).requires_grad_()
    y = heat_source.simulate(x)[0, 7, 5]
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    # moving the source is moving the point, with the other sign; twice, the sign is gone
    second = sum(torch.autograd.grad(first[0, k], x, retain_graph=True)[0][0, k] for k in (0, 1))
    rate = (after - before)[7, 5] / (2 * step)
    assert float(rate) == pytest.approx(heat_source.DIFFUSIVITY * float(second), rel=1e-4)


def test_spins_without_coupling_follow_the_field_and_with_little_their_neighbours():
    free = spin_model.simulate(rows([0.0, 0.4]).expand(300, -1)).mean(0)
    assert float(free[0]) == pytest.approx(math.tanh(0.4), abs=0.02)
    assert float(free[1]) == pytest.approx(math.tanh(0.4) ** 2, abs=0.02)
    coupling = 0.15
    found = spin_model.simulate(rows([coupling, 0.0]).expand(1000, -1)).mean(0)
    # series for high temperatures: v + 2 v³ along edges, 2 v² + 4 v⁴ along diagonals
    v = math.tanh(coupling)
    assert float(found[1]) == pytest.approx(v + 2 * v**3, abs=0.01)
    assert float(found[2]) == pytest.approx(2 * v**2 + 4 * v**4, abs=0.015)


def test_the_program_agrees_with_a_column_in_pieces_and_gives_up_on_buckling():
    load, stiffness, cells = 0.5, 0.9, 400
    k = math.pi * math.sqrt(load / stiffness)
    # v'' + k² v = −1 with v = 0 at both ends: the moment is −v'' over that without a load
    size = 1 / cells
    matrix = np.diag(np.full(cells - 1, k**2 - 2 / size**2))
    matrix += np.diag(np.full(cells - 2, 1 / size**2), 1)
    matrix += np.diag(np.full(cells - 2, 1 / size**2), -1)
    bent = np.linalg.solve(matrix, -np.ones(cells - 1))
    moment = 1 + k**2 * bent[cells // 2 - 1]
    slope = bent[0] / size / 0.5
    found = np.exp(program.solve(np.array([load, stiffness])))
    assert found[2] / stiffness == pytest.approx(moment, rel=1e-3)
    assert found[1] / stiffness == pytest.approx(slope, rel=1e-2)
    assert found[0] == pytest.approx(1 / (1 - load / stiffness))
    np.testing.assert_allclose(program.solve(np.array([0.0, 1.0])), 0, atol=1e-12)
    with pytest.raises(ArithmeticError, match="no equilibrium"):
        program.solve(np.array([0.9, 0.8]))
    with pytest.warns(FailedRows, match="1 of 2 rows failed"):
        y = get_case("program").make().simulate(rows([0.9, 0.8], [0.1, 0.8]))
    assert torch.isfinite(y).all(-1).tolist() == [False, True]


def test_a_calm_stock_stays_at_its_fixed_point():
    # without noise and with slow growth the stock is log r, and catches are Poisson around it
    found = ricker.simulate(rows([1.5, 0.0, 200.0]).expand(200, -1)).mean(0)
    assert float(found[0]) == pytest.approx(math.log(1 + 300), abs=0.01)
    assert float(found[1]) == pytest.approx(1 / math.sqrt(300), rel=0.05)
    assert float(found[2]) == 0
    assert found[3:].abs().max() < 0.05


def test_waves_are_triangles_of_the_same_weights_everywhere():
    x = get_case("kinked_waves").make().prior.sample(50, generator=torch.Generator().manual_seed(0))
    y = kinked_waves.simulate(x)
    weights = [
        [(k * k * math.sqrt(2)) % 1 - 0.5 for k in range(16 * i + 1, 16 * i + 17)]
        for i in range(10)
    ]
    phase = 2 * math.pi * 2 * x.numpy() @ np.array(weights)
    np.testing.assert_allclose(y.numpy(), 2 / np.pi * np.arcsin(np.cos(phase)), atol=1e-9)
    np.testing.assert_allclose(kinked_waves.simulate(x.float()), y, atol=1e-4)


def test_a_reactor_is_a_chain_of_reactions():
    found = reactor.simulate(rows([-1.0, -0.8, 0.5, 0.7]))[0].reshape(3, 6, 2).numpy()
    for hotter, curve in zip((-1, 0, 1), found, strict=True):
        k1, k2 = math.exp(-1 + 0.5 * hotter), math.exp(-0.8 + 0.7 * hotter)
        chain = np.array([[-k1, 0], [k1, -k2]])
        exact = [expm(chain * t) @ [1, 0] for t in range(1, 7)]
        np.testing.assert_allclose(curve, exact, rtol=1e-8)
    # equal rates: B = k t exp(−k t)
    same = reactor.simulate(rows([0.0, 0.0, 0.3, 0.3]))[0].reshape(3, 6, 2)[1, :, 1]
    time = torch.arange(1.0, 7.0, dtype=torch.float64)
    assert torch.allclose(same, time * (-time).exp())


def test_a_pendulum_swings_slows_down_and_stops():
    time = 0.2 * np.arange(1, 31)
    free = pendulum.simulate(rows([1.0, 0.0, 0.0, 0.01]))[0].numpy()
    np.testing.assert_allclose(free, 0.01 * np.cos(math.sqrt(9.81) * time), atol=3e-4)
    exact = solve_ivp(
        lambda t, s: [s[1], -9.81 / 1.2 * math.sin(s[0]) - 0.3 * s[1]],
        (0, 6),
        [1.5, 0],
        t_eval=time,
        rtol=1e-8,
    )
    damped = pendulum.simulate(rows([1.2, 0.3, 0.0, 1.5]))[0].numpy()
    np.testing.assert_allclose(damped, exact.y[0], atol=0.05)
    # dry friction above the pull of gravity holds it where it was let go
    stuck = pendulum.simulate(rows([1.0, 0.0, 1.0, 0.1]))[0]
    assert (stuck == 0.1).all()


def test_a_dipole_has_the_field_of_two_close_poles():
    across, along, depth, moment, dip, turn = 0.3, -0.7, 1.1, 1.4, 0.6, -2.0
    unit = np.array([math.cos(dip) * math.cos(turn), math.cos(dip) * math.sin(turn), math.sin(dip)])
    found = dipole.simulate(rows([across, along, depth, moment, dip, turn]))[0].numpy()
    size, expected = 1e-4, np.zeros(25)
    axis = np.linspace(-2, 2, 5)
    place = np.array([[x, y, 0.0] for x in axis for y in axis])
    for sign in (1, -1):
        gap = place - (np.array([across, along, depth]) + sign * size / 2 * unit)
        expected += sign * moment / size * gap[:, 2] / np.linalg.norm(gap, axis=1) ** 3
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_thin_lens_obeys_the_lensmaker_and_every_lens_keeps_the_determinant():
    wavelength = rows([0.55])
    index = 1.5046 + 0.0042 / 0.55**2
    thin = lens.simulate(rows([0.4, -0.2, 1e-9]), wavelength)[0]
    assert float(-thin[2]) == pytest.approx((index - 1) * (0.4 + 0.2), rel=1e-6)
    task = get_case("lens").make()
    data = task.sample(100, dtype=torch.float64)
    a, b, c, d = data.y.unbind(-1)
    assert torch.allclose(a * d - b * c, torch.ones(100, dtype=torch.float64))
    # a ball focuses at R n / (2 (n − 1)) from its middle
    ball = lens.simulate(rows([1.0, -1.0, 2.0]), wavelength)[0]
    assert float(-1 / ball[2]) == pytest.approx(index / (2 * (index - 1)))


def test_a_queue_is_in_the_balance_of_its_markov_chain():
    servers, places, arrivals = 3, 5, 14
    most = servers + places
    rates = np.zeros((most + 1, most + 1))
    for k in range(most):
        rates[k, k + 1] = arrivals
        rates[k + 1, k] = 4 * min(k + 1, servers)
    rates -= np.diag(rates.sum(1))
    share = np.linalg.lstsq(
        np.vstack([rates.T, np.ones(most + 1)]), np.r_[np.zeros(most + 1), 1], rcond=None
    )[0]
    count = np.arange(most + 1)
    expected = [share[0], share[-1], count @ share, np.minimum(count, servers) @ share]
    found = queue.simulate(rows([servers, places, arrivals], [servers + 0.3, places, arrivals]))
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-9)


def test_a_ball_lands_where_small_steps_in_time_say():
    across, up, height = 2.1, 1.3, 0.9
    x, y, speed, step, time = 0.0, height, up, 1e-5, 0.0
    while y > -0.2 * math.floor(x / 0.3):
        x, y, speed, time = x + step * across, y + step * speed, speed - step * 9.81, time + step
    found = staircase.simulate(rows([across, up, height]))[0]
    assert float(found[0]) == math.floor(x / 0.3)
    np.testing.assert_allclose(found[1:], [time, x, -speed], atol=1e-3)


def test_the_noise_of_a_transit_lies_on_a_trapezoid():
    x = rows([0.1, 0.1, 0.8, 0.5])
    light = transit.noiseless(x)[0]
    time = torch.linspace(-1, 1, 40, dtype=torch.float64)
    assert (light[(time - 0.1).abs() > 0.4] == 1).all()
    assert torch.allclose(light[(time - 0.1).abs() < 0.2], torch.tensor(0.99).double())
    seen = transit.simulate(x.expand(2000, -1))
    assert torch.allclose(seen.mean(0), light, atol=4e-4)
    assert torch.allclose(seen.std(0), torch.tensor(0.003).double(), rtol=0.1)


def test_molecules_have_the_moments_of_the_telegraph_model():
    on, off, made_rate = 0.8, 1.7, 40.0
    found = gene_expression.molecules(rows([on, off, made_rate]).expand(500, -1)).flatten()
    mean = made_rate * on / (on + off)
    variance = mean + made_rate**2 * on * off / ((on + off) ** 2 * (on + off + 1))
    assert float(found.mean()) == pytest.approx(mean, rel=0.02)
    assert float(found.var()) == pytest.approx(variance, rel=0.03)


def test_first_arrivals_cross_over_where_two_layers_say():
    slow, fast, thick = 1.5, 4.0, 0.6
    # the layers below are as fast as the second to rounding, and deep
    x = rows([thick] + [50.0] * 4 + [slow, fast - slow] + [1e-9] * 4)
    found = travel_times.simulate(x)[0].numpy()
    distance = np.linspace(0.1, 10, 20)
    crossover = 2 * thick * math.sqrt((fast + slow) / (fast - slow))
    head = distance / fast + 2 * thick * math.sqrt(fast**2 - slow**2) / (fast * slow)
    expected = np.where(distance < crossover, distance / slow, head)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_front_keeps_its_mass_without_growth_and_runs_with_the_speed_of_fisher():
    still = reaction_front.solve(np.array([0.5, 0.0, 4.0]), steps=1500)
    place = (np.arange(25) * 12 + 0.5) * 0.1
    # images in the wall at 0: what is filled spreads from both sides
    spread = math.sqrt(4 * 0.5 * 6)
    erf = np.vectorize(math.erf)
    exact = (erf((4 - place) / spread) + erf((4 + place) / spread)) / 2
    np.testing.assert_allclose(still, exact, atol=2e-3)
    grown = [reaction_front.solve(np.array([0.3, 4.0, w]), steps=3000) for w in (2.0, 4.4)]
    # further filled is further run, with the shape that the front has by now
    np.testing.assert_allclose(grown[0][:-2], grown[1][2:], atol=0.02)
    speed = (np.interp(-0.5, -grown[0], place) - 2.0) / 6
    assert 0.75 < speed / (2 * math.sqrt(0.3 * 4.0)) < 1


def test_the_power_of_equal_phases_is_the_pattern_of_a_grating():
    found = antenna.simulate(rows([0.0] * 5))[0].numpy()
    half = np.pi / 2 * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 24))
    np.testing.assert_allclose(found, (np.sin(6 * half) / np.sin(half)) ** 2, atol=1e-9)
    x = rows([0.3, -1.0, 2.0, 0.7, -0.4])
    turned = torch.cat([torch.zeros(1, 1).double(), x], 1).flip(1)
    mirror = -(turned - turned[:, :1])[:, 1:]
    assert torch.allclose(antenna.simulate(x), antenna.simulate(mirror))


def test_a_beam_bends_as_its_bending_moment_says():
    found = beam.simulate(rows([0.5, 0.3, 1.0, 0.0]))[0]
    assert float(found[4]) == pytest.approx(1)  # P L³ / 48 EI in the middle
    place, weight = 0.3, 1.4
    # integrate the moment twice, with both ends held
    x = np.linspace(0, 1, 20001)
    moment = weight * np.where(x < place, x * (1 - place), place * (1 - x))
    slope = np.r_[0, np.cumsum((moment[1:] + moment[:-1]) / 2) * (x[1] - x[0])]
    bent = np.r_[0, np.cumsum((slope[1:] + slope[:-1]) / 2) * (x[1] - x[0])]
    expected = 48 * (bent[-1] * x - bent)[2000:18001:2000]
    one = beam.simulate(rows([0.8, place, 0.0, weight]))[0]
    np.testing.assert_allclose(one, expected, rtol=1e-5)
    swapped = beam.simulate(rows([0.2, 0.6, 0.5, 1.5], [0.6, 0.2, 1.5, 0.5]))
    assert torch.allclose(*swapped)


def test_predators_and_prey_keep_the_constant_of_lotka_and_volterra():
    growth, eaten, death, gain = 0.8, 0.3, 0.6, 0.2
    x = rows([growth, eaten, death, gain])
    prey, predators_ = predators.noiseless(x)[0].unbind(-1)
    kept = gain * prey - death * prey.log() + eaten * predators_ - growth * predators_.log()
    first = gain * 3 - death * math.log(3) + eaten * 0.5 - growth * math.log(0.5)
    assert torch.allclose(kept, torch.tensor(first).double(), rtol=1e-4)
    seen = predators.simulate(x.expand(500, -1))
    exact = predators.noiseless(x)[0].log().flatten()
    assert torch.allclose(seen.mean(0), exact, atol=0.02)
    assert torch.allclose(seen.std(0), torch.tensor(0.1).double(), rtol=0.15)


def test_fringes_know_the_path_up_to_whole_waves():
    x = rows([0.9, 1.7, -1.3, 0.6])
    found = fringes.simulate(x)[0].numpy()
    axis = np.linspace(-1, 1, 6)
    path = (
        0.9 + 1.7 * axis[None] - 1.3 * axis[:, None] + 0.6 * (axis[None] ** 2 + axis[:, None] ** 2)
    )
    np.testing.assert_allclose(np.exp(2j * np.pi * found), np.exp(2j * np.pi * path), atol=1e-9)
    assert ((found >= 0) & (found <= 1)).all()
