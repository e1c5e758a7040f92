"""river's half-space trees (Tan, Ting, Liu 2011), which learn from a stream."""

import importlib.metadata

from river.anomaly import HalfSpaceTrees
from rows import Cursor

# The same forest in both: "small" is about ours.
WORKS = ("stream", "stream-small")


def forest(trees, rows):
    # The trees cut fixed ranges; the true ones are given to them.
    limits = {feature: (float(column.min()), float(column.max())) for feature, column in enumerate(rows.T)}
    return HalfSpaceTrees(n_trees=trees, height=8, window_size=256, limits=limits, seed=1)


def points(rows):
    """river takes a point as a dict; they are made outside the measured time."""
    return [dict(enumerate(row)) for row in rows.tolist()]


def follow(model, points):
    """The score of every point before it is learned."""
    scores = []
    for point in points:
        scores.append(model.score_one(point))
        model.learn_one(point)
    return scores


class Peer:
    versions = {"river": importlib.metadata.version("river")}

    def __init__(self, name, rows):
        self.trees = int(name.rpartition("-")[2])
        self.settings = f"HalfSpaceTrees(n_trees={self.trees}, height=8, window_size=256), true limits given"
        self.points = points(rows)
        self.cursor = Cursor(len(rows))
        self.model = forest(self.trees, rows)

    def scores(self, work, labelled):
        if work not in WORKS:
            raise ValueError(f"no scores for {work!r}")
        return follow(forest(self.trees, labelled), points(labelled))

    def prepare(self, work, units):
        if work not in WORKS:
            raise ValueError(f"no work {work!r}")
        chosen = [self.points[at] for at in self.cursor.next(units)]
        return lambda: sum(follow(self.model, chosen))
