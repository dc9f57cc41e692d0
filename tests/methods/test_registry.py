"""Names of methods are the names of their files."""

import pytest

from invlab import get_method, list_methods


def test_a_method_is_called_as_its_file():
    assert all(get_method(name).name == name for name in list_methods())


def test_a_method_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="get_method: expected one of .*, got 'oracle'"):
        get_method("oracle")
