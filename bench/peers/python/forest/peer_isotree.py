"""isotree, a C++ implementation called from Python, set to the plain isolation forest of Liu et al."""

import importlib.metadata

import isotree
import numpy
from rows import Cursor


def forest(trees=100):
    return isotree.IsolationForest(
        ntrees=trees,
        sample_size=256,
        ndim=1,
        max_depth=8,
        missing_action="fail",
        categ_cols=None,
        penalize_range=False,
        prob_pick_avg_gain=0,
        prob_pick_pooled_gain=0,
        nthreads=1,
        random_seed=1,
    )


class Peer:
    versions = {"isotree": importlib.metadata.version("isotree"), "numpy": numpy.__version__}
    settings = "IsolationForest(ntrees=100, sample_size=256, ndim=1, max_depth=8, missing_action='fail', nthreads=1)"

    def __init__(self, _name, rows):
        self.rows = rows
        self.columns = numpy.asfortranarray(rows)
        self.cursor = Cursor(len(rows))
        self.model = forest().fit(self.columns)
        self.one_tree = forest(1).fit(self.columns)

    def scores(self, work, labelled):
        if work != "batch":
            raise ValueError(f"no scores for {work!r}")
        return forest().fit(numpy.asfortranarray(labelled)).predict(labelled)

    def prepare(self, work, units):
        match work:
            case "batch":
                rows = self.rows[:units]
                return lambda: self.model.predict(rows).sum()
            case "row":
                return self.one_by_one(self.model, units)
            case "call":
                return self.one_by_one(self.one_tree, units)
            case "fit":
                return lambda: sum(forest().fit(self.rows).ntrees for _ in range(units))
            case "fit-columns":
                return lambda: sum(forest().fit(self.columns).ntrees for _ in range(units))
        raise ValueError(f"no work {work!r}")

    def one_by_one(self, model, units):
        rows = [self.rows[at : at + 1] for at in self.cursor.next(units)]
        return lambda: sum(model.predict(row)[0] for row in rows)
