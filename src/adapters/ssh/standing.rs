//! A command that runs on, over a connection of its own, spoken with line by line.

use std::io;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncWriteExt as _, SimplexStream, WriteHalf, simplex};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::connection::Connection;
use crate::ports::conversation::Conversation;

/// What may wait to be heard before the server is held back.
const AHEAD: usize = 256 * 1024;

/// Starts `line`; `None` when the server refuses to run commands or hangs up.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow, and most of it is for servers")]
pub(super) async fn start(connection: Connection, channel: Channel<Msg>, line: String) -> Option<Conversation> {
    let (mut read, write) = channel.split();
    write.exec(true, line).await.ok()?;
    loop {
        match read.wait().await? {
            ChannelMsg::Success => break,
            ChannelMsg::Failure | ChannelMsg::Close => return None,
            // Window adjustments and the like; a command says nothing before it is started.
            _ => {}
        }
    }
    let (from, to) = simplex(AHEAD);
    let saying = write.make_writer();
    let hearing = tokio::spawn(async move {
        // Whoever listens no more ends the command.
        let _ = poured(read, to).await;
    });
    Some(Conversation::new(from, Box::pin(saying), Standing { kept: Some((connection, write)), hearing }))
}

/// Hands on what both outputs say.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow, and most of it is for servers")]
async fn poured(mut read: ChannelReadHalf, mut to: WriteHalf<SimplexStream>) -> io::Result<()> {
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => to.write_all(&data).await?,
            ChannelMsg::Close | ChannelMsg::Eof => break,
            _ => {}
        }
    }
    to.shutdown().await
}

/// Keeps the command running; dropped, it ends the command and the connection.
struct Standing {
    kept: Option<(Connection, ChannelWriteHalf<Msg>)>,
    hearing: JoinHandle<()>,
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.hearing.abort();
        let (Some((connection, write)), Ok(runtime)) = (self.kept.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            // A server that no longer listens has ended the command already, or never will.
            let _ = write.eof().await;
            let _ = write.close().await;
            connection.end().await;
        });
    }
}
