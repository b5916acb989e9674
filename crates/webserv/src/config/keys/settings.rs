//! The keys that may stand at the top, in a server and in a route.

use crate::config::draft::{AuthenticationDraft, CgiDraft, Settings, UploadDraft};
use crate::config::forms;
use crate::config::key::{Key, Placed, Take, describe};
use crate::limits::CONTENT_BYTES_MAX;
use crate::site::Compression;

/// A setting: where no other place is named, it may stand at the top, in a server and in a route.
pub(crate) const SETTINGS: &[Key<Settings>] = &[
    Key {
        name: "root",
        take: Take::Text("the path of a directory", |settings, text| {
            let value = forms::file_path(text.value)?;
            settings.root = Some(Placed { value, at: text.at });
            Ok(())
        }),
        default: "\"www\"",
        example: "\"/srv/www\"",
        about: "The directory whose files are served. A path that is not absolute begins at the configuration's directory, here and elsewhere.",
    },
    Key {
        name: "index",
        take: Take::Texts(
            "a file name",
            |settings| settings.index.clear(),
            |settings, text| {
                settings.index.push(forms::file_name(text.value)?);
                Ok(())
            },
        ),
        default: "[\"index.html\"]",
        example: "[\"index.html\", \"index.htm\"]",
        about: "The files that answer for their directory; the first that is there does.",
    },
    Key {
        name: "listing",
        take: Take::Boolean(|settings| &mut settings.has_listing),
        default: "false",
        example: "true",
        about: "Whether a directory without an index file shows what it holds.",
    },
    Key {
        name: "hidden",
        take: Take::Boolean(|settings| &mut settings.serves_hidden),
        default: "false",
        example: "true",
        about: "Whether names that begin with a dot are served. `/.well-known` always is.",
    },
    Key {
        name: "links_out",
        take: Take::Boolean(|settings| &mut settings.follows_links_out),
        default: "false",
        example: "true",
        about: "Whether symbolic links may lead out of the root.",
    },
    Key {
        name: "methods",
        take: Take::Texts(
            "a method in capital letters",
            |settings| settings.methods = Some(Vec::new()),
            |settings, text| {
                let method = forms::method(text.value)?;
                settings.methods.get_or_insert_default().push(method);
                Ok(())
            },
        ),
        default: "",
        example: "[\"GET\", \"POST\"]",
        about: "The methods that are answered; others get 405. HEAD comes with GET, OPTIONS is always answered. Without this key: GET; with `upload` POST and PUT as well, and DELETE where it is allowed; with `cgi` POST; and all for a redirection.",
    },
    Key {
        name: "content_bytes",
        take: Take::Bytes(CONTENT_BYTES_MAX, |settings, bytes| {
            settings.content_bytes_max = bytes
        }),
        default: "\"1 MiB\"",
        example: "\"64 MiB\"",
        about: "The largest content of a request; a larger one is answered with 413 before it is read.",
    },
    Key {
        name: "cache_control",
        take: Take::Text("the value of Cache-Control", |settings, text| {
            settings.cache_control = Some(forms::field_value(text.value)?);
            Ok(())
        }),
        default: "",
        example: "\"public, max-age=3600\"",
        about: "The Cache-Control field of files.",
    },
    Key {
        name: "error_pages",
        take: Take::Entries(
            "each: a status code and the path of a file",
            |settings| settings.error_pages.clear(),
            |settings, name, text| {
                let status = forms::error_status(name.value)?;
                let value = forms::file_path(text.value)?;
                let page = Placed { value, at: text.at };
                settings.error_pages.insert(status, page);
                Ok(())
            },
        ),
        default: "{}",
        example: "{ 404 = \"404.html\", 503 = \"/srv/errors/busy.html\" }",
        about: "Pages for error answers: files below the root, or absolute paths. The status stays. Where the file is missing, the server's own page is sent.",
    },
    Key {
        name: "fields",
        take: Take::Entries(
            "each: a field name and its value",
            |settings| settings.fields.clear(),
            |settings, name, value| {
                settings.fields.push(forms::field(name.value, value.value)?);
                Ok(())
            },
        ),
        default: "{}",
        example: "{ X-Frame-Options = \"DENY\", Referrer-Policy = \"no-referrer\" }",
        about: "Field lines (headers) that every answer gets.",
    },
    Key {
        name: "compression",
        take: Take::Table {
            clear: Some(|settings| {
                settings.compression.uses_siblings = false;
                settings.compression.is_on_the_fly = false;
            }),
            read: |reader, settings, table, _| {
                reader.section(&mut settings.compression, table);
            },
            describe: describe::<Compression>,
        },
        default: "",
        example: "",
        about: "How answers are compressed. `compression = false` switches it off.",
    },
    Key {
        name: "authentication",
        take: Take::Table {
            clear: Some(|settings| settings.authentication = None),
            read: |reader, settings, table, at| {
                let mut draft = AuthenticationDraft {
                    at,
                    ..AuthenticationDraft::default()
                };
                reader.section(&mut draft, table);
                settings.authentication = Some(draft);
            },
            describe: describe::<AuthenticationDraft>,
        },
        default: "",
        example: "",
        about: "Who may see it. `authentication = false` opens a route of a closed server.",
    },
    Key {
        name: "upload",
        take: Take::Table {
            clear: Some(|settings| settings.upload = None),
            read: |reader, settings, table, _| {
                let mut draft = UploadDraft::default();
                reader.section(&mut draft, table);
                settings.upload = Some(draft);
            },
            describe: describe::<UploadDraft>,
        },
        default: "",
        example: "",
        about: "Uploads by POST and PUT. Without this table, or with `upload = false`, there are none.",
    },
    Key {
        name: "cgi",
        take: Take::Tables {
            clear: |settings| settings.cgi.clear(),
            read: |reader, settings, table, at| {
                let mut draft = CgiDraft {
                    at,
                    ..CgiDraft::default()
                };
                reader.section(&mut draft, table);
                settings.cgi.push(draft);
            },
            describe: describe::<CgiDraft>,
        },
        default: "",
        example: "",
        about: "Programs for files with an extension.",
    },
];
