//! The keys of the whole process: the top of the file, logs, time-outs, options of addresses.

use crate::config::draft::{ListenDraft, ServerDraft, Settings, SiteDraft};
use crate::config::fault::Complaint;
use crate::config::forms;
use crate::config::key::{Key, Placed, Section, Take, describe};
use crate::limits::{Timeouts, WORKERS_MAX};
use crate::site::{AccessLog, Level, Log, LogFile};

impl Section for SiteDraft {
    const HEADING: &'static str = "the top of the file";
    const ABOUT: &'static str = "What holds for the whole process.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "workers",
            take: Take::Number(1, WORKERS_MAX as u64, |site, number| {
                site.workers = u16::try_from(number).ok();
            }),
            default: "",
            example: "4",
            about: "The number of workers, each a thread. Without it, one per processor.",
        },
        Key {
            name: "user",
            take: Take::Text("the name or number of a user", |site, text| {
                let value = forms::account(text.value)?;
                site.user = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"www-data\"",
            about: "Whom the process becomes when its sockets are open. Needs root at the start.",
        },
        Key {
            name: "group",
            take: Take::Text("the name or number of a group", |site, text| {
                let value = forms::account(text.value)?;
                site.group = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"www-data\"",
            about: "The group that goes with `user`. Without it, the user's own.",
        },
        Key {
            name: "reload_on_change",
            take: Take::Boolean(|site| &mut site.is_reloaded_on_change),
            default: "false",
            example: "true",
            about: "Whether the configuration is read again when its file changes, as it is on SIGHUP. One with a fault changes nothing.",
        },
        Key {
            name: "log",
            take: Take::Table {
                clear: None,
                read: |reader, site, table, _| reader.section(&mut site.log, table),
                describe: describe::<Log>,
            },
            default: "",
            example: "",
            about: "The logs.",
        },
        Key {
            name: "timeouts",
            take: Take::Table {
                clear: None,
                read: |reader, site, table, _| reader.section(&mut site.timeouts, table),
                describe: describe::<Timeouts>,
            },
            default: "",
            example: "",
            about: "The time-outs.",
        },
        Key {
            name: "listen",
            take: Take::Tables {
                clear: |site| site.listens.clear(),
                read: |reader, site, table, at| {
                    let mut listen = ListenDraft {
                        at,
                        ..ListenDraft::default()
                    };
                    reader.section(&mut listen, table);
                    site.listens.push(listen);
                },
                describe: describe::<ListenDraft>,
            },
            default: "",
            example: "",
            about: "Options of an address.",
        },
        Key {
            name: "server",
            take: Take::Tables {
                clear: |site| site.servers.clear(),
                read: |reader, site, table, at| {
                    let mut server = ServerDraft {
                        at,
                        timeouts: site.timeouts,
                        settings: site.settings.clone(),
                        ..ServerDraft::default()
                    };
                    reader.section(&mut server, table);
                    site.servers.push(server);
                },
                describe: describe::<ServerDraft>,
            },
            default: "",
            example: "",
            about: "The servers.",
        },
    ];

    fn settings(&mut self) -> Option<&mut Settings> {
        Some(&mut self.settings)
    }
}

impl Section for Log {
    const HEADING: &'static str = "[log]";
    const ABOUT: &'static str = "Where is written what happens. SIGUSR1 opens the files anew, for programs that move them away.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "access",
            take: Take::Word(&["off", "combined", "json"], |log, place| {
                log.access = match place {
                    0 => AccessLog::Off,
                    1 => AccessLog::Combined,
                    _ => AccessLog::Json,
                };
            }),
            default: "\"off\"",
            example: "\"combined\"",
            about: "A line for each answer: in the combined format that web servers have in common, or as a JSON object.",
        },
        Key {
            name: "access_path",
            take: Take::Text("the path of a file, or \"-\"", |log, text| {
                log.access_file = log_file(text.value)?;
                Ok(())
            }),
            default: "\"-\"",
            example: "\"/var/log/webserv/access.log\"",
            about: "Where these lines go; \"-\" is standard output.",
        },
        Key {
            name: "error_path",
            take: Take::Text("the path of a file, or \"-\"", |log, text| {
                log.error.file = log_file(text.value)?;
                Ok(())
            }),
            default: "\"-\"",
            example: "\"/var/log/webserv/error.log\"",
            about: "Where errors and other news go; \"-\" is standard error.",
        },
        Key {
            name: "error_level",
            take: Take::Word(&["error", "warn", "info", "debug"], |log, place| {
                log.error.level = match place {
                    0 => Level::Error,
                    1 => Level::Warn,
                    2 => Level::Info,
                    _ => Level::Debug,
                };
            }),
            default: "\"warn\"",
            example: "\"info\"",
            about: "How much is said; each word says more than the one before.",
        },
    ];
}

fn log_file(text: &str) -> Result<LogFile, Complaint> {
    Ok(match text {
        "-" => LogFile::Standard,
        path => LogFile::Path(forms::file_path(path)?),
    })
}

impl Section for Timeouts {
    const HEADING: &'static str = "[timeouts]";
    const ABOUT: &'static str = "How long each phase of a connection may take. `[server.timeouts]` holds for one server; what happens before a request is known goes by the first server of the address.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "header",
            take: Take::Duration(|timeouts| &mut timeouts.header),
            default: "\"15s\"",
            example: "\"5s\"",
            about: "From the first byte of a request, or from accepting, to the end of its head. Further bytes do not extend it.",
        },
        Key {
            name: "content",
            take: Take::Duration(|timeouts| &mut timeouts.content),
            default: "\"15s\"",
            example: "\"1m\"",
            about: "For the content of a request.",
        },
        Key {
            name: "idle",
            take: Take::Duration(|timeouts| &mut timeouts.idle),
            default: "\"60s\"",
            example: "\"5m\"",
            about: "From an answer to the first byte of the next request.",
        },
        Key {
            name: "send",
            take: Take::Duration(|timeouts| &mut timeouts.send),
            default: "\"60s\"",
            example: "\"30s\"",
            about: "While the client takes no bytes of an answer.",
        },
        Key {
            name: "linger",
            take: Take::Duration(|timeouts| &mut timeouts.linger),
            default: "\"2s\"",
            example: "\"1s\"",
            about: "For reading on after the last answer of a connection, so that the client gets it.",
        },
        Key {
            name: "stop",
            take: Take::Duration(|timeouts| &mut timeouts.stop),
            default: "\"30s\"",
            example: "\"10s\"",
            about: "For running answers after SIGTERM. It holds for the whole process; in a server it has no effect.",
        },
    ];
}

impl Section for ListenDraft {
    const HEADING: &'static str = "[[listen]]";
    const ABOUT: &'static str = "Options of an address that a server listens on.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "address",
            take: Take::Text(forms::ADDRESS, |listen, text| {
                let value = forms::address(text.value)?;
                listen.address = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"127.0.0.1:8080\"",
            about: "The address, as a server's `listen` has it.",
        },
        Key {
            name: "mode",
            take: Take::Text("three octal digits in quotes", |listen, text| {
                listen.unix_mode = forms::mode(text.value)?;
                Ok(())
            }),
            default: "\"666\"",
            example: "\"660\"",
            about: "Who may connect to a unix socket.",
        },
    ];
}
