//! The page as one file that needs nobody: for exports. Scripts and style are in it, under names that an import map gives
//! them (HTML, 8.1.5: "import maps"), and its own policy lets it ask nobody. Pure.

use super::assets::{FILES, INDEX};

/// What the page says of its parts, and what it says of them here.
const STYLE: &str = r#"<link rel="stylesheet" href="/assets/style.css">"#;
const SCRIPT: &str = r#"<script type="module" src="/assets/app.js"></script>"#;
const ICON: &str = "/assets/icon.svg";
/// A script names another one so; a script that is no file has no neighbours, so there they get names without a place.
const NEIGHBOUR: &str = "from './";
const NAMED: &str = "from 'of/";

/// As on the server, but for what a file has: scripts in it, and in addresses of data.
const POLICY: &str = r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'">"#;

/// The page with [`crate::capture::export::HTML_DATA`] where its data belong.
pub fn one_file() -> String {
    let page = text(INDEX);
    let scripts = FILES.iter().filter(|(_, content_type, _)| content_type.starts_with("text/javascript"));
    let map: Vec<_> = scripts.map(|(name, ..)| format!("\"of/{name}\":\"{}\"", script(name))).collect();
    let script = format!(
        "<script type=\"importmap\">{{\"imports\":{{{}}}}}</script>\n<script type=\"module\">import 'of/app.js';</script>",
        map.join(",")
    );
    let icon = address("image/svg+xml", &text("icon.svg"));
    page.replacen("<head>", &format!("<head>\n{POLICY}"), 1)
        .replacen(STYLE, &format!("<style>{}</style>", text("style.css")), 1)
        .replacen(SCRIPT, &script, 1)
        .replacen(ICON, &icon, 1)
}

fn script(name: &str) -> String {
    address("text/javascript;charset=utf-8", &text(name).replace(NEIGHBOUR, NAMED))
}

/// A file of the page, which are all texts.
fn text(name: &str) -> String {
    let file = FILES.iter().find(|(known, ..)| *known == name);
    file.map(|(_, _, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// `data:…`, with nothing in it that means something in HTML, in JSON or in an address.
fn address(content_type: &str, text: &str) -> String {
    let mut address = format!("data:{content_type},");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~!*();:@$,/?=[]".contains(&byte) {
            address.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            address.push('%');
            address.push(char::from(DIGITS[usize::from(byte >> 4)]));
            address.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::export::HTML_DATA;
    use crate::inspect::route::Params;

    /// The text of an address.
    fn read(address: &str) -> String {
        let (_, text) = address.split_once(',').unwrap();
        // There is no `+` in them, so they are read like parameters.
        Params::parse(Some(&format!("a={}", text.replace('&', "%26")))).get("a").unwrap().to_owned()
    }

    #[test]
    fn all_of_the_page_is_in_it_and_nothing_is_asked_for() {
        // The name of SVG's vocabulary is no address.
        let page = one_file().replace("http://www.w3.org/2000/svg", "");
        assert_eq!(page.matches(HTML_DATA).count(), 1);
        for outside in ["/assets/", "http://", "https://", " src=", "from './"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
        assert_eq!(page.matches("</style>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 2);
    }

    #[test]
    fn each_script_is_named_and_names_only_those() {
        let page = one_file();
        let map = page.split_once("importmap\">").unwrap().1.split_once("</script>").unwrap().0;
        let map: serde_json::Value = serde_json::from_str(map).unwrap();
        let scripts = map["imports"].as_object().unwrap();
        assert!(scripts.contains_key("of/app.js"));
        for (name, address) in scripts {
            let script = read(address.as_str().unwrap());
            assert_eq!(script, text(name.trim_start_matches("of/")).replace(NEIGHBOUR, NAMED), "{name}");
            for (at, _) in script.match_indices(NAMED) {
                let other = script[at + "from '".len()..].split('\'').next().unwrap();
                assert!(scripts.contains_key(other), "{name}: {other}");
            }
        }
    }

    #[test]
    fn addresses_have_nothing_that_ends_them() {
        let hostile: String = (0..=255u8).map(char::from).collect();
        let address = address("text/plain;charset=utf-8", &hostile);
        assert!(address.is_ascii() && !address.contains(['"', '\'', '<', '>', '&', '\\', '#', ' ', '\n', '+']));
        assert_eq!(read(&address), hostile);
    }
}
