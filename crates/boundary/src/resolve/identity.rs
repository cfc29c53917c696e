//! Under which user and groups the service runs.
//!
//! Names are looked up in `/etc/passwd` and `/etc/group` themselves (passwd(5), group(5)): the
//! name service switch would load foreign libraries into the supervisor. Users that only a
//! directory server knows must therefore be written as numbers.

use super::error::{Kind, ResolveError};
use crate::plan::ResolvedIdentity;
use ringfence_policy::model::Identity;
use ringfence_policy::source::Located;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// Effective ids of the one who called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// Why the service's user cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Only root can change to another user or group.
    #[error("only root can run the service as another {what}: {wanted} (this is {own})")]
    NotRoot {
        /// `user` or `group`.
        what: &'static str,
        /// What is asked for.
        wanted: String,
        /// The caller's own id.
        own: u32,
    },
    /// User 0.
    #[error("the service must not run as root: {0}")]
    Root(String),
    /// Not in the file, not a number.
    #[error("no such {what}: {name}")]
    Unknown {
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl IdentityError {
    /// What the failure is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::NotRoot { .. } => Kind::Host,
            Self::Root(_) | Self::Unknown { .. } => Kind::Configuration,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotRoot { what, .. } => {
                format!("remove identity.{what} to run as yourself, or start ringfence as root, which then changes to that {what}")
            }
            Self::Root(_) => "name an ordinary user in identity.user, or remove it: root becomes the owner of the boundary file's folder, or nobody".into(),
            Self::Unknown { what: "user", name } => format!("create it, such as `useradd --system {name}`, or write its number"),
            Self::Unknown { name, .. } => format!("create it, such as `groupadd --system {name}`, or write its number"),
        }
    }
}

/// The two account files, as text.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) passwd: String,
    pub(crate) group: String,
}

impl Accounts {
    /// This host's; a missing or unreadable file counts as empty.
    pub(crate) fn of_host() -> Self {
        let read = |path| {
            std::fs::read(path)
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .unwrap_or_default()
        };
        Self { passwd: read("/etc/passwd"), group: read("/etc/group") }
    }

    /// Name, user id and primary group of the first account that fits.
    fn user(&self, fits: impl Fn(&str, u32) -> bool) -> Option<(String, u32, u32)> {
        self.passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _password) = (fields.next()?, fields.next()?);
            let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            fits(name, uid).then(|| (name.to_owned(), uid, gid))
        })
    }

    fn group(&self, fits: impl Fn(&str, u32) -> bool) -> Option<(String, u32)> {
        self.group.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _password, gid) =
                (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
            fits(name, gid).then(|| (name.to_owned(), gid))
        })
    }

    fn user_id(&self, text: &str) -> Result<(u32, Option<u32>), IdentityError> {
        if let Some((_, uid, gid)) = self.user(|name, _| name == text) {
            return Ok((uid, Some(gid)));
        }
        let uid = number("user", text)?;
        Ok((uid, self.user(|_, known| known == uid).map(|(_, _, gid)| gid)))
    }

    fn group_id(&self, text: &str) -> Result<u32, IdentityError> {
        if let Some((_, gid)) = self.group(|name, _| name == text) {
            return Ok(gid);
        }
        number("group", text)
    }
}

/// An id as a number; the largest one means "no change" to the kernel and is no id.
fn number(what: &'static str, text: &str) -> Result<u32, IdentityError> {
    let id = text.parse().ok().filter(|id| *id != u32::MAX);
    id.ok_or_else(|| IdentityError::Unknown { what, name: text.into() })
}

/// Whether the mode bits of an object surely deny `wanted` (4 read, 2 write, 1 execute).
///
/// False where an access control list might allow it, which shows in the group bits (acl(5)).
pub(crate) fn surely_denied(identity: &ResolvedIdentity, object: &Metadata, wanted: u32) -> bool {
    let mode = object.mode();
    if object.uid() == identity.uid {
        return mode >> 6 & wanted == 0;
    }
    let in_group = object.gid() == identity.gid || identity.groups.contains(&object.gid());
    mode >> 3 & wanted == 0 && (in_group || mode & wanted == 0)
}

/// The ids the service runs under.
///
/// Without `identity.user` a caller that is not root stays what it is, and root becomes `owner`,
/// the user and group of the boundary file's folder, or 65534 when that is root too.
/// `service` names the account inside when the host has no name for the number.
///
/// # Errors
/// Unknown names, root, or another user than the caller without being root.
pub(crate) fn resolve(
    identity: &Identity,
    caller: &Caller,
    owner: (u32, u32),
    accounts: &Accounts,
    service: &str,
    notes: &mut Vec<String>,
) -> Result<ResolvedIdentity, ResolveError> {
    let (uid, primary) = user(identity, caller, owner, accounts)?;
    let gid = match &identity.group {
        Some(group) => {
            accounts.group_id(&group.value).map_err(|error| ResolveError::at(&group.span, error))?
        }
        None if caller.uid != 0 => caller.gid,
        None => primary,
    };
    if caller.uid == 0 && gid == 0 {
        notes.push("the service runs with group 0 (root): files that only this group may read are readable if granted".into());
    }
    let mut groups = Vec::new();
    for group in &identity.groups {
        let id = accounts
            .group_id(&group.value)
            .map_err(|error| ResolveError::at(&group.span, error))?;
        if id != gid && !groups.contains(&id) {
            groups.push(id);
        }
    }
    refuse_others(identity, caller, uid, gid, &groups)?;
    let user_name = accounts.user(|_, known| known == uid).map(|(name, ..)| name);
    let group_name = accounts.group(|_, known| known == gid).map(|(name, _)| name);
    Ok(ResolvedIdentity {
        uid,
        gid,
        groups,
        user_name: user_name.unwrap_or_else(|| service.to_owned()),
        group_name: group_name.unwrap_or_else(|| service.to_owned()),
        switch: caller.uid == 0,
    })
}

