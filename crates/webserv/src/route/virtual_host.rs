//! Which host answers for a name, and with it which route: a worker's tables of the site.
//!
//! A name is looked up as it is, then by each of its parents for `*.parent`, the nearest first; so
//! the work grows with the length of the name and not with the number of hosts. No match: the
//! first host of the address.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use super::beneath::Beneath;
use super::location::Location;
use super::root::Root;
use crate::http::request::Request;
use crate::http::target::Target;
use crate::limits::Timeouts;
use crate::site::{HostName, Listen, Route, Site, VirtualHost};

/// A site, checked: what the workers share. Each makes its own [`Hosts`] of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The site.
    pub(crate) site: Site,
}

/// Why a site cannot be served.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A sentence that says what is wrong with it.
    Site(&'static str),
    /// A root cannot be opened.
    Directory(PathBuf, io::Error),
}

impl Plan {
    /// Checks a site, and that its roots can be opened.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub(crate) fn new(site: Site) -> Result<Self, Refused> {
        if site.listen.is_empty() {
            return Err(Refused::Site("there is no address to listen on"));
        }
        for listen in &site.listen {
            if listen.hosts.is_empty() {
                return Err(Refused::Site("an address has no host"));
            }
            if listen.hosts.iter().any(|&host| host >= site.hosts.len()) {
                return Err(Refused::Site("an address names a host that is not there"));
            }
        }
        let mut opened = HashSet::new();
        for host in &site.hosts {
            if host.routes.is_empty() {
                return Err(Refused::Site("a host has no route"));
            }
            for route in &host.routes {
                // A redirection opens nothing.
                if route.redirect.is_none() && opened.insert(&route.root) {
                    open(&route.root)
                        .map_err(|error| Refused::Directory(route.root.clone(), error))?;
                }
            }
        }
        Ok(Plan { site })
    }

    /// The tables for all addresses, in the order of [`Site::listen`].
    pub(crate) fn hosts(&self, now: Instant) -> Vec<Rc<Hosts>> {
        let mut roots = HashMap::new();
        let hosts: Vec<_> = self
            .site
            .hosts
            .iter()
            .map(|host| self.host(host, &mut roots, now))
            .collect();
        let listens = self.site.listen.iter();
        listens
            .filter_map(|listen| Hosts::new(listen, &self.site, &hosts))
            .map(Rc::new)
            .collect()
    }

    /// Routes with the same root share it.
    fn host<'s>(
        &self,
        host: &'s VirtualHost,
        roots: &mut HashMap<&'s Path, Rc<Root>>,
        now: Instant,
    ) -> Option<Rc<HostRoutes>> {
        let timeouts = host.timeouts.unwrap_or(self.site.timeouts);
        let mut location = |route: &'s Route| {
            let root = roots
                .entry(&route.root)
                .or_insert_with(|| Rc::new(Root::open(route.root.clone(), now)));
            Rc::new(Location {
                route: route.clone(),
                root: Rc::clone(root),
                timeouts,
            })
        };
        let (rest, routes) = host.routes.split_last()?;
        Some(Rc::new(HostRoutes {
            routes: routes.iter().map(&mut location).collect(),
            rest: location(rest),
        }))
    }
}

/// Opens a directory, and makes sure that it may be read.
fn open(path: &Path) -> io::Result<()> {
    use rustix::fs::OFlags;
    let beneath = Beneath::new(path)?;
    beneath.open(b"", OFlags::RDONLY | OFlags::DIRECTORY)?;
    Ok(())
}

/// The hosts of one address.
#[derive(Debug)]
pub(crate) struct Hosts {
    exact: HashMap<Box<str>, Rc<HostRoutes>>,
    below: HashMap<Box<str>, Rc<HostRoutes>>,
    /// Answers where no name matches.
    default: Rc<HostRoutes>,
    /// For what happens before a request is known.
    pub(crate) timeouts: Timeouts,
}

/// The routes of one host.
#[derive(Debug)]
struct HostRoutes {
    /// In the order in which they are tried.
    routes: Vec<Rc<Location>>,
    /// Takes what is left.
    rest: Rc<Location>,
}

impl Hosts {
    fn new(listen: &Listen, site: &Site, all: &[Option<Rc<HostRoutes>>]) -> Option<Self> {
        let mut exact = HashMap::new();
        let mut below = HashMap::new();
        for &index in &listen.hosts {
            let routes = all.get(index)?.as_ref()?;
            for name in &site.hosts.get(index)?.names {
                let (table, name) = match name {
                    HostName::Exact(name) => (&mut exact, name),
                    HostName::Below(parent) => (&mut below, parent),
                };
                // The first one that has the name keeps it.
                table
                    .entry(name.as_str().into())
                    .or_insert_with(|| Rc::clone(routes));
            }
        }
        let first = *listen.hosts.first()?;
        Some(Hosts {
            exact,
            below,
            default: Rc::clone(all.get(first)?.as_ref()?),
            timeouts: site.hosts.get(first)?.timeouts.unwrap_or(site.timeouts),
        })
    }

