//! From what was read to a [`Site`]: what only shows when the whole is seen, and what the file
//! system says.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::ops::Range;
use std::path::Path;

use super::draft::{ListenDraft, ServerDraft, SiteDraft};
use super::fault::{Complaint, Faults};
use super::key::Placed;
use super::route::Routes;
use crate::privileges;
use crate::site::{Address, HostName, Listen, LogFile, Site, User, VirtualHost};

/// The address of a server that names none.
const ADDRESS_DEFAULT: &str = "127.0.0.1:8080";

/// Makes a site of a draft. None only where a fault was added, and `faults` may get some in any
/// case.
pub(crate) fn check(draft: SiteDraft, base: &Path, faults: &mut Faults<'_>) -> Option<Site> {
    let user = user(&draft, faults);
    let mut log = draft.log.clone();
    for file in [&mut log.access_file, &mut log.error.file] {
        if let LogFile::Path(path) = file {
            *path = base.join(&path);
        }
    }
    if draft.servers.is_empty() {
        let complaint = Complaint::new("at least one [[server]]", "add one, with a root");
        faults.add(&(0..0), complaint.found("no server"));
        return None;
    }
    let listen = listens(&draft, faults);
    let hosts = draft.servers.iter().map(|server| VirtualHost {
        names: server.names.iter().map(|name| name.value.clone()).collect(),
        routes: Routes::new(server, base, faults).into_routes(),
        timeouts: Some(server.timeouts),
    });
    Some(Site {
        hosts: hosts.collect(),
        listen,
        workers: draft
            .workers
            .and_then(NonZeroU16::new)
            .unwrap_or_else(one_per_processor),
        timeouts: draft.timeouts,
        log,
        user,
        is_reloaded_on_change: draft.is_reloaded_on_change,
    })
}

fn one_per_processor() -> NonZeroU16 {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    u16::try_from(available)
        .ok()
        .and_then(NonZeroU16::new)
        .unwrap_or(NonZeroU16::MIN)
}

fn user(draft: &SiteDraft, faults: &mut Faults<'_>) -> Option<User> {
    let group = draft.group.as_ref();
    match (&draft.user, group) {
        (Some(user), _) => {
            let wanted = User {
                name: user.value.clone(),
                group: group.map(|group| group.value.clone()),
            };
            if let Err(found) = privileges::look_up(&wanted) {
                let complaint = Complaint::new(
                    "a user and a group of this system",
                    "make it, or name another; a number without an entry needs a group",
                );
                faults.add(&user.at, complaint.found(found));
            }
            Some(wanted)
        }
        (None, Some(group)) => {
            let complaint = Complaint::new("a user with it", "add user, or leave group out");
            faults.add(&group.at, complaint.found("a group alone"));
            None
        }
        (None, None) => None,
    }
}

/// The addresses in the order in which they are first named, each with its servers, the default
/// one first.
fn listens(draft: &SiteDraft, faults: &mut Faults<'_>) -> Vec<Listen> {
    let mut places: HashMap<Address, usize> = HashMap::new();
    let mut gathered: Vec<Gathered> = Vec::new();
    for (index, server) in draft.servers.iter().enumerate() {
        for address in addresses(server) {
            let place = *places.entry(address.value.clone()).or_insert_with(|| {
                gathered.push(Gathered::new(address.value.clone()));
                gathered.len() - 1
            });
            if let Some(gathered) = gathered.get_mut(place) {
                gathered.add(index, server, &address, faults);
            }
        }
    }
    let mut options: HashMap<Address, &ListenDraft> = HashMap::new();
    for listen in &draft.listens {
        let Some(address) = &listen.address else {
            let complaint = Complaint::new("an address in [[listen]]", "add address = \"...\"");
            faults.add(&listen.at, complaint.found("[[listen]] without one"));
            continue;
        };
        if !places.contains_key(&address.value) {
            let complaint = Complaint::new(
                "an address that a server listens on",
                "add it to a server's listen, or remove this table",
            );
            faults.add(&address.at, complaint);
        } else if options.insert(address.value.clone(), listen).is_some() {
            let complaint = Complaint::new("one [[listen]] for each address", "join the two");
            faults.add(&address.at, complaint);
        }
    }
    let finish = |gathered: Gathered| {
        let options = options.get(&gathered.listen.address);
        Listen {
            unix_mode: options.map_or(gathered.listen.unix_mode, |options| options.unix_mode),
            ..gathered.listen
        }
    };
    gathered.into_iter().map(finish).collect()
}

fn addresses(server: &ServerDraft) -> Vec<Placed<Address>> {
    if !server.listen.is_empty() {
        return server.listen.clone();
    }
    let standard = super::forms::address(ADDRESS_DEFAULT);
    let at = server.at.clone();
    standard
        .map(|value| Placed { value, at })
        .into_iter()
        .collect()
}

/// An address and the servers seen there so far.
struct Gathered {
    listen: Listen,
    names: HashMap<HostName, usize>,
    has_default: bool,
}

impl Gathered {
    fn new(address: Address) -> Self {
        let mut listen = Listen::new(address, 0);
        listen.hosts.clear();
        Gathered {
            listen,
            names: HashMap::new(),
            has_default: false,
        }
    }

    fn add(
        &mut self,
        index: usize,
        server: &ServerDraft,
        address: &Placed<Address>,
        faults: &mut Faults<'_>,
    ) {
        if self.listen.hosts.contains(&index) {
            let complaint = Complaint::new("each address once", "remove one of them");
            faults.add(&address.at, complaint);
            return;
        }
        for name in &server.names {
            if self.names.insert(name.value.clone(), index).is_some() {
                let expected = format!("each name once at {}", address.value);
                let complaint = Complaint::new(expected, "remove it from one of the servers");
                faults.add(&name.at, complaint);
            }
        }
        // A server without names can be nothing else.
        let is_default = server.is_default || server.names.is_empty();
        if is_default && self.has_default {
            self.second_default(server, &address.at, faults);
        }
        self.has_default |= is_default;
        if is_default {
            self.listen.hosts.insert(0, index);
        } else {
            self.listen.hosts.push(index);
        }
    }

    fn second_default(&self, server: &ServerDraft, at: &Range<usize>, faults: &mut Faults<'_>) {
        let found = if server.is_default {
            "a second default server"
        } else {
            "a second server without names"
        };
        let address = &self.listen.address;
        let expected = format!("one server at {address} that answers where no name matches");
        let remedy = "give it names, or another address, or take `default` away";
        faults.add(at, Complaint::new(expected, remedy).found(found));
    }
}
