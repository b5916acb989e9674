//! The environment of a script: what RFC 3875 section 4.1 says, and nothing by accident.
//!
//! Of the server's own environment a script gets PATH, LANG and TZ. A request cannot set anything
//! but `HTTP_*`, and of these not `HTTP_PROXY`, which libraries take for the address of a proxy;
//! fields whose name has an underscore are dropped, because two names would share a variable.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use ::http::HeaderName;
use ::http::header::CONTENT_TYPE;
use ::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

use super::script::Script;
use crate::connection::client::Client;
use crate::handlers::files::Place;
use crate::http::credentials;
use crate::http::request::Request;
use crate::http::request_line::Version;

/// The variables of a script.
pub(super) type Environment = BTreeMap<OsString, OsString>;

/// What scripts get of the server's own environment.
const INHERITED: [&str; 3] = ["PATH", "LANG", "TZ"];

/// Where programs are looked for if the server has no PATH.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Fields that do not become `HTTP_*`: they have variables of their own, are between this server
/// and its client alone, or hold what a script should not know.
const NOT_PASSED: [HeaderName; 10] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    CONNECTION,
    TRANSFER_ENCODING,
    TE,
    TRAILER,
    UPGRADE,
    EXPECT,
];

/// And those that are no standard fields.
const NOT_PASSED_BY_NAME: [&[u8]; 3] = [b"proxy", b"proxy-connection", b"keep-alive"];

/// The environment for a request with a content of so many bytes.
pub(super) fn of(
    place: &Place<'_>,
    client: &Client,
    script: &Script<'_>,
    request: &Request,
    content_length: u64,
) -> Environment {
    let mut environment = Environment::new();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            environment.insert(name.into(), value);
        }
    }
    environment
        .entry("PATH".into())
        .or_insert_with(|| PATH_DEFAULT.into());
    fields(&mut environment, request);
    let mut set = |name: &str, value: &[u8]| {
        // A variable cannot hold a NUL; nothing that reaches this place has one.
        if !value.contains(&0) {
            let value = OsString::from_vec(value.to_vec());
            environment.insert(name.into(), value);
        }
    };
    set("GATEWAY_INTERFACE", b"CGI/1.1");
    set("SERVER_SOFTWARE", b"webserv");
    set("REQUEST_SCHEME", b"http");
    // What php-cgi asks for, to know that it was not called by a URL of its own.
    set("REDIRECT_STATUS", b"200");
    set("REQUEST_METHOD", request.method.as_str().as_bytes());
    set(
        "SERVER_PROTOCOL",
        match request.version {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        },
    );
    set("QUERY_STRING", place.query.unwrap_or_default().as_bytes());
    let uri = match place.query {
        Some(query) => format!("{}?{query}", place.asked),
        None => place.asked.to_string(),
    };
    set("REQUEST_URI", uri.as_bytes());
    set("SCRIPT_NAME", &script.name);
    set("SCRIPT_FILENAME", script.file().as_os_str().as_bytes());
    let root = place.route.root.as_os_str().as_bytes();
    set("DOCUMENT_ROOT", root);
    set("PATH_INFO", &script.path_info);
    if !script.path_info.is_empty() {
        let root = root.strip_suffix(b"/").unwrap_or(root);
        set("PATH_TRANSLATED", &[root, &*script.path_info].concat());
    }
    if content_length > 0 {
        set("CONTENT_LENGTH", content_length.to_string().as_bytes());
    }
    if let Some(content_type) = request.fields.first(&CONTENT_TYPE) {
        set("CONTENT_TYPE", content_type);
    }
    addresses(&mut set, client, request);
    // Where a password is asked for, it was right.
    if place.route.authentication.is_some()
        && let Some(value) = request.fields.first(&AUTHORIZATION)
        && let Some(credentials) = credentials::parse_basic(value)
    {
        set("AUTH_TYPE", b"Basic");
        set("REMOTE_USER", &credentials.user);
    }
    for (name, value) in &script.program.environment {
        environment.insert(name.into(), value.into());
    }
    environment
}

/// Who asks whom.
fn addresses(set: &mut impl FnMut(&str, &[u8]), client: &Client, request: &Request) {
    // A unix socket has no addresses, and a client that is gone has none any more.
    let remote = client.remote_address().ok();
    let remote_ip = remote.map_or_else(String::new, |address| address.ip().to_string());
    set("REMOTE_ADDR", remote_ip.as_bytes());
    set("REMOTE_HOST", remote_ip.as_bytes());
    if let Some(address) = remote {
        set("REMOTE_PORT", address.port().to_string().as_bytes());
    }
    let local = client.local_address().ok();
    let local_ip = local.map_or_else(String::new, |address| address.ip().to_string());
    let host = request.authority.as_ref().map(|authority| authority.host());
    let name = host.filter(|host| !host.is_empty()).unwrap_or(&local_ip);
    set("SERVER_NAME", name.as_bytes());
    set("SERVER_ADDR", local_ip.as_bytes());
    let port = local.map_or(80, |address| address.port());
    set("SERVER_PORT", port.to_string().as_bytes());
}

/// `HTTP_*`: lines of one name are joined, so that none is lost.
fn fields(environment: &mut Environment, request: &Request) {
    for (name, value) in request.fields.lines() {
        let is_plain = name
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_kept_back = NOT_PASSED
            .iter()
            .map(|other| other.as_str().as_bytes())
            .chain(NOT_PASSED_BY_NAME)
            .any(|other| name.eq_ignore_ascii_case(other));
        if !is_plain || is_kept_back {
            continue;
        }
        let mut variable = b"HTTP_".to_vec();
        variable.extend(name.iter().map(|&byte| match byte {
            b'-' => b'_',
            byte => byte.to_ascii_uppercase(),
        }));
        let value = OsStr::from_bytes(value);
        environment
            .entry(OsString::from_vec(variable))
            .and_modify(|before| {
                let is_cookie = name.eq_ignore_ascii_case(COOKIE.as_str().as_bytes());
                before.push(if is_cookie { "; " } else { ", " });
                before.push(value);
            })
            .or_insert_with(|| value.to_owned());
    }
}
