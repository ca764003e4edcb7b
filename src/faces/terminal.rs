//! The terminal UI: a dashboard, menus with the product's literal words, wizards, the translation editor.

pub mod help;
pub mod look;