/// User id and the group that goes with it.
fn user(
    identity: &Identity,
    caller: &Caller,
    owner: (u32, u32),
    accounts: &Accounts,
) -> Result<(u32, u32), ResolveError> {
    let Some(user) = &identity.user else {
        if caller.uid != 0 {
            return Ok((caller.uid, caller.gid));
        }
        let (uid, gid) = owner;
        if uid == 0 {
            return Ok((NOBODY, NOBODY));
        }
        let primary = accounts.user(|_, known| known == uid).map(|(_, _, gid)| gid);
        return Ok((uid, primary.unwrap_or(if gid == 0 { NOBODY } else { gid })));
    };
    let at = |error| ResolveError::at(&user.span, error);
    let (uid, primary) = accounts.user_id(&user.value).map_err(at)?;
    if uid == 0 {
        return Err(at(IdentityError::Root(user.value.clone())));
    }
    Ok((uid, primary.unwrap_or(NOBODY)))
}

/// Without root nothing can be changed.
fn refuse_others(
    identity: &Identity,
    caller: &Caller,
    uid: u32,
    gid: u32,
    groups: &[u32],
) -> Result<(), ResolveError> {
    if caller.uid == 0 {
        return Ok(());
    }
    let refused = |what, named: &Located<String>, own| {
        Err(ResolveError::at(
            &named.span,
            IdentityError::NotRoot { what, wanted: named.value.clone(), own },
        ))
    };
    match (&identity.user, &identity.group) {
        (Some(user), _) if uid != caller.uid => return refused("user", user, caller.uid),
        (_, Some(group)) if gid != caller.gid => return refused("group", group, caller.gid),
        _ => {}
    }
    let foreign = groups.iter().any(|group| !caller.groups.contains(group));
    match identity.groups.first().filter(|_| foreign) {
        Some(first) => refused("groups", first, caller.gid),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nbroken\norders:x:998:997::/var/lib/orders:/bin/false\n".into(),
            group: "root:x:0:\norders:x:997:\nssl-cert:x:109:orders\n".into(),
        }
    }

    fn located(text: &str) -> Located<String> {
        Located::new(text.into(), 3..9)
    }

    fn resolve_as(
        uid: u32,
        user: Option<&str>,
        owner: (u32, u32),
    ) -> Result<ResolvedIdentity, ResolveError> {
        let identity = Identity { user: user.map(located), ..Identity::default() };
        let caller = Caller { uid, gid: uid, groups: vec![] };
        resolve(&identity, &caller, owner, &accounts(), "service", &mut Vec::new())
    }

    #[test]
    fn root_becomes_the_owner_of_the_folder_or_nobody() {
        let owner = resolve_as(0, None, (998, 100)).unwrap();
        assert_eq!((owner.uid, owner.gid, owner.switch), (998, 997, true));
        assert_eq!((owner.user_name.as_str(), owner.group_name.as_str()), ("orders", "orders"));
        let stranger = resolve_as(0, None, (5000, 0)).unwrap();
        assert_eq!(
            (stranger.uid, stranger.gid, stranger.user_name.as_str()),
            (5000, NOBODY, "service")
        );
        let nobody = resolve_as(0, None, (0, 0)).unwrap();
        assert_eq!((nobody.uid, nobody.gid), (NOBODY, NOBODY));
    }

    #[test]
    fn who_is_not_root_stays_and_cannot_ask_for_another() {
        let stays = resolve_as(1000, None, (998, 997)).unwrap();
        assert_eq!((stays.uid, stays.gid, stays.switch), (1000, 1000, false));
        let refused = resolve_as(1000, Some("orders"), (0, 0)).unwrap_err();
        assert_eq!((refused.kind(), refused.span.clone()), (Kind::Host, 3..9));
        insta::assert_snapshot!(refused, @"only root can run the service as another user: orders (this is 1000)");
        assert_eq!(resolve_as(998, Some("orders"), (0, 0)).unwrap().uid, 998);
    }

    #[test]
    fn root_as_the_services_user_is_refused_by_name_and_by_number() {
        assert!(
            resolve_as(0, Some("4294967295"), (0, 0)).is_err(),
            "the kernel reads it as no change"
        );
        for name in ["root", "0", "00"] {
            let refused = resolve_as(0, Some(name), (998, 997)).unwrap_err();
            assert_eq!(refused.kind(), Kind::Configuration);
            assert!(matches!(
                refused.step,
                super::super::error::Step::Identity(IdentityError::Root(_))
            ));
        }
        assert!(
            resolve_as(0, Some("who"), (0, 0))
                .unwrap_err()
                .to_string()
                .contains("no such user: who")
        );
        assert_eq!(resolve_as(0, Some("4242"), (0, 0)).unwrap().gid, NOBODY);
    }
}
