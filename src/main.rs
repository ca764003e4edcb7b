//! The redundancy utility; see the library.

fn main() -> std::process::ExitCode {
    mxone_system_redundancy::main().into()
}
