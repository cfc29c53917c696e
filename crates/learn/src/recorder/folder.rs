//! Where records lie: beside the boundary file, for its owner alone, the newest ten.

use super::error::RecordError;
use super::script::SCRIPT;
use crate::record::told_beside;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Everything of the recorder's own lies in it.
pub(super) const OWN: &str = ".ringfence";
const RECORDS: &str = "records";
const SCRIPT_NAME: &str = "learn.cjs";
/// Records that are kept, the new one among them.
const KEPT: usize = 10;

/// A new record and what stands beside it.
pub(super) struct Place {
    pub(super) file: File,
    pub(super) record: PathBuf,
    /// Where the script tells, and its path.
    pub(super) told: (File, PathBuf),
    pub(super) script: PathBuf,
    /// Seconds since the epoch.
    pub(super) started: u64,
}

/// Makes a new record below the folder of the boundary file, and forgets the oldest.
pub(super) fn make(folder: &Path) -> Result<Place, RecordError> {
    let records = folder.join(OWN).join(RECORDS);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RecordError::Begin { path, source }
    };
    for own in [folder.join(OWN), records.clone()] {
        own_folder(&own).map_err(failed(&own))?;
    }
    let ignore = records.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").map_err(failed(&ignore))?;
    }
    let script = records.join(SCRIPT_NAME);
    if std::fs::read_to_string(&script).is_ok_and(|text| text == SCRIPT) {
        // As it should be.
    } else {
        // Another run may be reading the old one: it is replaced as a whole.
        let fresh = records.join(format!(".{SCRIPT_NAME}-{}", std::process::id()));
        std::fs::write(&fresh, SCRIPT).map_err(failed(&fresh))?;
        std::fs::rename(&fresh, &script).map_err(failed(&script))?;
    }
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let record = records.join(format!("{}-{}.jsonl", stamp(started), std::process::id()));
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(&record).map_err(failed(&record))?;
    let told = told_beside(&record);
    let told = (options.open(&told).map_err(failed(&told))?, told);
    forget_oldest(&records);
    Ok(Place { file, record, told, script, started })
}

/// Makes a folder where none is. One that is there must be a folder and this user's: in a project of
/// somebody else a link would lead to where files are then replaced and removed.
fn own_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::other("it is there and no folder"));
    }
    // The user of this process, as the kernel shows it.
    let own = std::fs::metadata("/proc/self")?.uid();
    if found.uid() != own {
        return Err(io::Error::other("it belongs to another user"));
    }
    Ok(())
}

/// Records are named after their time, so the first by name are the oldest.
fn forget_oldest(records: &Path) {
    let Ok(entries) = std::fs::read_dir(records) else { return };
    let entries = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut all: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    all.sort();
    for old in all.iter().rev().skip(KEPT) {
        let _ = std::fs::remove_file(old);
        let _ = std::fs::remove_file(told_beside(old));
    }
}

/// `20261122T221925Z`.
fn stamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to civil date, counting years from March so that leap days come last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Takes a record away of which nothing came.
pub(super) fn take_back(place: &Place) {
    let _ = (&place.file).flush();
    let _ = std::fs::remove_file(&place.record);
    let _ = std::fs::remove_file(&place.told.1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_stamp_is_the_time_in_utc() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_827_696), "20000229T123456Z");
        assert_eq!(stamp(1_795_385_965), "20261122T221925Z");
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_leads_nowhere() {
        let (folder, victim) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join(OWN)).unwrap();
        let link = folder.path().join(OWN).join(RECORDS);
        std::os::unix::fs::symlink(victim.path(), &link).unwrap();
        assert!(make(folder.path()).is_err());
        assert_eq!(std::fs::read_dir(victim.path()).unwrap().count(), 0);
        // The control: without the link there is a record.
        std::fs::remove_file(&link).unwrap();
        make(folder.path()).unwrap();
    }

    #[test]
    fn records_are_for_their_owner_and_the_newest_ten_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join(OWN).join(RECORDS);
        std::fs::create_dir_all(&records).unwrap();
        for second in 0..12 {
            std::fs::write(records.join(format!("20200101T0000{second:02}Z-1.jsonl")), "").unwrap();
        }
        let place = make(folder.path()).unwrap();
        let mode = std::fs::metadata(&place.record).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&place.script).unwrap(), SCRIPT);
        assert_eq!(std::fs::read_to_string(records.join(".gitignore")).unwrap(), "*\n");
        let names = std::fs::read_dir(&records).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
        names.retain(|name| Path::new(name).extension().is_some_and(|end| end == "jsonl"));
        names.sort();
        assert_eq!(names.len(), KEPT);
        assert_eq!(names[0], "20200101T000003Z-1.jsonl");
        take_back(&place);
        assert!(!place.record.exists() && !place.told.1.exists());
    }
}
