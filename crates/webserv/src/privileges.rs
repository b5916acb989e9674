//! Becoming another user when the sockets are open: nothing that is served needs root.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, getuid};

use crate::site::User;

/// A user that has been looked up.
#[derive(Debug)]
pub(crate) struct Account {
    /// For the supplementary groups; none for a number without an entry.
    name: Option<CString>,
    user: Uid,
    group: Gid,
}

/// Looks a user and a group up, by name or number.
///
/// # Errors
///
/// A sentence that says what is not there.
pub(crate) fn look_up(wanted: &User) -> Result<Account, String> {
    let entry = match wanted.name.parse::<u32>() {
        Ok(number) => nix::unistd::User::from_uid(Uid::from_raw(number)),
        Err(_) => nix::unistd::User::from_name(&wanted.name),
    };
    let entry = entry.map_err(|error| format!("cannot look up users: {error}"))?;
    let group = match &wanted.group {
        Some(group) => Some(look_up_group(group)?),
        None => None,
    };
    match (entry, wanted.name.parse::<u32>(), group) {
        (Some(entry), _, group) => Ok(Account {
            name: CString::new(entry.name).ok(),
            user: entry.uid,
            group: group.unwrap_or(entry.gid),
        }),
        // A number needs no entry, but then nothing says which group.
        (None, Ok(number), Some(group)) => Ok(Account {
            name: None,
            user: Uid::from_raw(number),
            group,
        }),
        _ => Err(format!("there is no user {}", wanted.name)),
    }
}

fn look_up_group(wanted: &str) -> Result<Gid, String> {
    if let Ok(number) = wanted.parse::<u32>() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(wanted) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => Err(format!("there is no group {wanted}")),
        Err(error) => Err(format!("cannot look up groups: {error}")),
    }
}

/// Becomes that user, in all threads and for good.
///
/// # Errors
///
/// EPERM: the process is not root, and not that user already.
pub(crate) fn become_user(wanted: &User) -> io::Result<()> {
    let account = look_up(wanted).map_err(io::Error::other)?;
    if getuid() == account.user && !getuid().is_root() {
        return Ok(());
    }
    // Groups first: afterwards nothing more is allowed.
    set_groups(&account)?;
    set_ids(&account)?;
    if !account.user.is_root() && nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("the process could become root again"));
    }
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn set_groups(account: &Account) -> nix::Result<()> {
    match &account.name {
        Some(name) => nix::unistd::initgroups(name, account.group),
        None => nix::unistd::setgroups(&[account.group]),
    }
}

/// There is no safe wrapper of initgroups(3) here, so the process has one group.
#[cfg(target_vendor = "apple")]
fn set_groups(account: &Account) -> nix::Result<()> {
    let _ = &account.name;
    nix::unistd::setgid(account.group)
}

#[cfg(not(target_vendor = "apple"))]
fn set_ids(account: &Account) -> nix::Result<()> {
    nix::unistd::setresgid(account.group, account.group, account.group)?;
    nix::unistd::setresuid(account.user, account.user, account.user)
}

/// setuid(2) by root sets all three.
#[cfg(target_vendor = "apple")]
fn set_ids(account: &Account) -> nix::Result<()> {
    nix::unistd::setgid(account.group)?;
    nix::unistd::setuid(account.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, group: Option<&str>) -> User {
        User {
            name: name.to_owned(),
            group: group.map(str::to_owned),
        }
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let root = look_up(&user("root", None)).unwrap();
        assert!(root.user.is_root());
        assert_eq!(root.group.as_raw(), 0);
        let number = look_up(&user("54321", Some("12345"))).unwrap();
        assert_eq!(
            (number.user.as_raw(), number.group.as_raw()),
            (54321, 12345)
        );
        for (name, group) in [
            ("no-such-user", None),
            ("54321", None),
            ("root", Some("no-such-group")),
        ] {
            assert!(look_up(&user(name, group)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_user_that_one_is_needs_nothing() {
        if !getuid().is_root() {
            let name = getuid().to_string();
            assert!(become_user(&user(&name, Some("1"))).is_ok());
        }
    }
}
