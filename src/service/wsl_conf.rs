//! What `/etc/wsl.conf` says of systemd. Pure.

/// The lines that switch it on (Microsoft, "Advanced settings configuration in WSL").
pub const LINES: [&str; 2] = ["[boot]", "systemd=true"];

/// Whether it is switched on, and only WSL has to be started anew.
pub fn has_systemd(text: &str) -> bool {
    let mut section = "";
    let mut on = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once('=')
            && section.eq_ignore_ascii_case("boot")
            && key.trim().eq_ignore_ascii_case("systemd")
        {
            let value = value.split('#').next().unwrap_or_default().trim();
            on = value.eq_ignore_ascii_case("true") || value == "1";
        }
    }
    on
}

/// Whether it has the section, to which the line has to be added.
pub fn has_section(text: &str) -> bool {
    text.lines().any(|line| line.trim().eq_ignore_ascii_case("[boot]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_is_on_where_the_boot_section_says_so() {
        for (text, on) in [
            ("[boot]\nsystemd=true\n", true),
            ("[Boot]\r\n Systemd = True # yes\r\n", true),
            ("[boot]\nsystemd=true\nsystemd=false\n", false),
            ("[boot]\n#systemd=true\n", false),
            ("[network]\nsystemd=true\n", false),
            ("[boot]\nsystemd=maybe\n", false),
            ("", false),
        ] {
            assert_eq!(has_systemd(text), on, "{text:?}");
        }
        assert!(has_section("[boot]\n") && !has_section("# [boot]\n"));
    }
}
