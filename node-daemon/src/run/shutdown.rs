//! The order in which a node ends.

use super::Node;
use crate::intake::Command;

/// Ends the node. From the source to the room: what comes in is finished before what hands it out.
///
/// A crash or a second signal skips this list. Then the session stays live in the index, and the next start goes on with
/// it.
pub(super) async fn shutdown(node: Node) {
    let Node { desk, intake, server, stop_serving, announcement, address: _, resumes: _ } = node;

    // 1. The session ends properly: capture flushes its encoders, the last segments are sealed, the playlists get their
    //    end. HTTP still answers, so that every phone hears of it.
    desk.close().await;

    // 2. Capture leaves, and the keeper writes what it still owes. From here on nothing is written.
    if desk.commands.send(Command::Leave).await.is_err() {
        tracing::debug!("the intake has left already");
    }
    match tokio::task::spawn_blocking(move || intake.join()).await {
        Ok(Ok(())) => {}
        _ => tracing::error!("the intake ended with a fault"),
    }

    // 3. No new client finds the node.
    drop(announcement);

    // 4. The clients that are there get the rest of their answers.
    stop_serving.cancel();
    if !server.is_finished() && server.await.is_err() {
        tracing::error!("the server ended with a fault");
    }

    // 5. The index file is whole by itself: what is copied or restored is often that one file.
    let store = desk.store.clone();
    match tokio::task::spawn_blocking(move || store.fold()).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            tracing::warn!("another program reads the index; a copy of it needs index.sqlite-wal too")
        }
        Ok(Err(error)) => {
            tracing::warn!(error = model::chain(&error), "a copy of the index needs index.sqlite-wal too")
        }
        Err(_) => tracing::error!("the index ended with a fault"),
    }

    // 6. The last hold on the data folder goes: the next daemon may have it.
    drop(desk);
    tracing::info!("the node has ended");
}
