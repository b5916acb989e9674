//! The keys of a route.

use crate::config::draft::{RedirectDraft, RouteDraft, Settings};
use crate::config::forms;
use crate::config::key::{Key, Placed, Section, Take, describe};
use crate::site::Matcher;

impl Section for RouteDraft {
    const HEADING: &'static str = "[[server.route]]";
    const ABOUT: &'static str = "A route: which paths it takes, by exactly one of `path`, `exact` and `suffix`, and what is different there. Paths are compared decoded. An exact path goes before a suffix, a suffix before the longest path.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "path",
            take: Take::Text("a path such as \"/pictures\"", |route, text| {
                let value = Matcher::Prefix(forms::route_path(text.value)?);
                route.matchers.push(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"/pictures\"",
            about: "Takes this path and all below it.",
        },
        Key {
            name: "exact",
            take: Take::Text("a path such as \"/about\"", |route, text| {
                let value = Matcher::Exact(forms::route_path(text.value)?);
                route.matchers.push(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"/about\"",
            about: "Takes this path alone. With a final slash it is another path.",
        },
        Key {
            name: "suffix",
            take: Take::Text("the end of a file name", |route, text| {
                let value = Matcher::Suffix(forms::suffix(text.value)?);
                route.matchers.push(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\".php\"",
            about: "Takes paths whose last segment ends so.",
        },
        Key {
            name: "alias",
            take: Take::Boolean(|route| &mut route.is_alias),
            default: "false",
            example: "true",
            about: "Whether the root stands in the place of `path`: with `path = \"/docs\"`, `/docs/a` is the root's `a`, not its `docs/a`.",
        },
        Key {
            name: "redirect",
            take: Take::Table {
                clear: None,
                read: |reader, route, table, at| {
                    let mut draft = RedirectDraft {
                        at,
                        ..RedirectDraft::default()
                    };
                    reader.section(&mut draft, table);
                    route.redirect = Some(draft);
                },
                describe: describe::<RedirectDraft>,
            },
            default: "",
            example: "",
            about: "Sends clients elsewhere instead of serving.",
        },
    ];

    fn settings(&mut self) -> Option<&mut Settings> {
        Some(&mut self.settings)
    }
}

impl Section for RedirectDraft {
    const HEADING: &'static str = "[server.route.redirect]";
    const ABOUT: &'static str = "A redirection.";
    const KEYS: &'static [Key<Self>] = &[
        Key {
            name: "to",
            take: Take::Text("a path or a URL", |redirect, text| {
                let value = forms::redirect_target(text.value)?;
                redirect.to = Some(Placed { value, at: text.at });
                Ok(())
            }),
            default: "",
            example: "\"https://example.org/*\"",
            about: "Where to. A `*` at the end stands for what follows the route's path, with the query.",
        },
        Key {
            name: "status",
            take: Take::Number(301, 308, |redirect, number| {
                let status = forms::REDIRECT_STATUSES.iter();
                let mut status = status.filter(|status| u64::from(status.as_u16()) == number);
                // What is none of them is a fault, told of when the whole is checked.
                redirect.status = status.next().copied();
            }),
            default: "302",
            example: "301",
            about: "The status code: 301, 302, 303, 307 or 308.",
        },
    ];
}
