"""river's half-space trees, which score and learn one reading after the other."""

import importlib.metadata

import orjson
from baselines import Baselines
from river.anomaly import HalfSpaceTrees
from signals import SIGNALS

# Deviations beyond this are taken as this: the trees cut fixed ranges.
WIDEST = 8.0


class Judge:
    versions = {name: importlib.metadata.version(name) for name in ("river", "orjson")}
    settings = "orjson, baselines in plain Python, HalfSpaceTrees(n_trees=25, height=8), score_one then learn_one"

    def __init__(self):
        self.baselines = Baselines()
        limits = {signal: (-WIDEST, WIDEST) for signal in SIGNALS}
        self.trees = HalfSpaceTrees(n_trees=25, height=8, window_size=256, limits=limits, seed=1)

    def train(self, values):
        return self.scores(values)

    def scores(self, values):
        scores = []
        for value in values:
            deviations = self.baselines.deviations(orjson.loads(value))
            point = {signal: min(max(away, -WIDEST), WIDEST) for signal, away in zip(SIGNALS, deviations)}
            scores.append(self.trees.score_one(point))
            self.trees.learn_one(point)
        return scores
