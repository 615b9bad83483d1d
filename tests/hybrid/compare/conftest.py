"""The shipped network."""

import pytest

from hybrid.models.weights import load_model
from hybrid.predict import Predictor


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_model("lite"), "cpu", side=64)
