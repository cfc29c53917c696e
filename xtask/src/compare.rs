//! `cargo xtask compare`: the battery inside ringfence and, with the same boundary, in every other
//! place that is installed here, side by side.
//!
//! Two boundaries: the example service, which needs a network, and one that needs none, because
//! that is where tools that only know "all of the network or none" look best. With `--write` the
//! tables become `docs/compared.md`, which nobody writes by hand.

use crate::failure::Failure;
use crate::npm;
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process;
use crate::surroundings::Surroundings;
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Options of `cargo xtask compare`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How the tables are written
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Write `docs/compared.md` instead
    #[arg(long)]
    write: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
    Markdown,
}

/// What the page says before its tables.
const INTRODUCTION: &str = "\
# The same battery elsewhere

Written by `cargo xtask compare --write`; do not edit. The attacks of `ringfence prove`, made against
the same boundary in other places: nothing at all (`bare`), Node's permission flags as the field
manual writes them (`manual`) and in the spelling that works (`node-flags`), bubblewrap, and gVisor
(`runsc`). Every place gets the same files, environment, user and limits as far as it can express
them; the command lines are below.

How to read it:

- `open`: the attack worked. `blocked`: it failed there, and the same act works outside. `n/a`: it
  cannot be tried there, there is nothing on this host to attack, or it fails outside as well.
- Peers are judged more kindly than ringfence: there, any failure counts as blocked; in ringfence's
  column only an expected refusal does.
- `own kernel`: the call was let in by a kernel that the place brings itself (gVisor). That is its
  design, not a hole; what reaches the host is counted as open or blocked.
- Native acts are not tried against Node's flags, which keep native code out. Where the boundary
  grants workers, a worker started with empty `execArgv` sheds the flags, and then everything that is
  open in `bare` is within its reach.
- Some attacks misuse what is granted. For them every place is given one address, one name, one
  folder to read and one to write, so a tool that knows only all of the network or none of it shares
  all of it there, even where the boundary itself has no network.
- \"Granted and works\" is the counterpart: whether reading, writing and connecting that is granted
  works there. Who refuses everything blocks every attack too.
- A tool is not worse for what it does not set out to do: bubblewrap is a tool to build sandboxes
  with, and every place can be combined with others. These are the tools as they come.

";

/// Runs the comparison.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    step("Building ringfence and installing the example");
    let ringfence = places::ringfence(Build::Release)?;
    let orders = places::orders();
    npm::install_locked(&orders)?;
    let surroundings = Surroundings::start()?;
    let format = if options.write { Format::Markdown } else { options.format };
    let tables = tables(&ringfence, format);
    surroundings.stop()?;
    let [with_network, without] = tables?;
    if !options.write {
        step("A service with a network: examples/orders");
        say(with_network);
        step("A service without a network");
        say(without);
        return Ok(());
    }
    let mut page = String::from(INTRODUCTION);
    let _ = writeln!(page, "Made on {}.\n", today()?);
    let _ = writeln!(page, "## A service with a network: examples/orders\n\n{with_network}");
    let _ = writeln!(page, "## A service without a network\n\n{without}");
    let path = places::root().join("docs/compared.md");
    std::fs::write(&path, page.trim_end().to_owned() + "\n")
        .map_err(Failure::file("cannot write", &path))?;
    say(format!("written: {}", path.display()));
    Ok(())
}

fn tables(ringfence: &Path, format: Format) -> Result<[String; 2], Failure> {
    step("Attacking the example service's boundary in every place");
    let orders = places::orders();
    let with_network = compare(ringfence, &orders, format)?;
    step("Attacking a boundary without a network in every place");
    let folder = tempfile::Builder::new()
        .prefix("ringfence-quiet-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))?;
    let node = npm::executable(&orders).to_string_lossy().into_owned();
    let boundary = format!(
        "schema = 1\n[service]\nname = \"quiet\"\nstart = [{node:?}, \"main.js\"]\n[fs]\nread = \
         [\"./main.js\"]\n[limits]\nmemory = \"512MiB\"\npids = 64\nopen-files = 1024\n\
         file-size = \"32MiB\"\ntmp = \"16MiB\"\n[require]\nlayers = [\"environment\", \
         \"identity\", \"namespaces\", \"rlimits\", \"landlock\", \"seccomp\", \"broker\"]\n"
    );
    for (name, text) in [("ringfence.toml", boundary.as_str()), ("main.js", "console.log(1);\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).map_err(Failure::file("cannot write", &path))?;
    }
    Ok([with_network, compare(ringfence, folder.path(), format)?])
}

/// One table; an attack that went through in ringfence's own column is a failure.
fn compare(ringfence: &Path, folder: &Path, format: Format) -> Result<String, Failure> {
    let format = match format {
        Format::Human => "human",
        Format::Json => "json",
        Format::Markdown => "markdown",
    };
    let mut command = process::command(ringfence);
    command.current_dir(folder).args(["prove", "--compare", "--format", format]);
    let said = process::run(&mut command, b"", Duration::from_mins(10))?;
    let said = said.success("ringfence prove --compare")?;
    // The page is read on other machines.
    let text = said.stdout.replace(&*places::root().to_string_lossy(), "/checkout");
    Ok(text.replace(&*folder.to_string_lossy(), "/service"))
}

/// The date in UTC.
fn today() -> Result<String, Failure> {
    let mut date = process::command("date");
    let said = process::run(date.args(["-u", "+%F"]), b"", Duration::from_secs(10))?;
    Ok(said.success("date")?.stdout.trim().to_owned())
}
