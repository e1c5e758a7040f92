"""The strong pipeline: one JSON parse a batch, baselines as arrays, one call of the forest a batch."""

import importlib.metadata
from operator import itemgetter

import numpy
import orjson
from signals import ALPHA, LEAST_SPREAD, SIGNALS

in_order = itemgetter(*SIGNALS)


def isotree_forest(rows):
    import isotree

    forest = isotree.IsolationForest(
        ntrees=100, sample_size=256, ndim=1, missing_action="fail", nthreads=1, random_seed=1
    ).fit(numpy.asfortranarray(rows))
    return forest.predict


def sklearn_forest(rows):
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, max_samples=256, n_jobs=1, random_state=1).fit(rows)
    return lambda rows: -forest.score_samples(rows)


class Judge:
    def __init__(self, forest, make):
        self.make = make
        self.places = {}
        self.mean = numpy.zeros((0, len(SIGNALS)))
        self.spread = numpy.zeros((0, len(SIGNALS)))
        self.predict = None
        self.versions = {name: importlib.metadata.version(name) for name in (forest, "numpy", "orjson")}
        self.settings = f"one orjson parse and one call of {forest} a batch; baselines in numpy; 100 trees × 256"

    def features(self, values):
        """Deviations from the patient's own running mean, in units of the running mean deviation; then both follow."""
        readings = orjson.loads(b"[" + b",".join(values) + b"]")
        rows = numpy.array([in_order(reading) for reading in readings])
        at = self.places_of([reading["patient"] for reading in readings], rows)
        mean, spread = self.mean[at], self.spread[at]
        away = rows - mean
        features = away / numpy.maximum(spread, LEAST_SPREAD)
        # Where a patient comes twice in a batch, the last one counts.
        self.mean[at] = mean + ALPHA * away
        self.spread[at] = spread + ALPHA * (numpy.abs(away) - spread)
        return features

    def places_of(self, patients, rows):
        places = []
        for patient, row in zip(patients, rows):
            place = self.places.get(patient)
            if place is None:
                place = self.places[patient] = len(self.places)
                if place == len(self.mean):
                    room = numpy.zeros((max(1_024, place), len(SIGNALS)))
                    self.mean = numpy.concatenate([self.mean, room])
                    self.spread = numpy.concatenate([self.spread, room + 1.0])
                self.mean[place] = row
            places.append(place)
        return places

    def train(self, values):
        rows = numpy.concatenate([self.features(values[at : at + 500]) for at in range(0, len(values), 500)])
        self.predict = self.make(rows)
        return self.predict(rows).tolist()

    def scores(self, values):
        return self.predict(self.features(values)).tolist()
