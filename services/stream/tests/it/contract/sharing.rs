//! Of groups: who holds a partition, and what its former holder may no longer do.

use std::collections::BTreeSet;

use stream::{Batch, Error, Partition, Topic};

use super::{Harness, Holding, PARTITIONS, after, append, count, fill, read};

pub(crate) async fn two_readers_share_the_partitions_and_the_one_left_takes_all(harness: &dyn Harness) {
    let log = harness.log().await;
    let input = harness.input();
    let mut readers = vec![log.reader("share", &[&input]).await.unwrap()];
    let mut holding = Holding::default();
    holding.until(&mut readers, |held| held[0].len() == 4).await;
    readers.push(log.reader("share", &[&input]).await.unwrap());
    holding.until(&mut readers, |held| held[0].len() == 2 && held[1].len() == 2).await;
    readers.remove(0);
    holding.0.remove(0);
    holding.until(&mut readers, |held| held[0].len() == 4).await;
}

pub(crate) async fn a_partition_that_was_lost_cannot_be_committed(harness: &dyn Harness) {
    let log = harness.log().await;
    let input = harness.input();
    let mut writer = log.writer("lost").await.unwrap();
    fill(&mut *writer, &input, 100, 50).await;
    let mut first = log.reader("lost", &[&input]).await.unwrap();
    let records = read(&mut *first, 100).await;
    let stale = first.membership();
    let mut readers = vec![first, log.reader("lost", &[&input]).await.unwrap()];
    let mut holding = Holding(vec![(0..PARTITIONS).map(|number| Partition { topic: input.clone(), number }).collect()]);
    holding.until(&mut readers, |held| held[1].len() == 2).await;

    let lost: Vec<_> = after(&records)
        .into_iter()
        .filter(|at| holding.0[1].iter().any(|partition| partition.number == at.partition))
        .collect();
    assert!(!lost.is_empty());
    let late = Batch::of(vec![append(&harness.output(), "k", "late")]).moving(stale, lost.clone());
    match writer.commit(late).await.unwrap_err() {
        Error::Rebalanced { group, .. } => assert_eq!(group, "lost"),
        other => panic!("{other}"),
    }
    assert_eq!(count(&*log, &harness.output()).await, 0);
    // What was read and could not be committed comes again from the committed position, in what is still held.
    let kept = readers[0].assigned();
    assert_eq!(kept.iter().cloned().collect::<BTreeSet<_>>(), holding.0[0]);
    readers[0].rewind().await.unwrap();
    let expected = records.iter().filter(|record| kept.iter().any(|own| own.number == record.partition)).count();
    assert_eq!(read(&mut *readers[0], expected).await.len(), expected);
    // Who holds the others now may commit them.
    writer
        .commit(Batch::of(vec![append(&harness.output(), "k", "mine")]).moving(readers[1].membership(), lost))
        .await
        .unwrap();
    assert_eq!(count(&*log, &harness.output()).await, 1);
}

pub(crate) async fn co_partitioned_topics_move_together(harness: &dyn Harness) {
    let log = harness.log().await;
    let (input, output) = (harness.input(), harness.output());
    let mut readers = Vec::new();
    for _ in 0..2 {
        readers.push(log.reader("together", &[&input, &output]).await.unwrap());
    }
    let mut holding = Holding::default();
    holding.until(&mut readers, |held| held.iter().all(|of| of.len() == 4)).await;
    for held in &holding.0 {
        let of = |topic: &Topic| {
            held.iter()
                .filter(|partition| partition.topic == *topic)
                .map(|partition| partition.number)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&input), of(&output));
    }
}

/// Readers that come and go copy `input` to `output`; in the end every record is there once, in order per key.
pub(crate) async fn a_record_is_copied_exactly_once_however_often_the_copier_changes(harness: &dyn Harness) {
    const RECORDS: usize = 600;
    let log = harness.log().await;
    let (input, output) = (harness.input(), harness.output());
    let mut source = log.writer("source").await.unwrap();
    fill(&mut *source, &input, RECORDS, 50).await;
    let mut lives = 0;
    while count(&*log, &output).await < RECORDS {
        // Two copiers at a time, each with few batches to live; names repeat, so that a later one replaces an earlier one.
        let mut copiers = tokio::task::JoinSet::new();
        for place in 0..2 {
            let (log, input, output) = (harness.log().await, input.clone(), output.clone());
            copiers
                .spawn(async move { crate::copier::copy(&*log, &format!("copier-{place}"), &input, &output, 3).await });
        }
        while let Some(ended) = copiers.join_next().await {
            ended.unwrap();
        }
        lives += 2;
        assert!(lives < 200, "the copiers do not get on");
    }
    crate::copier::assert_copied_once(&*log, &input, &output).await;
}
