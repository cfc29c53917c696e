//! What of a view Node's own file flags must name.
//!
//! Node compares paths as text, so a grant is named by its written path, by its real path and by
//! the symlinks between them. What JavaScript may read of the runtime's data and of the service's
//! private file system is named too, or Node would refuse what the kernel grants. So is an optional
//! path where nothing is: `existsSync` throws for what is not named, where the program waits for no.

use super::view::{Purpose, View};
use crate::node::flags::{Grants, OWN_READ, OWN_WRITE};
use crate::plan::{Access, PlannedSecret};
use ringfence_policy::model::Process;

/// The grants of a settled view in the terms of Node's flags.
pub(super) fn build(view: &View, process: &Process, secrets: &[PlannedSecret]) -> Grants {
    let mut grants = Grants {
        read: OWN_READ.iter().map(Into::into).collect(),
        write: OWN_WRITE.iter().map(Into::into).collect(),
        ..Grants::of_process(process)
    };
    grants.read.extend(secrets.iter().map(|secret| secret.to.clone()));
    for (path, bound) in view.objects() {
        if bound.purpose == Purpose::Library {
            continue;
        }
        grants.read.push(path.into());
        if bound.access == Access::Write {
            grants.write.push(path.into());
            grants.read_only_inside_writable |= view.below(path).next().is_some();
        }
    }
    for (named, real) in view.named() {
        let Some((_, bound)) = view.nearest(real) else { continue };
        grants.read.push(named.into());
        if bound.access == Access::Write {
            grants.write.push(named.into());
        }
    }
    grants.read.extend(view.absent().map(Into::into));
    grants.tidy();
    grants
}
