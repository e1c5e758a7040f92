//! What was the same for all pipelines and what was not, in words for the page.

pub(super) const SAME: &str = "\
- The same messages: one a patient and minute, a reading of each of 8 signals in it, from the project's own seeded simulator (people in \
bed); one partition. From the first ones peers learn and append nothing; a monitor has no such mode and works as always, uncounted.
- The same broker and its settings, but for `ours-each-message` and growth, which have one of their own with the same settings; \
`read_committed`, `acks=all`, no compression, one transaction for blocks, alerts and the read position.
- Micro-batches of 500 messages. A peer waits until it has as many; ours takes what is there, at most 500 records, its own blocks among \
them (the product as it comes: 1,024).
- CPU time of a round is that of the whole process, user and system, all threads, until it is quiet again after its answer: what is \
fetched ahead is part of the cost.

";

pub(super) const NOT_SAME: &str = "\
Harder for ours:

- Peers open and seal nothing. Ours opens each message with its patient's key, and seals blocks' content, alerts and states.
- Peers keep one chain for all patients: one header and one signature a micro-batch. Ours keeps one a patient: blocks as in the table, \
each signed, and after each the patient's state (once in a transaction).
- Peers' blocks go into the broker only, which acknowledges before it syncs. The content of ours goes into packs on disk, synced before \
the transaction that brings the blocks; and ours reads its own blocks back from the log.
- Peers' features are deviations from a running mean and a running mean deviation. Ours are usual values by hour, quality of signals, \
rest, limits, persistence, episodes.
- Ours refuses repetitions and conflicts of devices, and looks at every message whether the patient's grant and keys still hold.
- Ours and the raw readers check the checksums of what they fetch, as Java does; the Python pipelines do not.

Easier for ours:

- Our messages are binary, peers parse JSON. What that costs in Rust is what `raw-parsed` costs more than `raw-unparsed`.
- `ours` calls its forest once a patient and window of five minutes, as the product does; peers score each message, and so does \
`ours-each-message`.
- A block of `ours` closes after an hour or with an alert, so some micro-batches bring none and need no transaction. A peer makes one a \
micro-batch, and so does a raw reader to move its read position, which makes the goal against it easier. The transactions are counted in \
the table.
- Ours tells an episode, peers tell a message: it has fewer alerts to append. Both are counted in the table.
- The forest of ours comes with the program, fitted on simulated people; those of the peers are fitted on the first messages, uncounted. \
Peers that learn (`python-river`, `java-learning`) go on to: theirs is more work than ours does in these rounds.
- Keys lie in memory and say when they change. The product's rings of keys lie on disk and are asked at every message.
- No ticks: where the product runs, they tell that time goes on without a reading, and each looks at every patient.
- Ours is written in Rust, one process; peers pay for their language. That is part of the question.
- The simulated people were known for hours, not for weeks: the state of a patient that ours seals with each block is smaller than it will be.

";
