"""The plain pipeline: the standard library's JSON, a loop over readings and signals, scikit-learn's forest a batch."""

import importlib.metadata
import json

import numpy
from baselines import Baselines
from vectorised import sklearn_forest


class Judge:
    versions = {name: importlib.metadata.version(name) for name in ("scikit-learn", "numpy")}
    settings = "json and baselines in plain Python, one call of scikit-learn a batch; 100 trees × 256"

    def __init__(self):
        self.baselines = Baselines()
        self.predict = None

    def features(self, values):
        return numpy.array([self.baselines.deviations(json.loads(value)) for value in values])

    def train(self, values):
        rows = self.features(values)
        self.predict = sklearn_forest(rows)
        return self.predict(rows).tolist()

    def scores(self, values):
        return self.predict(self.features(values)).tolist()
