"""Reading from and appending to Kafka, exactly once: consume, transform, produce in one transaction."""

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

# As xtask creates the topics.
PARTITION = 0
WAIT_S = 30.0


class Log:
    versions = {"confluent-kafka": confluent_kafka.version(), "librdkafka": confluent_kafka.libversion()[0]}

    def __init__(self, bootstrap, name):
        self.name = name
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"anchors-{name}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "queued.min.messages": 100_000,
                "fetch.wait.max.ms": 10,
            }
        )
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": f"anchors-{name}",
                "acks": "all",
                "linger.ms": 0,
                "compression.type": "none",
            }
        )
        self.producer.init_transactions(WAIT_S)
        self.topic = None

    def follow(self, topic):
        """Reads the topic from its beginning on, or goes on where it stopped."""
        if self.topic != topic:
            self.consumer.assign([TopicPartition(topic, PARTITION, OFFSET_BEGINNING)])
            self.topic = topic

    def batch(self, most):
        """At least one and at most `most` messages."""
        messages = self.consumer.consume(most, WAIT_S)
        if not messages:
            raise TimeoutError(f"no message in {WAIT_S} s")
        for message in messages:
            if message.error():
                raise confluent_kafka.KafkaException(message.error())
        return messages

    def commit(self, block, alerts):
        """A block, its alerts and the read position, all or none."""
        self.producer.begin_transaction()
        self.producer.produce(f"blocks.{self.name}", block, partition=PARTITION)
        for alert in alerts:
            self.producer.produce(f"alerts.{self.name}", alert, partition=PARTITION)
        positions = self.consumer.position([TopicPartition(self.topic, PARTITION)])
        self.producer.send_offsets_to_transaction(positions, self.consumer.consumer_group_metadata(), WAIT_S)
        self.producer.commit_transaction(WAIT_S)
