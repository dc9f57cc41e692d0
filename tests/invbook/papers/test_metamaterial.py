"""What is measured of the solver and its stand-in, and the command that makes its data."""

import pytest
import torch

from invbook import papers
from invbook.__main__ import main
from invbook.papers.metamaterial import experiments, production, runs
from invbook.papers.metamaterial.claims import CLAIMS
from invlab import get_task
from invlab.simulators.maxwell import FourierModal
from invlab.surrogates.emulator import Emulator
from invlab.tasks.metamaterial import BOX, UNKNOWN_SYMMETRIES


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A hundred spectra of a coarse solver, and where they are."""
    below = tmp_path_factory.mktemp("data")
    return production.simulations(100, orders=2, below=below), below


def test_every_cell_has_a_name_of_its_own_and_every_claim_its_record():
    names = [run.id for run in papers.plan("metamaterial")]
    assert len(set(names)) == len(names)
    assert {record for claim in CLAIMS for record in claim.records} <= set(names)


@pytest.mark.slow
def test_the_truncation_error_falls_with_the_orders():
    coarse, fine = (
        experiments.truncation(0, orders=m, reference=5, geometries=3).mean() for m in (2, 4)
    )
    assert fine < coarse / 2


def test_the_largest_error_of_fewer_orders_is_where_it_is_said_to_be():
    options = {"orders": (2, 3, 4), "frequencies": 4, "geometries": 2}
    record = runs._convergence(0, **options)
    scores, curves = record["scores"], record["curves"]
    for m in (2, 3):
        wrong = torch.tensor(curves[str(m)]) - torch.tensor(curves["4"])
        assert scores[f"mse/{m}"][0] == pytest.approx(wrong.square().mean(1).tolist())
        geometry, frequency = curves[f"largest/{m}"]
        k = curves["frequency"].index(frequency)
        assert abs(wrong[geometry, k]) == wrong.abs().max()
        assert scores[f"largest/{m}"] == pytest.approx([float(wrong.abs().max())])
    x, f = torch.tensor(curves["geometries"][1]), torch.tensor(curves["frequency"][2:3])
    r = FourierModal(4)(x[:4].double(), x[4:].double(), f.double()).r
    assert curves["4"][1][2] == pytest.approx(float(r.abs().square()), abs=1e-6)


def test_more_nodes_interpolate_better():
    found = experiments.interpolation(0, orders=2, nodes=(20, 36), geometries=3)
    assert found[36].mean() < found[20].mean() / 10


def test_the_seconds_are_one_a_geometry():
    spent = experiments.seconds(0, orders=2, geometries=3)
    assert len(spent) == 3
    assert min(spent) > 0


def test_the_command_goes_on_from_what_is_there(made, capsys):
    pairs, below = made
    arguments = ["metamaterial", "generate", "--n", "100", "--orders", "2", "--below", str(below)]
    assert main(arguments) == 0
    assert "100 spectra in" in capsys.readouterr().out
    again = production.simulations(100, orders=2, below=below)
    assert torch.equal(again.y, pairs.y)


def test_the_card_tells_the_errors_of_the_file(made, tmp_path):
    pairs, _ = made
    path = tmp_path / "network.safetensors"
    card = production.train_simulator(
        pairs[:80], pairs[80:], seeds=(0, 1), width=32, components=16, epochs=20, path=path
    )
    network = Emulator.load(path)
    assert card["mse"] == pytest.approx(float(production.errors(network, pairs[80:]).mean()))
    assert card["mse"] < card["variance"]
    assert card["mse_quantiles"]["1"] >= card["mse_quantiles"]["0.5"] > 0


def test_the_network_of_the_package_follows_maxwell():
    x = BOX.sample(3, generator=torch.Generator().manual_seed(12))
    with torch.no_grad():
        ours = get_task("metamaterial").simulate(x)
        truth = get_task("metamaterial", simulator="maxwell").simulate(x)
    assert float((ours - truth).square().mean()) < 6e-5


def test_the_network_of_the_package_keeps_the_symmetries():
    task, x = get_task("metamaterial"), BOX.sample(4).float()
    for turn in UNKNOWN_SYMMETRIES:
        moved = task.simulate(x[:, list(turn)])
        torch.testing.assert_close(moved, task.simulate(x), rtol=0, atol=1e-5)
