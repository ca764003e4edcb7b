//! Numbers that somebody else collects.

use std::io;

use async_trait::async_trait;

/// Where numbers are put so that they are found.
#[async_trait]
pub trait Gauges: Send + Sync {
    /// Puts the text there in place of the one before; nothing where nobody wants it.
    ///
    /// # Errors
    /// When it cannot be put there.
    async fn publish(&self, text: &str) -> io::Result<()>;
}
