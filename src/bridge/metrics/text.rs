//! The text format of Prometheus, 0.0.4: a family is its help, its type and its samples.

use std::fmt::{Display, Write as _};

use super::histogram::Histogram;

/// Before every name.
const PREFIX: &str = "ollama_forward_";

type Labels<'a> = &'a [(&'a str, &'a str)];

#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn done(self) -> String {
        self.0
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, rows: &[(Labels<'_>, u64)]) {
        self.family(name, "counter", help);
        for (labels, count) in rows {
            self.sample(name, labels, count);
        }
    }

    /// A counter with one label, `kind`.
    pub(super) fn by_kind<'a>(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (&'a str, u64)>) {
        self.family(name, "counter", help);
        for (kind, count) in rows {
            self.sample(name, &[("kind", kind)], &count);
        }
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, rows: &[(Labels<'_>, u64)]) {
        self.family(name, "gauge", help);
        for (labels, count) in rows {
            self.sample(name, labels, count);
        }
    }

    /// In seconds since 1970.
    pub(super) fn moment(&mut self, name: &str, help: &str, seconds: f64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], &format_args!("{seconds:.3}"));
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, bounds: &[u64], histogram: &Histogram) {
        self.family(name, "histogram", help);
        let (buckets, all, sum) = histogram.read(bounds);
        let bucket = format!("{name}_bucket");
        for (bound, count) in bounds.iter().zip(buckets) {
            self.sample(&bucket, &[("le", &seconds(*bound))], &count);
        }
        self.sample(&bucket, &[("le", "+Inf")], &all);
        self.sample(&format!("{name}_sum"), &[], &sum.as_secs_f64());
        self.sample(&format!("{name}_count"), &[], &all);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: &dyn Display) {
        let _ = write!(self.0, "{PREFIX}{name}");
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let value = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            let _ = write!(self.0, "{open}{label}=\"{value}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

/// Of milliseconds, without needless zeros.
fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
