//! What is told of servers that are silent or break off.

use std::time::Duration;

use super::*;
use crate::progress::Progress;
use crate::waiting::Lines;

#[tokio::test]
async fn whoever_waits_is_told_for_whom_and_that_it_is_tried_again() {
    let world = World::new();
    let package = world.package().await;
    world.server.change(DEB, |file| (file.cuts, file.silence) = (1, Duration::from_millis(60)));
    let (archive, lines) = (world.archive(), Arc::new(Lines::default()));
    archive.tell(Arc::clone(&lines) as Arc<dyn Progress>);
    archive.fetcher().fetch(&package, &|_| {}, &CancellationToken::new()).await.unwrap();
    let told = lines.0.lock().unwrap().join("\n");
    let url = format!("{}{DEB}", world.server.url);
    assert!(told.contains(&format!("waiting for 127.0.0.1 for 0 s: {url}")), "{told}");
    assert!(told.contains(&format!("retrying: the connection broke while receiving {url}")), "{told}");
}
