//! Parses, runs, and turns the outcome into an exit code and, where it failed, three lines that help.

use std::io::{self, Write};
use std::process::ExitCode;

use ollama_forward::app::{self, Ended};
use ollama_forward::cli::{self, Cli};
use ollama_forward::fault::{Fault, FaultId};
use ollama_forward::words::Lang;

/// Connections had to be cut: 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let lang = cli.lang();
    match app::run(cli) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Printed(text)) => print(&text),
        Ok(Ended::Found(text)) => {
            print(&text);
            ExitCode::FAILURE
        }
        Ok(Ended::NoneRunning(text)) => {
            print(&text);
            ExitCode::from(FaultId::NotRunning.exit_code())
        }
        Ok(Ended::Told(code)) => ExitCode::from(code),
        Ok(Ended::Cut) => ExitCode::from(INTERRUPTED),
        Err(fault) => {
            complain(&fault, lang);
            ExitCode::from(fault.id.exit_code())
        }
    }
}

/// Help and version are results; everything else that clap says is a mistake.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> = std::env::args_os().collect();
    complain(&cli::trouble::fault(error), cli::asked_language(&words));
    ExitCode::from(FaultId::Usage.exit_code())
}

/// Results go to standard output; a reader that closed it has seen enough.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error[E-INTERNAL]: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

fn complain(fault: &Fault, lang: Lang) {
    let _ = write!(io::stderr(), "{}", fault.text(lang));
}
