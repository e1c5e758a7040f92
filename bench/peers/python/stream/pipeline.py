"""Readings in, blocks and alerts out, in micro-batches."""

import json

from chain import Chain

# As many readings as one transaction takes.
MOST = 500
# The share of the training readings that may alert.
ALERT_SHARE = 0.001


class Pipeline:
    def __init__(self, judge, log):
        self.judge = judge
        self.log = log
        self.chain = Chain()
        self.threshold = None

    def train(self, topic, readings):
        """Fits on the first readings of the topic; nothing is appended."""
        self.log.follow(topic)
        values = []
        while len(values) < readings:
            values += [message.value() for message in self.log.batch(min(MOST, readings - len(values)))]
        # In the first half baselines and trees still find their feet.
        scores = sorted(self.judge.train(values)[readings // 2 :])
        self.threshold = scores[int(len(scores) * (1.0 - ALERT_SHARE))]
        return len(values)

    def run(self, topic, readings):
        if self.threshold is None:
            raise ValueError("train it first")
        self.log.follow(topic)
        done = alerts = blocks = 0
        while done < readings:
            values = [message.value() for message in self.log.batch(min(MOST, readings - done))]
            alerting = [
                (at, score) for at, score in enumerate(self.judge.scores(values)) if score > self.threshold
            ]
            block = self.chain.block(values)
            head = self.chain.parent.hex()
            self.log.commit(
                block, [json.dumps({"block": head, "record": at, "score": float(score)}).encode() for at, score in alerting]
            )
            done += len(values)
            alerts += len(alerting)
            blocks += 1
        return {"readings": done, "alerts": alerts, "blocks": blocks}
