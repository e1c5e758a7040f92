package caduceus.peers;

import java.util.Map;

/** The eight signals of a message, in order, and how a baseline follows them. */
final class Signals {
    static final String[] NAMES = {
        "heart_rate", "respiration", "spo2", "temperature", "hrv_sdnn", "systolic", "diastolic", "steps"
    };
    static final Map<String, Integer> PLACES = Map.of(
            "heart_rate", 0, "respiration", 1, "spo2", 2, "temperature", 3,
            "hrv_sdnn", 4, "systolic", 5, "diastolic", 6, "steps", 7);
    /** Weight of a new value in a baseline. */
    static final double ALPHA = 0.05;
    /** The least spread that a deviation is divided by. */
    static final double LEAST_SPREAD = 0.05;

    private Signals() {}
}
