//! Reads what `netstat.exe`, `tasklist.exe`, `reg.exe` and `netsh.exe` print. Pure. Their words are localized and in the code
//! page of the console: only numbers, names and marks are looked at.

/// A TCP socket that listens: address, port, process.
pub(super) type Row = (String, u16, u32);

/// `  TCP    127.0.0.1:11434    0.0.0.0:0    ABHÖREN    4321`. A socket that listens is known by its other end, which is
/// nobody, as the word for its state is localized.
pub(super) fn netstat(printed: &str) -> Vec<Row> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [protocol, here, there, .., pid] = words[..] else { return None };
        if !protocol.eq_ignore_ascii_case("TCP") || !matches!(there, "0.0.0.0:0" | "[::]:0") {
            return None;
        }
        let (address, port) = here.rsplit_once(':')?;
        // `[fe80::1%12]`
        let address = address.trim_matches(['[', ']']).split('%').next()?;
        Some((address.to_owned(), port.parse().ok()?, pid.parse().ok()?))
    };
    printed.lines().filter_map(row).collect()
}

/// `"ollama.exe","4321","Console","1","35 000 Ko"`: name without `.exe`, and process.
pub(super) fn tasklist(printed: &str) -> Vec<(String, u32)> {
    let row = |line: &str| {
        let mut fields = line.trim().strip_prefix('"')?.split("\",\"");
        let name = fields.next()?;
        let pid = fields.next()?.parse().ok()?;
        Some((without_exe(name).to_owned(), pid))
    };
    printed.lines().filter_map(row).collect()
}

/// `    OLLAMA_HOST    REG_SZ    0.0.0.0:11434`: name and value. Four spaces stand between them, as names may have some.
pub(super) fn registry(printed: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let line = line.strip_prefix("    ")?;
        let (name, rest) = line.split_once("    REG_")?;
        let (_kind, value) = rest.split_once("    ").unwrap_or((rest, ""));
        Some((name.to_owned(), value.trim_end().to_owned()))
    };
    printed.lines().filter_map(row).collect()
}

/// `     50000       50059     *`: first and last port. An asterisk marks ranges that an administrator has set aside, whose
/// ports programs may still ask for.
pub(super) fn excluded(printed: &str) -> Vec<(u16, u16)> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [first, last] = words[..] else { return None };
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    printed.lines().filter_map(row).collect()
}

fn without_exe(name: &str) -> &str {
    match name.len().checked_sub(4) {
        Some(end) if name.is_char_boundary(end) && name[end..].eq_ignore_ascii_case(".exe") => &name[..end],
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &[u8], expected: &[(&str, u16, u32)]) {
        let rows = netstat(&String::from_utf8_lossy(page));
        let rows: Vec<_> = rows.iter().map(|(address, port, pid)| (address.as_str(), *port, *pid)).collect();
        assert_eq!(rows.iter().filter(|row| row.1 == 11434).copied().collect::<Vec<_>>(), expected);
        assert!(rows.len() > expected.len(), "other ports are read, too");
    }

    #[test]
    fn listeners_are_found_in_any_language() {
        check(include_bytes!("../../../tests/fixtures/windows/netstat_french.txt"), &[("127.0.0.1", 11434, 9120)]);
        check(
            include_bytes!("../../../tests/fixtures/windows/netstat_german.txt"),
            &[("0.0.0.0", 11434, 7744), ("::", 11434, 7744)],
        );
    }

    #[test]
    fn programs_are_read_from_their_list() {
        let page = "\r\n\"System Idle Process\",\"0\",\"Services\",\"0\",\"8 Ko\"\r\n\"ollama app.exe\",\"9000\",\"Console\",\"1\",\"35\u{fffd}000 Ko\"\r\n\
                    INFORMATION : aucune tâche en service ne correspond aux critères.\r\n";
        assert_eq!(tasklist(page), [("System Idle Process".into(), 0), ("ollama app".into(), 9000)]);
    }

    #[test]
    fn registry_values_are_read_from_their_page() {
        let page = "\r\nHKEY_CURRENT_USER\\Environment\r\n    OLLAMA_HOST    REG_SZ    0.0.0.0:11434\r\n    \
                    OLLAMA_MODELS    REG_EXPAND_SZ    %USERPROFILE%\\my models\r\n    EMPTY    REG_SZ    \r\n\r\n";
        let values = registry(page);
        assert_eq!(values[0], ("OLLAMA_HOST".into(), "0.0.0.0:11434".into()));
        assert_eq!(values[1], ("OLLAMA_MODELS".into(), "%USERPROFILE%\\my models".into()));
        assert_eq!(values[2], ("EMPTY".into(), String::new()));
        assert_eq!(registry("FEHLER: Der Registrierungsschlüssel wurde nicht gefunden.\r\n"), []);
    }

    #[test]
    fn ranges_are_digits_and_those_of_administrators_are_left_out() {
        let page = "\r\nPlages d'exclusion de ports TCP du protocole\r\n\r\n----------    --------\r\n     11400       11499\r\n     \
                    50000       50059     *\r\n\r\n* - Exclusions de ports administr\u{fffd}es.\r\n";
        assert_eq!(excluded(page), [(11400, 11499)]);
    }
}
