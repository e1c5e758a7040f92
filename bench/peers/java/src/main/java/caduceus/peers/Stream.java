package caduceus.peers;

import com.amazon.randomcutforest.RandomCutForest;
import com.amazon.randomcutforest.config.Precision;
import com.fasterxml.jackson.core.json.PackageVersion;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * A pipeline of {@code cargo xtask anchors stream} around AWS's random cut forest: reads commands on stdin, answers one
 * JSON object a line (bench/README.md). Arguments: {@code java-learning} or {@code java-frozen}, the bootstrap address.
 */
public final class Stream {
    /** As many readings as one transaction takes. */
    private static final int MOST = 500;
    /** The share of the training readings that may alert. */
    private static final double ALERT_SHARE = 0.001;

    private final Log log;
    private final boolean learning;
    private final Baselines baselines = new Baselines();
    private final Chain chain = new Chain();
    private final float[] point = new float[Signals.NAMES.length];
    private final RandomCutForest forest = RandomCutForest.builder()
            .dimensions(Signals.NAMES.length)
            .numberOfTrees(50)
            .sampleSize(256)
            .precision(Precision.FLOAT_32)
            .parallelExecutionEnabled(false)
            .randomSeed(1)
            .build();
    private double threshold = Double.NaN;

    private Stream(String name, String bootstrap) throws GeneralSecurityException {
        this.learning = switch (name) {
            case "java-learning" -> true;
            case "java-frozen" -> false;
            default -> throw new IllegalArgumentException("no pipeline '" + name + "'");
        };
        this.log = new Log(bootstrap, name);
    }

    private String answer(String[] words) throws IOException, GeneralSecurityException {
        if (words.length == 1 && words[0].equals("hello")) {
            return String.format(
                    "{\"versions\": {\"randomcutforest\": \"%s\", \"kafka-clients\": \"%s\", \"jackson\": \"%s\", \"java\": \"%s\"},"
                            + " \"settings\": \"numberOfTrees=50, sampleSize=256, %s, baselines in arrays\"}",
                    Forest.version(),
                    AppInfoParser.getVersion(),
                    PackageVersion.VERSION,
                    System.getProperty("java.version"),
                    learning ? "score then update" : "score only, fitted on the training readings");
        }
        if (words.length == 3 && words[0].equals("train")) {
            return String.format("{\"readings\": %d}", train(words[1], Integer.parseInt(words[2])));
        }
        if (words.length == 3 && words[0].equals("run")) {
            return run(words[1], Integer.parseInt(words[2]));
        }
        throw new IllegalArgumentException("unknown command '" + String.join(" ", words) + "'");
    }

    private double score(byte[] message, boolean learn) throws IOException {
        baselines.deviations(message, point);
        double score = forest.getAnomalyScore(point);
        if (learn) {
            forest.update(point);
        }
        return score;
    }

    /** Learns the first readings of the topic; nothing is appended. */
    private int train(String topic, int readings) throws IOException {
        log.follow(topic);
        double[] scores = new double[readings];
        for (int done = 0; done < readings; ) {
            for (byte[] message : log.batch(Math.min(MOST, readings - done))) {
                scores[done++] = score(message, true);
            }
        }
        // In the first half baselines and trees still find their feet.
        double[] settled = Arrays.copyOfRange(scores, readings / 2, readings);
        Arrays.sort(settled);
        threshold = settled[(int) (settled.length * (1 - ALERT_SHARE))];
        return readings;
    }

    private String run(String topic, int readings) throws IOException, GeneralSecurityException {
        if (Double.isNaN(threshold)) {
            throw new IOException("train it first");
        }
        long begin = System.nanoTime();
        log.follow(topic);
        int done = 0;
        int alerts = 0;
        int blocks = 0;
        while (done < readings) {
            List<byte[]> messages = log.batch(Math.min(MOST, readings - done));
            List<String> alerting = new ArrayList<>();
            for (int at = 0; at < messages.size(); at++) {
                double score = score(messages.get(at), learning);
                if (score > threshold) {
                    alerting.add("\"record\": " + at + ", \"score\": " + score + "}");
                }
            }
            byte[] block = chain.block(messages);
            String head = "{\"block\": \"" + chain.head() + "\", ";
            log.commit(
                    block,
                    alerting.stream().map(alert -> (head + alert).getBytes(StandardCharsets.UTF_8)).toList());
            done += messages.size();
            alerts += alerting.size();
            blocks++;
        }
        return String.format(
                "{\"wall_ns\": %d, \"readings\": %d, \"alerts\": %d, \"blocks\": %d}",
                System.nanoTime() - begin, done, alerts, blocks);
    }

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        // What a library prints must not stand between the answers.
        PrintStream answers = System.out;
        System.setOut(System.err);
        Stream peer = new Stream(arguments[0], arguments[1]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String said;
            try {
                said = peer.answer(line.trim().split("\\s+"));
            } catch (IOException | GeneralSecurityException | RuntimeException error) {
                said = Forest.error(error);
            }
            answers.println(said);
            answers.flush();
        }
        // The clients' threads have nothing more to do.
        System.exit(0);
    }
}
