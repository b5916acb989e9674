//! The keys of a server.

use crate::config::draft::{RouteDraft, ServerDraft, Settings};
use crate::config::forms;
use crate::config::key::{Key, Placed, Section, Take, describe};
use crate::limits::Timeouts;

impl Section for ServerDraft {
    const HEADING: &'static str = "[[server]]";
    const ABOUT: &'static str = "A server: where it listens, the names it answers for, and what it serves. Several servers may listen on the same address; the name in the request chooses: the exact name first, then the longest `*.` name, then the server with `default = true`, or else the first of the address.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "listen",
            take: Take::Texts(
                forms::ADDRESS,
                |server| server.listen.clear(),
                |server, text| {
                    let value = forms::address(text.value)?;
                    server.listen.push(Placed { value, at: text.at });
                    Ok(())
                },
            ),
            default: "[\"127.0.0.1:8080\"]",
            example: "[\"127.0.0.1:8080\", \"[::1]:8080\", \"unix:/run/webserv.socket\"]",
            about: "The addresses: IPv4 and IPv6 (each for itself), unix sockets, and sockets that the service manager has opened, by their name (`FileDescriptorName=`) or their place from 0.",
        },
        Key {
            name: "names",
            take: Take::Texts(
                "a host name, or \"*.\" and one",
                |server| server.names.clear(),
                |server, text| {
                    let value = forms::host_name(text.value)?;
                    server.names.push(Placed { value, at: text.at });
                    Ok(())
                },
            ),
            default: "[]",
            example: "[\"example.org\", \"*.example.org\"]",
            about: "The names it answers for, without ports. `*.example.org` is every name below example.org.",
        },
        Key {
            name: "default",
            take: Take::Boolean(|server| &mut server.is_default),
            default: "false",
            example: "true",
            about: "Whether it answers for names that no server of its addresses has.",
        },
        Key {
            name: "timeouts",
            take: Take::Table {
                clear: None,
                read: |reader, server, table, _| reader.section(&mut server.timeouts, table),
                describe: describe::<Timeouts>,
            },
            default: "",
            example: "",
            about: "The time-outs of this server; what is not named is as at the top.",
        },
        Key {
            name: "route",
            take: Take::Tables {
                clear: |server| server.routes.clear(),
                read: |reader, server, table, at| {
                    let mut route = RouteDraft {
                        at,
                        settings: server.settings.clone(),
                        ..RouteDraft::default()
                    };
                    reader.section(&mut route, table);
                    server.routes.push(route);
                },
                describe: describe::<RouteDraft>,
            },
            default: "",
            example: "",
            about: "The routes. What no route takes goes by the server's own settings.",
        },
    ];

    fn settings(&mut self) -> Option<&mut Settings> {
        Some(&mut self.settings)
    }
}
