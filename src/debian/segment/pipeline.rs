//! Work on many pieces at once, results in order, memory bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// Runs `work` over what `produce` hands out and gives the results to `consume` in the order they were handed out.
///
/// `produce` runs on the calling thread, `consume` on one and `work` on `workers` others. At most `2 * workers` pieces
/// are under way, so memory does not depend on how much there is. The result is the same for any number of workers:
/// with none everything happens in turn on this thread.
pub(in super::super) fn ordered<J: Send, T: Send>(
    workers: usize,
    produce: impl FnOnce(&mut dyn FnMut(J) -> Result<()>) -> Result<()>,
    work: impl Fn(J) -> Result<T> + Sync,
    mut consume: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    if workers == 0 {
        return produce(&mut |job| consume(work(job)?));
    }
    type Job<J, T> = (J, SyncSender<Result<T>>);
    let (jobs, queue) = sync_channel::<Job<J, T>>(workers);
    let (order, results) = sync_channel::<Receiver<Result<T>>>(2 * workers);
    let queue = Mutex::new(queue);
    let (queue, work) = (&queue, &work);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(move || {
                loop {
                    // Held only while taking a job: the guard is gone before the work begins.
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((job, answer)) = job else { return };
                    let _ = answer.send(work(job));
                }
            });
        }
        let consumer = scope.spawn(move || -> Result<()> {
            for answer in results {
                consume(answer.recv().map_err(|_| stopped())??)?;
            }
            Ok(())
        });
        // Once the consumer has failed nobody takes results, sending fails, and producing stops.
        let produced = produce(&mut |job| {
            let (answer, result) = sync_channel(1);
            order.send(result).map_err(|_| stopped())?;
            jobs.send((job, answer)).map_err(|_| stopped())
        });
        drop((order, jobs));
        let consumed = consumer.join().unwrap_or_else(|_| Err(stopped()));
        // The consumer's error is the cause when both have one.
        consumed.and(produced)
    })
}

fn stopped() -> Error {
    Error::failed("a worker thread stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(workers: usize, fail_at: Option<u32>) -> (Vec<u32>, Result<()>) {
        let mut seen = Vec::new();
        let result = ordered(
            workers,
            |push| (0..200u32).try_for_each(push),
            |n| {
                if n % 7 == 0 {
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
                if fail_at == Some(n) { Err(Error::failed(format!("at {n}"))) } else { Ok(n * 2) }
            },
            |n| {
                seen.push(n);
                Ok(())
            },
        );
        (seen, result)
    }

    #[test]
    fn results_come_in_order_with_any_number_of_workers() {
        let expected: Vec<u32> = (0..200).map(|n| n * 2).collect();
        for workers in [0, 1, 2, 5] {
            assert_eq!(run(workers, None).0, expected);
        }
    }

    #[test]
    fn the_first_error_stops_everything_and_is_the_one_told() {
        for workers in [0, 1, 3] {
            let (seen, result) = run(workers, Some(50));
            assert_eq!(result.unwrap_err().message(), "at 50");
            assert_eq!(seen.len(), 50);
        }
    }
}
