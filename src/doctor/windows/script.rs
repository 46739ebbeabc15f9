//! The one PowerShell that asks Windows: its text, and how it is handed over.
//!
//! `-EncodedCommand` needs no quoting and no file, so `-ExecutionPolicy` stays away: it governs script files only, and a
//! policy that bypasses is what virus scanners look for.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SCRIPT: &str = include_str!("script.ps1");

/// What stands before the script. Text, as a PowerShell whose output is no console may else write its errors as XML.
pub(super) const ARGS: [&str; 5] = ["-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand"];

/// The script that asks about this port and the way to this address, as `-EncodedCommand` takes it: UTF-16LE in base64
/// (Microsoft, `about_PowerShell_exe`).
pub(super) fn encoded(port: u16, own: Option<Ipv4Addr>) -> String {
    let bytes: Vec<u8> = text(port, own).encode_utf16().flat_map(u16::to_le_bytes).collect();
    STANDARD.encode(bytes)
}

/// Without comments and indentation: the command line of Windows holds 32 767 letters (`CreateProcess`).
fn text(port: u16, own: Option<Ipv4Addr>) -> String {
    let own = own.map(|own| own.to_string()).unwrap_or_default();
    let script = SCRIPT.replace("@PORT@", &port.to_string()).replace("@OWN@", &own);
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_carries_port_and_address_and_nothing_is_left_to_fill_in() {
        let text = text(11500, Some([172, 24, 3, 7].into()));
        assert!(text.contains("$port = 11500\n") && text.contains("$own = '172.24.3.7'\n"), "{text}");
        assert!(!text.contains("@PORT@") && !text.contains("@OWN@"), "{text}");
        assert!(super::text(11434, None).contains("$own = ''\n"));
    }

    #[test]
    fn it_fits_a_windows_command_line() {
        let encoded = encoded(65535, Some([255, 255, 255, 255].into()));
        let all: usize = ARGS.iter().map(|arg| arg.len() + 1).sum::<usize>() + encoded.len();
        assert!(all < 20_000, "{all}");
    }

    #[test]
    fn it_comes_back_from_its_encoding() {
        let bytes = STANDARD.decode(encoded(11434, None)).unwrap();
        let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(String::from_utf16(&units).unwrap(), text(11434, None));
    }

    #[test]
    fn it_changes_nothing_on_windows() {
        let text = text(11434, None).to_ascii_lowercase();
        for verb in
            ["set-", "remove-", "add-", "stop-", "start-", "enable-", "disable-", "out-file", "delete", "reg.exe"]
        {
            assert!(!text.contains(verb), "{verb}");
        }
        // `New-Object` makes an encoding, in memory.
        assert_eq!(text.matches("new-").count(), 1);
    }

    #[test]
    fn brackets_and_quotes_are_paired_on_the_way() {
        let text = text(11434, Some([172, 24, 3, 7].into()));
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            // Those inside of quotes are `'vEthernet (WSL*'`, whose bracket stays open.
            let extra = usize::from(open == '(');
            assert_eq!(text.matches(open).count(), text.matches(close).count() + extra, "{open}{close}");
        }
        assert!(text.matches('"').count().is_multiple_of(2) && text.matches('\'').count().is_multiple_of(2));
    }
}
