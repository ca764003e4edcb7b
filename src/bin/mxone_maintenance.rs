//! The maintenance utility: see `faces::maintenance`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mxone_system_redundancy::mxone_maintenance(std::env::args_os())
}
