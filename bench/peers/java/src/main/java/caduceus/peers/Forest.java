package caduceus.peers;

import com.amazon.randomcutforest.RandomCutForest;
import com.amazon.randomcutforest.config.Precision;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/**
 * AWS's random cut forest as a peer of {@code cargo xtask anchors forest}: reads commands on stdin, answers one JSON
 * object a line (bench/README.md). Arguments: the speed file, the labelled file, the number of features.
 */
public final class Forest {
    private static final int TREES = 50;
    private static final int SAMPLE = 256;

    private final float[][] rows;
    private final float[][] labelled;
    private final RandomCutForest forest;
    private int at = 0;

    private Forest(float[][] rows, float[][] labelled, int features) {
        this.rows = rows;
        this.labelled = labelled;
        this.forest = forest(features);
    }

    private static RandomCutForest forest(int features) {
        return RandomCutForest.builder()
                .dimensions(features)
                .numberOfTrees(TREES)
                .sampleSize(SAMPLE)
                .shingleSize(1)
                .precision(Precision.FLOAT_32)
                .parallelExecutionEnabled(false)
                .randomSeed(1)
                .build();
    }

    /** Scores a point before it is learned. */
    private static double follow(RandomCutForest forest, float[] point) {
        double score = forest.getAnomalyScore(point);
        forest.update(point);
        return score;
    }

    private String answer(String[] words) throws IOException {
        if (words.length == 1 && words[0].equals("hello")) {
            return String.format(
                    "{\"versions\": {\"randomcutforest\": \"%s\", \"java\": \"%s\", \"vm\": \"%s\"}, \"settings\": \"%s\"}",
                    version(),
                    System.getProperty("java.version"),
                    System.getProperty("java.vm.name"),
                    "numberOfTrees=50, sampleSize=256, float32 points, parallelExecutionEnabled=false, serial GC");
        }
        if (words.length == 3 && words[0].equals("scores") && words[1].equals("stream")) {
            RandomCutForest fresh = forest(labelled[0].length);
            ByteBuffer scores = ByteBuffer.allocate(labelled.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (float[] point : labelled) {
                scores.putDouble(follow(fresh, point));
            }
            Files.write(Path.of(words[2]), scores.array());
            return String.format("{\"rows\": %d}", labelled.length);
        }
        if (words.length == 3 && words[0].equals("run") && words[1].equals("stream")) {
            int units = Integer.parseInt(words[2]);
            long begin = System.nanoTime();
            double sum = 0;
            for (int unit = 0; unit < units; unit++) {
                sum += follow(forest, rows[at]);
                at = at + 1 == rows.length ? 0 : at + 1;
            }
            return String.format("{\"wall_ns\": %d, \"check\": %s}", System.nanoTime() - begin, sum);
        }
        throw new IllegalArgumentException("unknown command '" + String.join(" ", words) + "'");
    }

    /** What the jar says of itself. */
    static String version() throws IOException {
        String path = "/META-INF/maven/software.amazon.randomcutforest/randomcutforest-core/pom.properties";
        Properties properties = new Properties();
        try (InputStream stream = RandomCutForest.class.getResourceAsStream(path)) {
            if (stream != null) {
                properties.load(stream);
            }
        }
        return properties.getProperty("version", "unknown");
    }

    static String error(Exception error) {
        return "{\"error\": \"" + error.toString().replaceAll("[\"\\\\\\p{Cntrl}]", "'") + "\"}";
    }

    private static float[][] read(String path, int features) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).order(ByteOrder.LITTLE_ENDIAN);
        float[][] rows = new float[bytes.remaining() / Double.BYTES / features][features];
        for (float[] row : rows) {
            for (int feature = 0; feature < features; feature++) {
                row[feature] = (float) bytes.getDouble();
            }
        }
        return rows;
    }

    public static void main(String[] arguments) throws IOException {
        // What a library prints must not stand between the answers.
        PrintStream answers = System.out;
        System.setOut(System.err);
        int features = Integer.parseInt(arguments[2]);
        Forest peer = new Forest(read(arguments[0], features), read(arguments[1], features), features);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String said;
            try {
                said = peer.answer(line.trim().split("\\s+"));
            } catch (IOException | RuntimeException error) {
                said = error(error);
            }
            answers.println(said);
            answers.flush();
        }
    }
}
