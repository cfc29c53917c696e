//! Lifting its own limits.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::Errno;
use ringfence_sys::attack::{Attempt, Failure, Params, Step};
use std::fs::{self, File};
use std::path::PathBuf;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "own-control-group",
    class: Class::Proc,
    claim: Claim::FilesWrite,
    attack: "opens its own control group for writing",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(_params: &Params) -> Attempt {
    let own = fs::read_to_string("/proc/self/cgroup").step("read /proc/self/cgroup")?;
    let mut last = Errno(libc::ENOENT);
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(names), Some(path)) = (fields.next(), fields.next()) else { continue };
        for mount in ["", "unified", names.trim_start_matches("name=")] {
            let mut folder = PathBuf::from("/sys/fs/cgroup").join(mount);
            folder.push(path.trim_start_matches('/'));
            match File::options().write(true).open(folder.join("cgroup.procs")) {
                Ok(_) => return Ok(format!("opened {} for writing", folder.display())),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => last = error.into(),
            }
        }
    }
    Err(Failure::at("open", last))
}
