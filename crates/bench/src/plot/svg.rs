//! SVG text: elements, attributes, escapes, and a style that suits light and dark pages.
//!
//! A picture in a page inherits nothing from it, so the colours are chosen here, by
//! `prefers-color-scheme`.

use std::fmt::{Display, Write as _};

/// Colours of the series, in order: for light pages, for dark pages. Distinct without red and
/// green side by side, and dark or light enough for text.
const SERIES: [(&str, &str); 8] = [
    ("#6b7280", "#9ca3af"),
    ("#1d4ed8", "#60a5fa"),
    ("#b45309", "#fbbf24"),
    ("#be185d", "#f472b6"),
    ("#047857", "#34d399"),
    ("#7c3aed", "#a78bfa"),
    ("#0e7490", "#22d3ee"),
    ("#9f1239", "#fda4af"),
];

/// How many series have a colour of their own.
pub(crate) const SERIES_MAX: usize = SERIES.len();

/// A picture being drawn.
pub(crate) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// Where a text's point lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An empty picture of this size in pixels.
    pub(crate) const fn new(width: f64, height: f64) -> Self {
        Self {
            body: String::new(),
            width,
            height,
        }
    }

    /// A straight line of this class.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.element(&format!(
            "<line class=\"{}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            escaped(class),
            from.0,
            from.1,
            to.0,
            to.1
        ));
    }

    /// A line through these points.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut steps = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let step = if number == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(steps, "{step}{x:.1} {y:.1} ");
        }
        let (class, steps) = (escaped(class), steps.trim_end());
        self.element(&format!("<path class=\"{class}\" d=\"{steps}\"/>"));
    }

    /// A dot.
    pub(crate) fn dot(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let class = escaped(class);
        self.element(&format!(
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\"/>",
            at.0, at.1
        ));
    }

    /// A filled rectangle.
    pub(crate) fn bar(&mut self, class: &str, at: (f64, f64), width: f64, height: f64) {
        let class = escaped(class);
        self.element(&format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            at.0,
            at.1,
            width.max(0.0),
            height.max(0.0)
        ));
    }

    /// A text.
    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (class, text) = (escaped(class), escaped(&text.to_string()));
        self.element(&format!(
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            at.0, at.1
        ));
    }

    fn element(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The whole file. `title` is what a reader hears who cannot see it.
    pub(crate) fn finish(self, title: &str) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
             <title>{}</title>\n<style>\n{}</style>\n{}</svg>\n",
            escaped(title),
            style(),
            self.body
        )
    }
}

fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (number, (on_light, on_dark)) in SERIES.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(light, "  --s{number}: {on_light};");
        let _ = writeln!(dark, "    --s{number}: {on_dark};");
    }
    let mut classes = String::new();
    for number in 0..SERIES.len() {
        let _ = writeln!(
            classes,
            ".f{number} {{ fill: var(--s{number}); }} .l{number} {{ stroke: var(--s{number}); }}"
        );
    }
    format!(
        "svg {{\n  --ink: #1f2328; --pale: #57606a; --rule: #d0d7de; --page: #ffffff;\n{light}\
         \x20 font: 13px system-ui, sans-serif;\n}}\n\
         @media (prefers-color-scheme: dark) {{\n  svg {{\n\
         \x20   --ink: #e6edf3; --pale: #9198a1; --rule: #30363d; --page: #0d1117;\n{dark}  }}\n}}\n\
         .page {{ fill: var(--page); }}\n\
         text {{ fill: var(--ink); }}\n.title {{ font-size: 16px; font-weight: 600; }}\n\
         .pale {{ fill: var(--pale); }}\n.small {{ font-size: 12px; fill: var(--pale); }}\n\
         .grid {{ stroke: var(--rule); stroke-width: 1; }}\n\
         .axis {{ stroke: var(--pale); stroke-width: 1; }}\n\
         .spread {{ stroke: var(--ink); stroke-width: 1.2; }}\n\
         .halo {{ stroke: var(--page); stroke-width: 3.2; }}\n\
         .series {{ fill: none; stroke-width: 2.2; stroke-linejoin: round; }}\n{classes}"
    )
}

/// Text that is safe between tags and within quotes.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            // Not allowed in XML at all.
            character if character.is_control() => result.push(' '),
            character => result.push(character),
        }
    }
    result
}

/// Whether every tag is closed in order and every attribute is quoted: what the tests ask.
#[cfg(test)]
pub(crate) fn is_well_formed(text: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else {
            return false;
        };
        let tag = &rest[start + 1..start + end];
        rest = &rest[start + end + 1..];
        if tag.contains('<') || tag.matches('"').count() % 2 == 1 {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    open.is_empty() && !rest.contains('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_well_formed_whatever_its_texts_are() {
        let mut svg = Svg::new(100.0, 50.0);
        svg.text("a\"b", (1.0, 2.0), Anchor::Middle, "1 < 2 & \"3\" > 2\u{1}");
        svg.line("grid", (0.0, 0.0), (1.0, 1.0));
        svg.path("series l1", &[(0.0, 0.0), (1.5, 2.5)]);
        svg.dot("f1", (1.0, 1.0), 2.0);
        svg.bar("f2", (1.0, 1.0), -2.0, 3.0);
        let text = svg.finish("<title> & more");
        assert!(is_well_formed(&text), "{text}");
        assert!(
            text.contains("1 &lt; 2 &amp; &quot;3&quot; &gt; 2 "),
            "{text}"
        );
        assert!(
            text.contains("width=\"0.0\""),
            "a bar is never negative: {text}"
        );
    }

    #[test]
    fn the_check_finds_what_is_not_well_formed() {
        for text in ["<a>", "<a></b>", "<a b=\"></a>", "</a>", "<a><b></a></b>"] {
            assert!(!is_well_formed(text), "{text}");
        }
        assert!(is_well_formed("<a><b c=\"d\"/></a>"));
    }

    #[test]
    fn there_are_colours_for_light_and_for_dark_pages() {
        let text = Svg::new(1.0, 1.0).finish("");
        assert!(text.contains("prefers-color-scheme: dark"));
        assert_eq!(text.matches("--ink:").count(), 2);
    }
}
