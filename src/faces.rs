//! Who asks: the command lines and their menus. A face decides nothing.

pub mod maintenance;
