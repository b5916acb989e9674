//! The routes of a server, checked and put in the order in which they are tried.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ::http::Method;

use super::draft::{CgiDraft, RedirectDraft, RouteDraft, ServerDraft, Settings};
use super::fault::{Complaint, Faults};
use super::key::Placed;
use crate::site::{Authentication, CgiProgram, Matcher, Redirect, Route, Upload};

/// The root of a server that names none.
const ROOT_DEFAULT: &str = "www";

/// The routes of a server as they come.
#[derive(Debug)]
pub(crate) struct Routes<'b, 'f, 't> {
    base: &'b Path,
    faults: &'f mut Faults<'t>,
    routes: Vec<Route>,
    seen: HashSet<Matcher>,
}

impl<'b, 'f, 't> Routes<'b, 'f, 't> {
    /// Checks the routes of a server.
    pub(crate) fn new(server: &ServerDraft, base: &'b Path, faults: &'f mut Faults<'t>) -> Self {
        let mut routes = Routes {
            base,
            faults,
            routes: Vec::new(),
            seen: HashSet::new(),
        };
        for draft in &server.routes {
            routes.route(draft);
        }
        let rest = Matcher::Prefix("/".to_owned());
        if !routes.seen.contains(&rest) {
            let at = server.at.clone();
            let own = routes.make(rest, false, None, &server.settings, &at);
            routes.routes.push(own);
        }
        routes
    }

    /// Exact paths, then suffixes, then prefixes, the longest first; the last takes everything.
    pub(crate) fn into_routes(mut self) -> Vec<Route> {
        self.routes.sort_by_key(|route| match &route.matcher {
            Matcher::Exact(text) => (0, usize::MAX - text.len()),
            Matcher::Suffix(text) => (1, usize::MAX - text.len()),
            Matcher::Prefix(text) => (2, usize::MAX - text.len()),
        });
        self.routes
    }

    fn fault(&mut self, at: &Range<usize>, found: &str, expected: &str, remedy: &str) {
        let complaint = Complaint::new(expected, remedy).found(found);
        self.faults.add(at, complaint);
    }

    fn route(&mut self, draft: &RouteDraft) {
        let matcher = match draft.matchers.as_slice() {
            [one] => one,
            [] => {
                let expected = "one of path, exact and suffix";
                self.fault(
                    &draft.at,
                    "a route without a path",
                    expected,
                    "add path = \"/...\"",
                );
                return;
            }
            [_, second, ..] => {
                let expected = "one of path, exact and suffix";
                self.fault(
                    &second.at,
                    "a second path of a route",
                    expected,
                    "make two routes",
                );
                return;
            }
        };
        let mut value = matcher.value.clone();
        if let Matcher::Prefix(text) = &mut value
            && text.len() > 1
            && text.ends_with('/')
        {
            text.pop();
        }
        if !self.seen.insert(value.clone()) {
            let complaint = Complaint::new("each path once in a server", "join the two routes");
            self.faults.add(&matcher.at, complaint);
        }
        if draft.is_alias && !matches!(value, Matcher::Prefix(_)) {
            let expected = "a path, whose place the root takes";
            self.fault(
                &matcher.at,
                "alias without a path",
                expected,
                "use path, or no alias",
            );
        }
        let redirect = draft
            .redirect
            .as_ref()
            .map(|redirect| self.redirect(redirect));
        let settings = &draft.settings;
        let route = self.make(
            value,
            draft.is_alias,
            redirect.flatten(),
            settings,
            &draft.at,
        );
        self.routes.push(route);
    }

    fn redirect(&mut self, draft: &RedirectDraft) -> Option<Redirect> {
        let status = draft.status;
        if status.is_none() {
            let expected = "status 301, 302, 303, 307 or 308";
            self.fault(
                &draft.at,
                "another status",
                expected,
                "write for example status = 308",
            );
        }
        let Some(to) = &draft.to else {
            let remedy = "add to = \"https://example.org/*\"";
            self.fault(&draft.at, "a redirect without a target", "to", remedy);
            return None;
        };
        Some(Redirect {
            status: status?,
            to: to.value.clone(),
        })
    }

