"""A patient's own baseline in plain Python, one reading after the other."""

from signals import ALPHA, LEAST_SPREAD, SIGNALS


class Baselines:
    def __init__(self):
        self.patients = {}

    def deviations(self, reading):
        """Deviations from the running mean in units of the running mean deviation; then both follow. None at first."""
        known = self.patients.get(reading["patient"])
        if known is None:
            self.patients[reading["patient"]] = [[reading[signal], 1.0] for signal in SIGNALS]
            return [0.0] * len(SIGNALS)
        deviations = []
        for signal, baseline in zip(SIGNALS, known):
            away = reading[signal] - baseline[0]
            deviations.append(away / max(baseline[1], LEAST_SPREAD))
            baseline[0] += ALPHA * away
            baseline[1] += ALPHA * (abs(away) - baseline[1])
        return deviations
