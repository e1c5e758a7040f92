"""scikit-learn's isolation forest, the usual choice in Python."""

import numpy
import scipy
import sklearn
from rows import Cursor
from sklearn.ensemble import IsolationForest


def forest(trees=100):
    return IsolationForest(n_estimators=trees, max_samples=256, random_state=1, n_jobs=1)


class Peer:
    versions = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__}
    settings = "IsolationForest(n_estimators=100, max_samples=256, n_jobs=1), score_samples"

    def __init__(self, _name, rows):
        self.rows = rows
        self.columns = numpy.asfortranarray(rows)
        self.cursor = Cursor(len(rows))
        self.model = forest().fit(rows)
        self.one_tree = forest(1).fit(rows)

    def scores(self, work, labelled):
        if work != "batch":
            raise ValueError(f"no scores for {work!r}")
        return -forest().fit(labelled).score_samples(labelled)

    def prepare(self, work, units):
        match work:
            case "batch":
                rows = self.rows[:units]
                return lambda: self.model.score_samples(rows).sum()
            case "row":
                return self.one_by_one(self.model, units)
            case "call":
                return self.one_by_one(self.one_tree, units)
            case "fit":
                return lambda: sum(len(forest().fit(self.rows).estimators_) for _ in range(units))
            case "fit-columns":
                return lambda: sum(len(forest().fit(self.columns).estimators_) for _ in range(units))
        raise ValueError(f"no work {work!r}")

    def one_by_one(self, model, units):
        rows = [self.rows[at : at + 1] for at in self.cursor.next(units)]
        return lambda: sum(model.score_samples(row)[0] for row in rows)