    fn make(
        &mut self,
        matcher: Matcher,
        is_alias: bool,
        redirect: Option<Redirect>,
        settings: &Settings,
        at: &Range<usize>,
    ) -> Route {
        let root = match &settings.root {
            Some(root) => root.clone(),
            None => Placed {
                value: PathBuf::from(ROOT_DEFAULT),
                at: at.clone(),
            },
        };
        let is_root_needed = redirect.is_none();
        let root = Placed {
            value: self.base.join(&root.value),
            at: root.at,
        };
        if is_root_needed {
            self.directory(&root, "root");
        }
        let authentication = settings.authentication.as_ref().map(|draft| {
            if draft.users.is_empty() {
                let remedy = "add users = { name = \"hash\" }; `webserv hash-password` makes one";
                self.fault(&draft.at, "authentication without users", "a user", remedy);
            }
            Authentication {
                realm: draft.realm.clone(),
                users: draft.users.clone(),
            }
        });
        let upload = settings.upload.as_ref().map(|draft| Upload {
            store: draft.store.as_ref().map(|store| {
                let value = self.base.join(&store.value);
                let at = store.at.clone();
                let store = Placed { value, at };
                self.directory(&store, "store");
                store.value
            }),
            may_replace: draft.may_replace,
            may_delete: draft.may_delete,
            is_synced: draft.is_synced,
        });
        let cgi = self.programs(&settings.cgi);
        let methods = settings.methods.clone();
        let methods =
            methods.unwrap_or_else(|| default_methods(redirect.as_ref(), upload.as_ref(), &cgi));
        Route {
            matcher,
            is_alias,
            index: settings.index.clone(),
            has_listing: settings.has_listing,
            serves_hidden: settings.serves_hidden,
            follows_links_out: settings.follows_links_out,
            methods,
            redirect,
            cgi,
            upload,
            content_bytes_max: settings.content_bytes_max,
            error_pages: self.error_pages(settings, &root.value),
            fields: settings.fields.clone(),
            cache_control: settings.cache_control.clone(),
            authentication,
            compression: settings.compression.clone(),
            root: root.value,
        }
    }

    fn directory(&mut self, path: &Placed<PathBuf>, key: &str) {
        let shown = path.value.display();
        let found = match fs::metadata(&path.value) {
            Ok(found) if found.is_dir() => return,
            Ok(_) => format!("{key} {shown} is no directory"),
            Err(error) => format!("{key} {shown}: {error}"),
        };
        let remedy = format!("make it, or write {key} = \"...\" with one that is there");
        self.fault(&path.at, &found, "a directory", &remedy);
    }

    fn error_pages(&mut self, settings: &Settings, root: &Path) -> BTreeMap<u16, PathBuf> {
        let mut pages = BTreeMap::new();
        for (status, page) in &settings.error_pages {
            let path = root.join(&page.value);
            if !fs::metadata(&path).is_ok_and(|found| found.is_file()) {
                let found = format!("there is no file {}", path.display());
                let remedy = "make it; a path that is not absolute begins at the root";
                self.fault(&page.at, &found, "a file", remedy);
            }
            pages.insert(*status, page.value.clone());
        }
        pages
    }

    fn programs(&mut self, drafts: &[CgiDraft]) -> Vec<CgiProgram> {
        let mut extensions = HashSet::new();
        let mut programs = Vec::new();
        for draft in drafts {
            let Some(extension) = &draft.extension else {
                let remedy = "add extension = \".py\"";
                self.fault(&draft.at, "cgi without an extension", "extension", remedy);
                continue;
            };
            if !extensions.insert(extension.value.as_str()) {
                let complaint = Complaint::new("each extension once", "remove one of the two");
                self.faults.add(&extension.at, complaint);
            }
            let interpreter = draft.interpreter.as_ref().map(|interpreter| {
                let path = self.base.join(&interpreter.value);
                let is_program = fs::metadata(&path)
                    .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
                if !is_program {
                    let found = format!("{} is no program", path.display());
                    let remedy = "install it, or write the path of one that is there";
                    self.fault(&interpreter.at, &found, "an executable file", remedy);
                }
                path
            });
            programs.push(CgiProgram {
                extension: extension.value.clone(),
                interpreter,
                timeout: draft.timeout,
                concurrent_max: draft.concurrent_max,
                environment: draft.environment.clone(),
            });
        }
        programs
    }
}

/// The methods of a route that names none: what it has a use for.
fn default_methods(
    redirect: Option<&Redirect>,
    upload: Option<&Upload>,
    cgi: &[CgiProgram],
) -> Vec<Method> {
    if redirect.is_some() {
        return vec![
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ];
    }
    let mut methods = vec![Method::GET];
    if upload.is_some() || !cgi.is_empty() {
        methods.push(Method::POST);
    }
    if let Some(upload) = upload {
        methods.push(Method::PUT);
        if upload.may_delete {
            methods.push(Method::DELETE);
        }
    }
    methods
}
