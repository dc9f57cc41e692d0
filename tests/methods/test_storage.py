"""A fitted method is saved in one file, and read again as it was."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from invlab import Box, Normal, Pairs, Poisson, Product, Task, load_method, runtime
from invlab.methods import storage
from invlab.networks.mlp import Standardizer

from .cases import IMAGE, SHIFT, SQUARE, TINY, TWO, cases, fitted, method, name_of, ready

pytestmark = pytest.mark.filterwarnings("ignore:.* of the draws fell outside:UserWarning")
each_case = pytest.mark.parametrize("case", TINY)


def again(model, folder, task=None):
    model.save(folder / "model")
    return load_method(folder / "model", task=task)


@pytest.mark.parametrize("task", [TWO, SHIFT, IMAGE], ids=lambda task: task.name)
@each_case
def test_it_proposes_what_it_did_before(case, task, tmp_path):
    if task is SHIFT and not method(case).takes_context:
        pytest.skip("takes no context")
    model, targets = fitted(case, task, seed=3), task.targets(4, seed=0)
    found = again(model, tmp_path, task)
    assert type(found) is type(model)
    assert torch.equal(
        found.propose(targets.y, 3, targets.c), model.propose(targets.y, 3, targets.c)
    )
    draws = [
        m.propose(targets.y, 3, targets.c, generator=runtime.generator(8)) for m in (model, found)
    ]
    assert torch.equal(*draws)
    assert repr(found) == repr(model)
    assert found.facts.keys() == model.facts.keys()
    assert not any(weight.requires_grad for weight in found.parameters())
    for name, history in model.history.items():
        assert torch.equal(found.history[name].total, history.total)


@each_case
def test_it_is_read_after_it_was_moved_and_written_twice(case, tmp_path):
    y = SQUARE.targets(4, seed=0).y
    model = ready(case).to("cpu")
    found = again(again(model, tmp_path, SQUARE), tmp_path, SQUARE)
    assert torch.equal(found.propose(y, 2), model.to(y.device).propose(y, 2))


@pytest.mark.parametrize("case", cases(lambda model: model.several_seeds))
def test_several_networks_come_back_together(case, tmp_path):
    model, y = fitted(case, seed=[0, 7]), SQUARE.targets(4, seed=0).y
    found = again(model, tmp_path, SQUARE)
    assert torch.equal(found.invert(y), model.invert(y))
    assert torch.equal(
        again(model.member(1), tmp_path, SQUARE).propose(y), model.invert(y)[1, :, None]
    )


@pytest.mark.parametrize("case", cases(lambda model: model.gives_density))
def test_its_density_comes_back(case, tmp_path):
    model, data = ready(case), SQUARE.sample(6)
    found = again(model, tmp_path)
    given = data.x[:, None], data.y
    assert torch.equal(found.log_density(*given), model.log_density(*given))


@each_case
def test_a_state_dict_makes_the_same_proposals(case):
    y = TWO.targets(4, seed=0).y
    model, other = (
        fitted(case, TWO, data=TWO.sample(48, generator=runtime.generator(k))) for k in (1, 2)
    )
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.propose(y, 2), model.propose(y, 2))


def test_the_file_holds_words_and_tensors_alone(tmp_path):
    ready("tandem").save(str(tmp_path / "deep" / "model"))
    with safe_open(tmp_path / "deep" / "model", "pt") as file:
        words = json.loads(file.metadata()[storage.HEADER])
    assert words["format"] == storage.FORMAT
    assert words["method"] == "tandem"
    assert words["options"]["width"] == 8
    assert words["facts"]["task"] == "square"
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "model"]  # no draft is left


OPTIONS = {
    "activation": torch.tanh,
    "x_scaler": Standardizer([1.0], [3.0]),
    "y_scaler": Standardizer(torch.tensor([0.1]), torch.tensor([2.0])),
    "batch_size": None,
    "encoder": {"width": 4, "fourier_octaves": 0, "activation": torch.nn.functional.silu},
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_any_kind_comes_back(option, tmp_path):
    y = SQUARE.targets(4, seed=0).y
    model = fitted("direct", **{option: OPTIONS[option]})
    assert torch.equal(again(model, tmp_path).propose(y), model.propose(y))


@pytest.mark.parametrize(
    ("option", "value"),
    [("activation", lambda x: x.relu()), ("encoder", torch.nn.Linear(1, 1))],
)
def test_code_of_your_own_is_not_saved_and_says_so(option, value, tmp_path):
    model = fitted("direct", **{option: value})
    with pytest.raises(
        TypeError, match=f"direct: option {option}: cannot be saved, .* of your own"
    ):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "law",
    [
        Normal([0.0, 1.0], [1.0, 2.0]),
        Product(Box([0.0], [1.0]), Normal([0.0], [2.0])),
        Product(Poisson([3.0]), Box([-1.0], [1.0])),
    ],
    ids=str,
)
def test_a_prior_comes_back(law, tmp_path):
    task = Task("law", lambda x: x.sum(-1, keepdim=True), law)
    model, y = fitted("prior", task), task.targets(3, seed=0).y
    assert torch.equal(again(model, tmp_path).propose(y, 5), model.propose(y, 5))


def test_a_law_of_your_own_comes_from_the_task(tmp_path):
    class Coin:
        dim = 1
        bounds = Box([0.0], [1.0])

        def sample(self, n, *, generator=None):
            return torch.rand(n, 1, generator=generator, dtype=torch.float64).round()

    task = Task("coin", lambda x: 2 * x, Coin())
    model, y = fitted("prior", task), task.targets(3, seed=0).y
    assert torch.equal(again(model, tmp_path, task).propose(y, 5), model.propose(y, 5))
    with pytest.raises(ValueError, match="its prior is a law of your own, .*; give the task"):
        load_method(tmp_path / "model")


# What is no such file


def test_what_is_not_fitted_is_not_saved(tmp_path):
    for case in TINY:
        with pytest.raises(
            ValueError, match=rf"{name_of(case)}: call fit\(task, data\) before save"
        ):
            method(case).save(tmp_path / "model")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone: there is no such file"):
        load_method(tmp_path / "gone")


def test_another_kind_of_file_is_named(tmp_path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="text: is no file that method.save"):
        load_method(tmp_path / "text")
    save_file({"a": torch.ones(2)}, tmp_path / "weights")
    with pytest.raises(ValueError, match="weights: is a safetensors file, but not one that"):
        load_method(tmp_path / "weights")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_a_file_that_is_cut_off_is_named(share, tmp_path):
    ready("tandem").save(path := tmp_path / "model")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="model: .* or is not whole"):
        load_method(path)


def rewritten(path: Path, **changes):
    with safe_open(path, "pt") as file:
        words = json.loads(file.metadata()[storage.HEADER]) | changes
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, {storage.HEADER: json.dumps(words)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format": 99, "invlab": "7.0"},
            "written by invlab 7.0 in format 99, .*use a newer invlab",
        ),
        ({"method": "oracle"}, "holds a method that this invlab does not have: .*'oracle'"),
        ({"options": {"depth": 3}}, "an option that this version does not have: .*'depth'"),
        ({"options": {}}, "its tensors do not fit tandem"),
        ({"facts": {}}, "lacks 'x_dim'"),
    ],
)
def test_a_file_of_another_version_is_named(changes, message, tmp_path):
    ready("tandem").save(path := tmp_path / "model")
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=f"model: .*{message}"):
        load_method(path)


def test_a_task_that_is_missing_or_another_is_named(tmp_path):
    ready("joint").save(path := tmp_path / "model")
    with pytest.raises(ValueError, match=r"calls the simulator; .*load_method\(path, task=...\)"):
        load_method(path)
    with pytest.raises(ValueError, match="holds a method for 1 unknowns, two has 2"):
        load_method(path, task=TWO)
    with pytest.raises(ValueError, match="holds a method for 0 context numbers, shift has 1"):
        load_method(path, task=SHIFT)


def test_what_was_fitted_to_flat_images_is_read_with_the_task_of_images(tmp_path):
    data = IMAGE.sample(40)
    model = method("local_search").fit(IMAGE, Pairs(data.x, data.y.flatten(1)))
    y = IMAGE.targets(2, seed=0).y
    assert torch.equal(again(model, tmp_path, IMAGE).propose(y, 2), model.propose(y, 2))
    with pytest.raises(ValueError, match=r"for y of shape \(48,\), two gives \(3,\)"):
        load_method(tmp_path / "model", task=TWO)


@pytest.mark.parametrize("case", cases(lambda model: not model.all_in_tensors))
def test_what_remembers_more_than_tensors_is_read_from_a_file_alone(case):
    with pytest.raises(TypeError, match=rf"{name_of(case)}: .*save\(path\) and invlab.load_method"):
        method(case).build(3, 3)


@pytest.mark.parametrize("case", cases(lambda model: model.all_in_tensors))
def test_tensors_are_all_that_the_others_need(case):
    model, targets = fitted(case, TWO), TWO.targets(3, seed=0)
    fresh = method(case).build(2, 3)
    fresh.load_state_dict(model.state_dict())
    fresh.to(targets.y.device)
    if model.box is not None and model.bounds != "free":  # a tensor knows no box
        fresh.facts["box"] = model.box
    assert torch.equal(fresh.propose(targets.y, 2), model.propose(targets.y, 2))
