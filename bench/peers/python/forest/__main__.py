"""One peer of `cargo xtask anchors forest`, resident: reads commands on stdin, answers one JSON object a line.

Usage: python forest PEER SPEED_FILE LABELLED_FILE FEATURES
The files hold rows of little-endian float64. The commands and answers are described in bench/README.md.
"""

import importlib
import json
import platform
import sys
import time

import numpy as np

PEERS = {
    "scikit-learn": "peer_sklearn",
    "isotree": "peer_isotree",
    "onnxruntime": "peer_onnx",
    "river-10": "peer_river",
    "river-25": "peer_river",
    "river-50": "peer_river",
}


def read(path, features):
    return np.fromfile(path, dtype="<f8").reshape(-1, features)


def answer(peer, words, labelled):
    match words:
        case ["hello"]:
            return {"versions": {"python": platform.python_version()} | peer.versions, "settings": peer.settings}
        case ["scores", work, out]:
            scores = np.asarray(peer.scores(work, labelled), dtype="<f8").ravel()
            scores.tofile(out)
            return {"rows": len(scores)}
        case ["run", work, units]:
            job = peer.prepare(work, int(units))
            begin = time.perf_counter_ns()
            check = job()
            return {"wall_ns": time.perf_counter_ns() - begin, "check": float(check)}
    raise ValueError(f"unknown command {' '.join(words)!r}")


def main():
    name, speed, labelled, features = sys.argv[1:]
    features = int(features)
    module = importlib.import_module(PEERS[name])
    peer = module.Peer(name, read(speed, features))
    labelled = read(labelled, features)
    # What a library prints must not stand between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            said = answer(peer, line.split(), labelled)
        except Exception as error:  # the run goes on without this peer, and says why
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


main()
