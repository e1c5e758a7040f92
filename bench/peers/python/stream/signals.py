"""The eight signals of a message, in order."""

SIGNALS = (
    "heart_rate",
    "respiration",
    "spo2",
    "temperature",
    "hrv_sdnn",
    "systolic",
    "diastolic",
    "steps",
)
# Weight of a new value in a baseline, and the least spread that a deviation is divided by.
ALPHA = 0.05
LEAST_SPREAD = 0.05
