//! Setting inode flags where only reading is granted.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::File;
use std::os::fd::AsFd;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "change-flags",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "sets inode flags on a file granted for reading",
    act: Act::Native(attack),
    refusals: &["EROFS", "EACCES", "EPERM", "ENOENT", "ENOTTY"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Seccomp],
};

fn attack(params: &Params) -> Attempt {
    let file = File::open(params.path("spare_file")?).step("open")?;
    files::set_flags(file.as_fd()).step("FS_IOC_SETFLAGS")?;
    Ok("set the flags of a read-only file".to_owned())
}
