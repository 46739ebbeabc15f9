//! What each Codex can do, as data. Measured with 0.98.0, 0.130.0 and 0.169.0; that profiles became files with 0.134 is
//! what `ollama launch codex` goes by.

/// Major and minor.
pub type Version = (u32, u32);

/// Where a profile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profiles {
    /// `[profiles.NAME]` in `config.toml`. It has no place for a context window: what stands there is not looked at.
    Tables,
    /// `NAME.config.toml`. A table of the same name in `config.toml` stops Codex.
    Files,
}

/// What a Codex can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gates {
    pub profiles: Profiles,
    /// It reads `model_catalog_json`; others ignore it without a word.
    pub catalogue: bool,
    /// What keeps it from asking anybody but its provider: without these, it looks up hosts of its maker and of GitHub at each
    /// start. Whatever is set, its terminal form asks raw.githubusercontent.com once, for a tip of the day.
    pub silence: &'static [&'static str],
}

/// The first version of each kind, oldest first.
const TABLE: &[(Version, Gates)] = &[
    ((0, 0), Gates { profiles: Profiles::Tables, catalogue: false, silence: QUIET_OLD }),
    ((0, 130), Gates { profiles: Profiles::Tables, catalogue: true, silence: QUIET }),
    ((0, 134), Gates { profiles: Profiles::Files, catalogue: true, silence: QUIET }),
];

/// Statistics, the list of the maker's own models, and of its versions.
const QUIET_OLD: &[&str] = &[STATISTICS, "features.remote_models=false", UPDATES, ACCOUNT];
/// Statistics, the list of plug-ins, the services of who is logged in, and the list of versions.
const QUIET: &[&str] = &[STATISTICS, "features.plugins=false", "features.apps=false", UPDATES, ACCOUNT];
/// 0.98 sends them too, on a terminal.
const STATISTICS: &str = "analytics.enabled=false";
const UPDATES: &str = "check_for_update_on_startup=false";
/// Where somebody is logged in, it asks its maker for limits and rules (0.98 on a terminal, 0.169 always), and no switch
/// ends that: so it asks where nobody answers, the port of RFC 863.
const ACCOUNT: &str = "chatgpt_base_url=http://127.0.0.1:9/backend-api/";

impl Gates {
    /// Of this version. One that is not known is most likely a new one.
    pub fn of(version: Option<Version>) -> Self {
        let newest = TABLE.last().expect("the table has rows").1;
        let Some(version) = version else { return newest };
        TABLE.iter().rev().find(|(since, _)| *since <= version).map_or(newest, |(_, gates)| *gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: Option<Version>, profiles: Profiles, catalogue: bool) {
        let gates = Gates::of(version);
        assert_eq!((gates.profiles, gates.catalogue), (profiles, catalogue), "{version:?}");
        assert!(!gates.silence.is_empty());
    }

    #[test]
    fn each_codex_gets_what_it_knows() {
        check(Some((0, 98)), Profiles::Tables, false);
        check(Some((0, 129)), Profiles::Tables, false);
        check(Some((0, 130)), Profiles::Tables, true);
        check(Some((0, 133)), Profiles::Tables, true);
        check(Some((0, 134)), Profiles::Files, true);
        check(Some((1, 0)), Profiles::Files, true);
        check(None, Profiles::Files, true);
    }

    #[test]
    fn rows_stand_in_their_order() {
        assert!(TABLE.is_sorted_by_key(|(since, _)| *since));
    }
}
