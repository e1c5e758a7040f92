//! What was the same for all pipelines and what was not, in words for the page.

pub(super) const SAME: &str = "\
- The same messages: one a patient and minute, a reading of each of 8 signals in it, from the project's own seeded simulator (people in \
bed); one partition; the first ones only to learn from.
- The same broker and its settings; `read_committed`, `acks=all`, one transaction for blocks, alerts and the read position; what is read \
is taken in micro-batches of 500 messages. A raw reader moves its read position every 500.
- CPU time of a round is that of the whole process, user and system, all threads, until it is quiet again after its answer: what is \
fetched ahead is part of the cost.

";

pub(super) const NOT_SAME: &str = "\
Harder for ours:

- Peers read JSON in the clear, and open and seal nothing; ours opens each message with its patient's key, and seals blocks' content, \
alerts and states.
- Peers keep one chain for all patients: one header and one signature a micro-batch. Ours keeps one a patient: blocks as in the table, \
each signed, with its state.
- Peers' blocks go into the broker only, which acknowledges before it syncs. Ours also go into packs on disk, synced before each \
transaction; and it reads its own blocks back from the log.
- Peers' features are deviations from a running mean and a running mean deviation. Ours are usual values by hour, quality of signals, \
rest, limits, persistence, episodes.
- Ours refuses repetitions and conflicts of devices, and asks for keys and grant at every message.

Easier for ours:

- `ours` calls its forest once a patient and window of five minutes, as the product does; peers call theirs for each message. \
`ours-each-message` does too.
- A block of `ours` closes after an hour or with an alert, so some micro-batches bring none and need no transaction; a peer makes one a \
micro-batch. The transactions are counted in the table.
- Ours is written in Rust, one process; peers pay for their language. That is part of the question.
- The simulated people were known for hours, not for weeks: the state of a patient that ours seals with each block is smaller than it will be.

";
