package caduceus.peers;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Reading from and appending to Kafka, exactly once: consume, transform, produce in one transaction. */
final class Log {
    private static final Duration WAIT = Duration.ofSeconds(30);

    private final String name;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    /** Fetched and not yet taken. */
    private final Deque<ConsumerRecord<byte[], byte[]>> fetched = new ArrayDeque<>();
    private TopicPartition partition = null;
    private long position = 0;

    Log(String bootstrap, String name) {
        this.name = name;
        this.consumer = new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers", bootstrap,
                        "group.id", "anchors-" + name,
                        "isolation.level", "read_committed",
                        "enable.auto.commit", "false",
                        "max.poll.records", "500",
                        "fetch.max.wait.ms", "10"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        this.producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers", bootstrap,
                        "transactional.id", "anchors-" + name,
                        "acks", "all",
                        "linger.ms", "0",
                        "max.request.size", "8388608"),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        producer.initTransactions();
    }

    /** Reads the topic from its beginning on, or goes on where it stopped. */
    void follow(String topic) {
        TopicPartition wanted = new TopicPartition(topic, 0);
        if (!wanted.equals(partition)) {
            consumer.assign(List.of(wanted));
            consumer.seekToBeginning(List.of(wanted));
            partition = wanted;
            fetched.clear();
        }
    }

    /** Exactly {@code count} messages: a micro-batch is as full as it was asked for. */
    List<byte[]> batch(int count) throws IOException {
        List<byte[]> values = new ArrayList<>(count);
        while (values.size() < count) {
            if (fetched.isEmpty()) {
                fetch();
            }
            ConsumerRecord<byte[], byte[]> record = fetched.removeFirst();
            position = record.offset() + 1;
            values.add(record.value());
        }
        return values;
    }

    /**
     * At least one message more. A poll comes back with nothing before its time where all that it moved past was the marker of a
     * transaction: as soon as a fetch happens to end behind one. So only the clock tells that there is no message.
     */
    private void fetch() throws IOException {
        long until = System.nanoTime() + WAIT.toNanos();
        while (fetched.isEmpty()) {
            long left = until - System.nanoTime();
            if (left <= 0) {
                throw new IOException("no message in " + WAIT.toSeconds() + " s");
            }
            consumer.poll(Duration.ofNanos(left)).forEach(fetched::add);
        }
    }

    /** A block, its alerts and the read position, all or none. */
    void commit(byte[] block, List<byte[]> alerts) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("blocks." + name, 0, null, block));
        for (byte[] alert : alerts) {
            producer.send(new ProducerRecord<>("alerts." + name, 0, null, alert));
        }
        producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(position)), consumer.groupMetadata());
        producer.commitTransaction();
    }
}