    /// The route that a request takes.
    pub(crate) fn locate(&self, request: &Request) -> Rc<Location> {
        let name = request.authority.as_ref().map(|authority| authority.host());
        let host = name
            .and_then(|name| self.host(name))
            .unwrap_or(&self.default);
        let Target::Resource { path, .. } = &request.target else {
            return Rc::clone(&host.rest);
        };
        let mut routes = host.routes.iter();
        Rc::clone(
            routes
                .find(|location| location.route.matcher.matches(path))
                .unwrap_or(&host.rest),
        )
    }

    fn host(&self, name: &str) -> Option<&Rc<HostRoutes>> {
        if let Some(host) = self.exact.get(name) {
            return Some(host);
        }
        if self.below.is_empty() {
            return None;
        }
        let mut rest = name;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(host) = self.below.get(parent) {
                return Some(host);
            }
            rest = parent;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::HeadScanner;
    use crate::site::{Address, Matcher};

    fn request(host: &str, target: &str) -> Request {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let span = HeadScanner::default().advance(head.as_bytes());
        Request::parse(head.as_bytes(), &span.unwrap().unwrap()).unwrap()
    }

    fn site(root: PathBuf) -> Site {
        let mut site = Site::of_directory(root.clone(), &[], std::num::NonZeroU16::MIN);
        for names in [
            vec![HostName::Exact("a.test".to_owned())],
            vec![HostName::Below("test".to_owned())],
            vec![HostName::Below("b.test".to_owned())],
        ] {
            let mut host = VirtualHost::of_directory(root.clone());
            host.routes[0].index = vec![format!("{names:?}")];
            host.names = names;
            site.hosts.push(host);
        }
        let mut listen = Listen::new(Address::Unix("x".into()), 0);
        listen.hosts = vec![0, 1, 2, 3];
        site.listen = vec![listen];
        site
    }

    #[test]
    fn h_m11_the_nearest_name_answers() {
        let top = tempfile::tempdir().unwrap();
        let plan = Plan::new(site(top.path().to_owned())).unwrap();
        let hosts = plan.hosts(Instant::now());
        for (host, index) in [
            ("a.test", "[Exact(\"a.test\")]"),
            ("A.TEST.:80", "[Exact(\"a.test\")]"),
            ("x.a.test", "[Below(\"test\")]"),
            ("b.test", "[Below(\"test\")]"),
            ("c.b.test", "[Below(\"b.test\")]"),
            ("d.c.b.test", "[Below(\"b.test\")]"),
            ("test", "index.html"),
            ("atest", "index.html"),
            ("", "index.html"),
            ("..test", "[Below(\"test\")]"),
        ] {
            let location = hosts[0].locate(&request(host, "/"));
            assert_eq!(location.route.index, [index], "{host}");
        }
        let long = "a.".repeat(5000) + "org";
        assert_eq!(
            hosts[0].locate(&request(&long, "/")).route.index,
            ["index.html"]
        );
    }

    #[test]
    fn the_first_route_that_matches_is_taken() {
        let top = tempfile::tempdir().unwrap();
        let mut site = site(top.path().to_owned());
        let routes = &mut site.hosts[0].routes;
        for (place, matcher) in [
            Matcher::Exact("/a/x.php".to_owned()),
            Matcher::Suffix(".php".to_owned()),
            Matcher::Prefix("/a/b".to_owned()),
            Matcher::Prefix("/a".to_owned()),
        ]
        .into_iter()
        .enumerate()
        {
            let mut route = routes[place].clone();
            route.matcher = matcher;
            routes.insert(place, route);
        }
        let plan = Plan::new(site).unwrap();
        let hosts = plan.hosts(Instant::now());
        for (target, matcher) in [
            ("/a/x.php", Matcher::Exact("/a/x.php".to_owned())),
            ("/a/b/y.php", Matcher::Suffix(".php".to_owned())),
            ("/a/b/y", Matcher::Prefix("/a/b".to_owned())),
            ("/a/y", Matcher::Prefix("/a".to_owned())),
            ("/y", Matcher::Prefix("/".to_owned())),
        ] {
            let location = hosts[0].locate(&request("", target));
            assert_eq!(location.route.matcher, matcher, "{target}");
        }
    }

    #[test]
    fn a_site_with_holes_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let good = || site(top.path().to_owned());
        let changes: [fn(&mut Site); 5] = [
            |site| site.listen.clear(),
            |site| site.listen[0].hosts.clear(),
            |site| site.listen[0].hosts.push(9),
            |site| site.hosts[1].routes.clear(),
            |site| site.hosts[1].routes[0].root = "/no/such/place".into(),
        ];
        for change in changes {
            let mut site = good();
            change(&mut site);
            assert!(Plan::new(site).is_err());
        }
        assert!(Plan::new(good()).is_ok());
    }
}
