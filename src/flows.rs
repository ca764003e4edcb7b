//! What we do: one file an action.

pub mod maintenance;
