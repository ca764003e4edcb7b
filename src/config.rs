//! Files as a person writes them, turned into checked settings, with every problem named by file, line and column.

pub mod answers;
pub mod document;
pub mod lease;
pub mod notify;
pub mod platform;
pub mod redundancy;
pub mod translation;
