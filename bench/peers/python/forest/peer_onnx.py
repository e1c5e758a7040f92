"""ONNX Runtime with scikit-learn's forest as skl2onnx converts it. It fits nothing."""

import importlib.metadata

import numpy
import onnxruntime
from peer_sklearn import forest
from rows import Cursor
from skl2onnx import to_onnx

OPSETS = {"": 17, "ai.onnx.ml": 3}


class Session:
    def __init__(self, rows, trees=100):
        model = to_onnx(forest(trees).fit(rows), rows[:1].astype(numpy.float32), target_opset=OPSETS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0].name

    def scores(self, rows):
        """scikit-learn's decision function: lower is more anomalous."""
        return self.session.run(["scores"], {self.input: rows})[0]


class Peer:
    versions = {
        name: importlib.metadata.version(name) for name in ("onnxruntime", "skl2onnx", "onnx", "scikit-learn", "numpy")
    }
    settings = "scikit-learn's forest through skl2onnx, intra_op_num_threads=1, float32 input, output `scores`"

    def __init__(self, _name, rows):
        # The converted model takes float32, and gets it converted outside the measured time.
        self.rows = rows.astype(numpy.float32)
        self.cursor = Cursor(len(rows))
        self.model = Session(rows)
        self.one_tree = Session(rows, 1)

    def scores(self, work, labelled):
        if work != "batch":
            raise ValueError(f"no scores for {work!r}")
        return -Session(labelled).scores(labelled.astype(numpy.float32))

    def prepare(self, work, units):
        match work:
            case "batch":
                rows = self.rows[:units]
                return lambda: self.model.scores(rows).sum()
            case "row":
                return self.one_by_one(self.model, units)
            case "call":
                return self.one_by_one(self.one_tree, units)
        raise ValueError(f"no work {work!r}")

    def one_by_one(self, model, units):
        rows = [self.rows[at : at + 1] for at in self.cursor.next(units)]
        return lambda: sum(model.scores(row)[0, 0] for row in rows)
