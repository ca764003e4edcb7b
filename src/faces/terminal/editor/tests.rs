//! The editor, key by key.
