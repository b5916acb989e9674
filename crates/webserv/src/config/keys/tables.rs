//! The keys of the tables among the settings: compression, authentication, uploads, programs.

use crate::config::draft::{AuthenticationDraft, CgiDraft, UploadDraft};
use crate::config::forms;
use crate::config::key::{Key, Placed, Section, Take};
use crate::limits::CONTENT_BYTES_MAX;
use crate::site::Compression;

impl Section for Compression {
    const HEADING: &'static str = "[server.compression]";
    const ABOUT: &'static str = "How answers are compressed, for clients that accept it.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "siblings",
            take: Take::Boolean(|compression| &mut compression.uses_siblings),
            default: "true",
            example: "false",
            about: "Whether `FILE.zst`, `FILE.br` and `FILE.gz` answer for `FILE`.",
        },
        Key {
            name: "on_the_fly",
            take: Take::Boolean(|compression| &mut compression.is_on_the_fly),
            default: "true",
            example: "false",
            about: "Whether answers of compressible types are compressed as they are sent.",
        },
        Key {
            name: "bytes_min",
            take: Take::Bytes(CONTENT_BYTES_MAX, |compression, bytes| {
                compression.bytes_min = bytes
            }),
            default: "1024",
            example: "\"4 KiB\"",
            about: "Shorter answers are sent as they are.",
        },
    ];
}

impl Section for AuthenticationDraft {
    const HEADING: &'static str = "[server.authentication]";
    const ABOUT: &'static str = "Basic authentication (RFC 7617). The password crosses the network readable unless the connection is encrypted.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "realm",
            take: Take::Text("visible ASCII without quotes", |draft, text| {
                draft.realm = forms::realm(text.value)?;
                Ok(())
            }),
            default: "\"restricted\"",
            example: "\"staff\"",
            about: "What the browser shows.",
        },
        Key {
            name: "users",
            take: Take::Entries(
                "each: a user name and a password hash",
                |draft| draft.users.clear(),
                |draft, name, hash| {
                    forms::user(name.value, hash.value)?;
                    let (name, hash) = (name.value.to_owned(), hash.value.to_owned());
                    draft.users.insert(name, hash);
                    Ok(())
                },
            ),
            default: "{}",
            example: "{ ann = \"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$DKpHBUuJQiWdgAWHhOdFNw2n4p4xAPrxAOQ0SBEVbJ0\" }",
            about: "User names and hashed passwords, as `webserv hash-password` and `htpasswd -B` make them.",
        },
    ];
}

impl Section for UploadDraft {
    const HEADING: &'static str = "[server.upload]";
    const ABOUT: &'static str =
        "How uploads are taken: by PUT, by POST of the bytes, and by HTML forms.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "store",
            take: Take::Text("the path of a directory", |upload, text| {
                let value = forms::file_path(text.value)?;
                upload.store = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"/srv/uploads\"",
            about: "The directory they go to. Without it, they go where the target's path points.",
        },
        Key {
            name: "replace",
            take: Take::Boolean(|upload| &mut upload.may_replace),
            default: "false",
            example: "true",
            about: "Whether an existing file may be replaced.",
        },
        Key {
            name: "delete",
            take: Take::Boolean(|upload| &mut upload.may_delete),
            default: "false",
            example: "true",
            about: "Whether DELETE removes files.",
        },
        Key {
            name: "sync",
            take: Take::Boolean(|upload| &mut upload.is_synced),
            default: "false",
            example: "true",
            about: "Whether an upload is on the disk before it is answered.",
        },
    ];
}

impl Section for CgiDraft {
    const HEADING: &'static str = "[[server.cgi]]";
    const ABOUT: &'static str = "A CGI program (RFC 3875) for files with an extension.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "extension",
            take: Take::Text("an extension with its dot", |cgi, text| {
                let value = forms::extension(text.value)?;
                cgi.extension = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\".py\"",
            about: "Which files.",
        },
        Key {
            name: "interpreter",
            take: Take::Text("the path of a program", |cgi, text| {
                let value = forms::file_path(text.value)?;
                cgi.interpreter = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"/usr/bin/python3\"",
            about: "The program that is given the script's path. Without it, the file itself is run.",
        },
        Key {
            name: "timeout",
            take: Take::Duration(|cgi| &mut cgi.timeout),
            default: "\"30s\"",
            example: "\"2m\"",
            about: "How long a program may take in all.",
        },
        Key {
            name: "concurrent",
            take: Take::Number(1, 1024, |cgi, number| {
                cgi.concurrent_max = u16::try_from(number).unwrap_or(cgi.concurrent_max);
            }),
            default: "16",
            example: "4",
            about: "How many may run at a time in a worker; more wait in a queue of four times that length.",
        },
        Key {
            name: "environment",
            take: Take::Entries(
                "each: a variable and its value",
                |cgi| cgi.environment.clear(),
                |cgi, name, value| {
                    forms::variable(name.value, value.value)?;
                    let variable = (name.value.to_owned(), value.value.to_owned());
                    cgi.environment.push(variable);
                    Ok(())
                },
            ),
            default: "{}",
            example: "{ PYTHONUTF8 = \"1\" }",
            about: "Further variables of its environment.",
        },
    ];
}
