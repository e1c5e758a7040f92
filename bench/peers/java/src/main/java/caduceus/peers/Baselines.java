package caduceus.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** Parses readings, and holds every patient's own baseline. */
final class Baselines {
    private final JsonFactory json = new JsonFactory();
    private final Map<String, double[]> patients = new HashMap<>();
    private final double[] row = new double[Signals.NAMES.length];

    /**
     * Deviations of a reading from the patient's running mean in units of the running mean deviation; then both
     * follow. All 0 at first.
     */
    void deviations(byte[] message, float[] deviations) throws IOException {
        String patient = parse(message);
        double[] known = patients.get(patient);
        if (known == null) {
            known = new double[2 * row.length];
            for (int at = 0; at < row.length; at++) {
                known[2 * at] = row[at];
                known[2 * at + 1] = 1;
            }
            patients.put(patient, known);
        }
        for (int at = 0; at < row.length; at++) {
            double away = row[at] - known[2 * at];
            deviations[at] = (float) (away / Math.max(known[2 * at + 1], Signals.LEAST_SPREAD));
            known[2 * at] += Signals.ALPHA * away;
            known[2 * at + 1] += Signals.ALPHA * (Math.abs(away) - known[2 * at + 1]);
        }
    }

    private String parse(byte[] message) throws IOException {
        String patient = null;
        try (JsonParser parser = json.createParser(message)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                Integer place = Signals.PLACES.get(name);
                if (place != null) {
                    row[place] = parser.getDoubleValue();
                } else if (name.equals("patient")) {
                    patient = parser.getText();
                }
            }
        }
        if (patient == null) {
            throw new IOException("a reading names no patient");
        }
        return patient;
    }
}
