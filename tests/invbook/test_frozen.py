"""The file of frozen settings: read by the experiments, and each entry says how it was chosen."""

import pytest

from invbook import frozen, papers
from invbook.papers.joint_optimization.runs import SETTINGS
from invbook.papers.neural_adjoint.models import MODELS, settings
from invlab import get_method


@pytest.mark.parametrize("entry", frozen.chosen(), ids=lambda entry: f"{entry.paper}/{entry.study}")
def test_each_entry_is_of_a_paper_and_says_how_it_was_chosen(entry):
    assert entry.paper in papers.list_papers()
    assert len(entry.chosen) > 20
    assert entry.reported[0].isdigit()


def test_every_model_and_every_system_has_its_entry():
    there = {(entry.paper, entry.study) for entry in frozen.chosen()}
    assert {("neural_adjoint", model) for model in MODELS} <= there
    # the two flows share theirs
    systems = {system.removesuffix("_two") for system in SETTINGS}
    assert {("joint_optimization", system) for system in systems} <= there


def test_the_experiments_read_the_file():
    assert settings("cinn", "sine") == {"padding": 2, "fourier_octaves": 4, "epochs": 200}
    assert settings("tandem", "sine")["boundary"] == 1
    assert get_method("tandem", **settings("tandem", "sine")).training_options["lr"] == 3e-3
    assert SETTINGS["wave_packet"]["joint"]["encoder"] == {"last": None}


def test_what_was_read_is_the_callers_to_change():
    first = frozen.options("joint_optimization", "wave_packet")
    first["joint"]["iterations"] = 1
    assert frozen.options("joint_optimization", "wave_packet")["joint"]["iterations"] == 300


def test_an_unknown_study_is_an_error():
    with pytest.raises(KeyError):
        frozen.options("joint_optimization", "waves")
