"""Names of methods are the names of their files, or of the baseline."""

import pytest

from invlab import get_method, list_methods


@pytest.mark.parametrize("name", list_methods())
def test_a_method_knows_what_it_is_called(name):
    assert get_method(name).name == name


def test_a_method_is_called_as_its_file_or_is_a_baseline():
    files = {type(get_method(name)).__module__.rsplit(".", 1)[-1] for name in list_methods()}
    assert set(list_methods()) - files == {"cinn", "inn", "nearest", "pool", "prior"}
    assert files - set(list_methods()) == {"baselines", "invertible"}


def test_a_method_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="get_method: expected one of .*, got 'oracle'"):
        get_method("oracle")
