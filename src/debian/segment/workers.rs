//! Work on many pieces at once, results in order, memory bounded: the threads and the buffers of a builder.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::member::MEMBER;
use crate::{Error, Result};

/// Buffers kept for the next piece, for each thread: more than are ever under way at once.
const SPARE: usize = 8;

/// Room in a fresh buffer: a piece, raw or compressed, and what is read until it is noticed that there is one. A buffer that
/// grows on the way takes twice as much.
const ROOM: usize = MEMBER + (160 << 10);

/// Something to be made.
type Job = Box<dyn FnOnce() + Send>;

/// The threads that make segments and layers, those that compress and decompress for them, and the buffers that pieces
/// travel in. One per builder, however much it builds at once: threads that come and go leave each their own memory behind
/// (a decoder's 8 MiB dictionary, for one), and a fresh buffer of a megabyte costs as much in page faults as hashing it.
pub(in super::super) struct Workers {
    /// How many threads compress; with one core, everything is done where it is asked for.
    count: usize,
    pool: OnceLock<Option<rayon_core::ThreadPool>>,
    makers: OnceLock<Sender<Job>>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Workers {
    /// One that works on `cores` cores. Its threads begin with its first work.
    pub fn new(cores: usize) -> Self {
        Workers { count: if cores <= 1 { 0 } else { cores }, pool: OnceLock::new(), makers: OnceLock::new(), spare: Arc::default() }
    }

    /// An empty buffer with room for a piece.
    pub fn buffer(&self) -> Buffer {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = spare.unwrap_or_else(|| Vec::with_capacity(ROOM));
        Buffer { bytes, most: SPARE * self.count.max(1), home: self.spare.clone() }
    }

    /// Gives the memory of the buffers that wait for a next piece back, before memory is needed for something else.
    pub fn give_back(&self) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the first `length` bytes, or as many as there are, out of `buffer`; the rest stays in it.
    pub fn cut(&self, buffer: &mut Buffer, length: usize) -> Buffer {
        let mut rest = self.buffer();
        rest.extend_from_slice(buffer.get(length..).unwrap_or_default());
        let mut first = std::mem::replace(buffer, rest);
        first.truncate(length);
        first
    }

    /// `None` with one core, or where threads cannot be had.
    fn pool(&self) -> Option<&rayon_core::ThreadPool> {
        let begin = || {
            let builder = rayon_core::ThreadPoolBuilder::new().num_threads(self.count).thread_name(|n| format!("bytes-{n}"));
            (self.count > 0).then(|| builder.build().ok()).flatten()
        };
        self.pool.get_or_init(begin).as_ref()
    }

    /// Makes something: as many things at once as there are cores, first come, first served.
    pub async fn make<T: Send + 'static>(&self, what: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let makers = self.makers.get_or_init(|| makers(self.count.max(1)));
        let (answer, made) = sync_channel(1);
        let _ = makers.send(Box::new(move || drop(answer.send(what()))));
        // A blocking task waits for it, even when whoever asked is gone: the runtime does not end, and with it the process,
        // before what was begun has cleared up behind itself.
        let made = tokio::task::spawn_blocking(move || finished(&made));
        made.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Runs `work` over what `produce` hands out and gives the results to `consume` in the order they were handed out.
    ///
    /// `produce` and `consume` run on the calling thread, `work` on the workers. As many pieces as there are threads
    /// are under way, so memory does not depend on how much there is. The result is the same for any number of threads. What
    /// is `small` is not worth handing over and done in turn on this thread.
    pub fn ordered<J: Send, T: Send>(
        &self,
        small: bool,
        produce: impl FnOnce(&mut dyn FnMut(J) -> Result<()>) -> Result<()>,
        work: impl Fn(J) -> Result<T> + Sync,
        mut consume: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let Some(pool) = self.pool().filter(|_| !small) else { return produce(&mut |job| consume(work(job)?)) };
        let work = &work;
        pool.in_place_scope(|scope| {
            let mut pending: VecDeque<Receiver<Result<T>>> = VecDeque::with_capacity(self.count);
            produce(&mut |job| {
                if pending.len() >= self.count
                    && let Some(oldest) = pending.pop_front()
                {
                    consume(finished(&oldest)?)?;
                }
                let (answer, result) = sync_channel(1);
                // Nobody takes the answer after an error; the work is done for nothing then.
                scope.spawn(move |_| drop(answer.send(work(job))));
                pending.push_back(result);
                Ok(())
            })?;
            pending.iter().try_for_each(|result| consume(finished(result)?))
        })
    }
}

fn finished<T>(result: &Receiver<Result<T>>) -> Result<T> {
    result.recv().unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> Error {
    Error::bug("a worker thread stopped")
}

/// `count` threads that end with the sender. Not rayon's: those begin the next thing while they wait for pieces of one, and
/// would wait for another process's turn with a turn of their own in hand.
fn makers(count: usize) -> Sender<Job> {
    let (jobs, queue) = channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for n in 0..count {
        let queue = queue.clone();
        let work = move || {
            loop {
                // Held only while taking a job: the guard is gone before the work begins.
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                // Whoever waits is told: the answer is dropped. The next thing does not suffer for it.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        };
        // Without a thread there is nobody to answer, and `make` says so.
        let _ = std::thread::Builder::new().name(format!("maker-{n}")).spawn(work);
    }
    jobs
}

/// Bytes on their way through the workers; what they lay in is used again.
pub(in super::super) struct Buffer {
    bytes: Vec<u8>,
    most: usize,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut spare = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < self.most && bytes.capacity() > 0 {
            spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cores: usize, fail_at: Option<u32>) -> (Vec<u32>, Result<()>) {
        let mut seen = Vec::new();
        let result = Workers::new(cores).ordered(
            false,
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
    fn results_come_in_order_with_any_number_of_threads() {
        let expected: Vec<u32> = (0..200).map(|n| n * 2).collect();
        for cores in [0, 1, 2, 5] {
            assert_eq!(run(cores, None).0, expected);
        }
    }

    #[test]
    fn the_first_error_stops_everything_and_is_the_one_told() {
        for cores in [1, 2, 3] {
            let (seen, result) = run(cores, Some(50));
            assert_eq!(result.unwrap_err().message(), "at 50");
            assert_eq!(seen.len(), 50);
        }
    }

    #[test]
    fn things_are_made_at_once_and_a_panic_stops_one_of_them_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let workers = Workers::new(2);
        // Each waits for the other: both are under way.
        let (one, two) = (sync_channel::<()>(0), sync_channel::<()>(0));
        let pair = runtime.block_on(async {
            tokio::join!(
                workers.make(move || Ok(one.0.send(()).is_ok() && two.1.recv().is_ok())),
                workers.make(move || Ok(one.1.recv().is_ok() && two.0.send(()).is_ok()))
            )
        });
        assert!(pair.0.unwrap() && pair.1.unwrap());
        for _ in 0..3 {
            let error = runtime.block_on(workers.make(|| -> Result<()> { panic!("on purpose") })).unwrap_err();
            assert_eq!(error.message(), "a worker thread stopped");
        }
        assert_eq!(runtime.block_on(workers.make(|| Ok(1))).unwrap(), 1);
    }

    #[test]
    fn a_buffer_is_used_again_and_begins_empty() {
        let workers = Workers::new(2);
        let mut first = workers.buffer();
        first.extend_from_slice(&[1; 5000]);
        let at = first.as_ptr();
        drop(first);
        let again = workers.buffer();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        let other = workers.buffer();
        assert!(other.as_ptr() != at && other.capacity() >= MEMBER);
    }
}
