//! E-mail addresses, identifiers of machines, and addresses of the network: what is private stays, it is the point. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{begins, replace, run};

/// Types of units of systemd: `user@1000.service` is no address.
const UNITS: [&str; 8] = ["service", "socket", "timer", "target", "slice", "scope", "mount", "path"];

/// E-mail addresses, and identifiers of Windows users.
pub(super) fn remove_mail(text: &str) -> String {
    replace(text, |before, rest| mail(before, rest).or_else(|| sid(before, rest)))
}

fn mail(before: &str, rest: &str) -> Option<(usize, String)> {
    let is_local = |letter: char| letter.is_alphanumeric() || "._%+-".contains(letter);
    if !begins(before, is_local) {
        return None;
    }
    let local = run(rest, is_local);
    let domain =
        run(rest[local.len()..].strip_prefix('@')?, |letter| letter.is_alphanumeric() || ".-".contains(letter));
    let domain = domain.trim_end_matches(['.', '-']);
    let (_, last) = domain.rsplit_once('.')?;
    let is_top = last.len() >= 2 && last.chars().all(char::is_alphabetic) && !UNITS.contains(&last);
    (!local.is_empty() && is_top).then(|| (local.len() + 1 + domain.len(), "[e-mail]".to_owned()))
}

/// `S-1-5-21-` and what tells this machine from all others.
fn sid(before: &str, rest: &str) -> Option<(usize, String)> {
    let end = run(rest.strip_prefix("S-1-5-21-")?, |letter| letter.is_ascii_digit() || letter == '-');
    begins(before, char::is_alphanumeric).then(|| ("S-1-5-21-".len() + end.len(), "[sid]".to_owned()))
}

/// The public addresses seen so far: each has its number, so that it can be told whether two are the same.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    seen: Vec<String>,
}

impl Addresses {
    pub(super) fn remove(&mut self, text: &str) -> String {
        replace(text, |before, rest| {
            if !rest.starts_with(|letter: char| letter.is_ascii_hexdigit()) {
                return None;
            }
            mac(before, rest).or_else(|| self.ipv6(before, rest)).or_else(|| self.ipv4(before, rest))
        })
    }

    fn number(&mut self, address: String) -> String {
        let at = self.seen.iter().position(|seen| *seen == address).unwrap_or_else(|| {
            self.seen.push(address);
            self.seen.len() - 1
        });
        format!("[public-ip-{}]", at + 1)
    }

    fn ipv4(&mut self, before: &str, rest: &str) -> Option<(usize, String)> {
        let length = ipv4_length(before, rest)?;
        let ip: Ipv4Addr = rest[..length].parse().ok()?;
        let is_public = is_public(ip) && !is_version(before, &rest[length..]);
        is_public.then(|| (length, self.number(ip.to_string())))
    }

    fn ipv6(&mut self, before: &str, rest: &str) -> Option<(usize, String)> {
        let is_part = |letter: char| letter.is_ascii_hexdigit() || letter == ':';
        if !begins(before, |letter| is_part(letter) || letter.is_alphanumeric() || letter == '_') {
            return None;
        }
        let run = run(rest, is_part);
        let text = if run.ends_with("::") { run } else { run.trim_end_matches(':') };
        let follows = rest[text.len()..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let ip: Ipv6Addr = if follows { return None } else { text.parse().ok()? };
        let segments = ip.segments();
        // Global unicast (RFC 4291, 2.4), without the prefix of examples (RFC 3849).
        let is_public = segments[0] & 0xe000 == 0x2000 && !(segments[0] == 0x2001 && segments[1] == 0xdb8);
        // A link-local address may be made of the card's MAC (RFC 4291, appendix A).
        let is_mac = segments[0] & 0xffc0 == 0xfe80 && segments[5] & 0xff == 0xff && segments[6] >> 8 == 0xfe;
        if is_public {
            Some((text.len(), self.number(ip.to_string())))
        } else {
            is_mac.then(|| (text.len(), "[link-local]".to_owned()))
        }
    }
}

/// Four numbers with dots that are no part of something longer.
fn ipv4_length(before: &str, rest: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
    if !begins(before, |letter| letter.is_alphanumeric() || letter == '.' || letter == '_') {
        return None;
    }
    let text = run(rest, is_part).trim_end_matches('.');
    let follows = rest[text.len()..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    (text.split('.').count() == 4 && !follows).then_some(text.len())
}

/// `6.6.87.2-microsoft`, `version 2.6.1.0`: numbers of programs have dots, too.
fn is_version(before: &str, after: &str) -> bool {
    if let Some(after) = after.strip_prefix('-') {
        // A range has an address behind the dash.
        let is_range = ipv4_length("-", after).is_some();
        return !is_range && after.starts_with(|letter: char| letter.is_alphanumeric());
    }
    let before = before.trim_end_matches([' ', ':', '=', '"', '\'', '\u{a0}']);
    ["version", "wsl", "kernel"].iter().any(|word| {
        let last = before.len().checked_sub(word.len()).and_then(|at| before.get(at..));
        last.is_some_and(|last| last.eq_ignore_ascii_case(word))
    })
}

/// Not private (RFC 1918), shared (RFC 6598), of a link, of examples (RFC 5737), or of no host at all.
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || is_shared
        || a == 0
        || a >= 224)
}

/// Six pairs: the first three tell the maker (Hyper-V: `00:15:5d`) and stay, the others tell this card.
fn mac(before: &str, rest: &str) -> Option<(usize, String)> {
    const LENGTH: usize = 17;
    let text = rest.get(..LENGTH)?;
    let sign = text.get(2..3).filter(|sign| matches!(*sign, ":" | "-"))?;
    let pairs: Vec<&str> = text.split(sign).collect();
    let is_pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == ':' || letter == '-';
    let is_whole = begins(before, is_part) && !rest[LENGTH..].starts_with(is_part);
    (pairs.len() == 6 && pairs.iter().all(is_pair) && is_whole)
        .then(|| (LENGTH, [pairs[0], pairs[1], pairs[2], "xx", "xx", "xx"].join(sign)))
}
