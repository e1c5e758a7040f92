"""One pipeline of `cargo xtask anchors stream`, resident: reads commands on stdin, answers one JSON object a line.

Usage: python stream PIPELINE BOOTSTRAP
It reads readings from Kafka in micro-batches, scores them, and appends a block and its alerts in the same transaction that moves
the read position. The commands and answers are described in bench/README.md.
"""

import json
import platform
import sys
import time

import judges
from log import Log
from pipeline import Pipeline


def answer(pipeline, words):
    match words:
        case ["hello"]:
            versions = {"python": platform.python_version()} | Log.versions | pipeline.judge.versions
            return {"versions": versions, "settings": pipeline.judge.settings}
        case ["train", topic, readings]:
            return {"readings": pipeline.train(topic, int(readings))}
        case ["run", topic, readings]:
            begin = time.perf_counter_ns()
            counts = pipeline.run(topic, int(readings))
            return {"wall_ns": time.perf_counter_ns() - begin} | counts
    raise ValueError(f"unknown command {' '.join(words)!r}")


def main():
    name, bootstrap = sys.argv[1:]
    pipeline = Pipeline(judges.named(name), Log(bootstrap, name))
    # What a library prints must not stand between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            said = answer(pipeline, line.split())
        except Exception as error:  # the run goes on without this peer, and says why
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


main()
