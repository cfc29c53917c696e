//! `ringfence completions`

use crate::arguments;
use crate::error::Finish;
use crate::printer::Printer;
use clap_complete::Shell;

/// Print completions for a shell
///
/// For bash, for example: `ringfence completions bash > /etc/bash_completion.d/ringfence`
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(&self, printer: &mut Printer) -> Finish {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut arguments::command(), "ringfence", &mut script);
        printer.bytes(&script);
        Finish::Clean
    }
}
