//! What `systemctl show` tells of the unit. Pure.

use std::time::Duration;

/// What is asked for.
pub const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,MainPID,NRestarts,ExecMainStatus,\
ActiveEnterTimestampMonotonic,UnitFileState,FragmentPath,DropInPaths,StatusText";

/// The unit, as systemd has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub is_loaded: bool,
    /// `active`, `activating`, `failed`, …
    pub active: String,
    /// `running`, `auto-restart`, …
    pub sub: String,
    /// `success`, `exit-code`, `watchdog`, …
    pub result: String,
    pub pid: Option<u32>,
    /// Since it was started by hand or at login.
    pub restarts: u32,
    /// Of the last run: of the program, or of what systemd did before it (systemd.exec(5), "Process Exit Codes").
    pub exit_code: i32,
    /// When it became active, on the monotonic clock.
    pub since: Option<Duration>,
    /// `enabled`, `disabled`, …
    pub enabled: String,
    pub file: Option<String>,
    pub drop_ins: Vec<String>,
    /// What it last told of itself.
    pub told: Option<String>,
}

impl State {
    /// Keys that are missing stay empty.
    pub fn parse(text: &str) -> Self {
        let mut state = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let some = || (!value.is_empty()).then(|| value.to_owned());
            match key {
                "LoadState" => state.is_loaded = value == "loaded",
                "ActiveState" => value.clone_into(&mut state.active),
                "SubState" => value.clone_into(&mut state.sub),
                "Result" => value.clone_into(&mut state.result),
                "MainPID" => state.pid = value.parse().ok().filter(|pid| *pid > 0),
                "NRestarts" => state.restarts = value.parse().unwrap_or_default(),
                "ExecMainStatus" => state.exit_code = value.parse().unwrap_or_default(),
                "ActiveEnterTimestampMonotonic" => {
                    state.since = value.parse().ok().filter(|since| *since > 0).map(Duration::from_micros);
                }
                "UnitFileState" => value.clone_into(&mut state.enabled),
                "FragmentPath" => state.file = some(),
                "DropInPaths" => state.drop_ins = value.split_whitespace().map(str::to_owned).collect(),
                "StatusText" => state.told = some(),
                _ => {}
            }
        }
        state
    }

    pub fn runs(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// It has failed, or has begun to try again and again.
    pub fn has_failed(&self) -> bool {
        self.active == "failed" || self.sub == "auto-restart"
    }

    /// It ended because there was nothing to do, and nobody starts it anew.
    pub fn has_ended_well(&self) -> bool {
        self.active == "inactive" && self.result == "success"
    }

    /// systemd could not set its sandbox up: namespaces, system calls, users, capabilities (systemd.exec(5), codes 217 to 234).
    pub fn failed_in_sandbox(&self) -> bool {
        self.has_failed() && [217, 218, 226, 228].contains(&self.exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: &str = "MainPID=42\nNRestarts=1\nResult=success\nExecMainStatus=0\nStatusText=a=b\n\
        LoadState=loaded\nActiveState=active\nSubState=running\nFragmentPath=/u/x.service\n\
        DropInPaths=/u/x.service.d/a.conf /u/x.service.d/b.conf\nUnitFileState=enabled\nActiveEnterTimestampMonotonic=1500000\n";

    #[test]
    fn a_unit_that_runs_says_since_when() {
        let state = State::parse(RUNS);
        assert!(state.runs() && !state.has_failed() && !state.has_ended_well() && state.is_loaded);
        assert_eq!((state.pid, state.restarts, state.since), (Some(42), 1, Some(Duration::from_millis(1500))));
        assert_eq!((state.told.as_deref(), state.drop_ins.len()), (Some("a=b"), 2));
    }

    #[test]
    fn one_that_does_not_has_no_process() {
        let state = State::parse("MainPID=0\nActiveState=inactive\nResult=success\nActiveEnterTimestampMonotonic=0\n");
        assert!(!state.runs() && state.has_ended_well());
        assert_eq!((state.pid, state.since, state.file), (None, None, None));
        assert_eq!(State::parse("nonsense"), State::default());
    }

    #[test]
    fn a_sandbox_that_cannot_be_made_is_told_from_a_program_that_fails() {
        for (active, sub, code, sandbox) in [
            ("failed", "failed", 226, true),
            ("activating", "auto-restart", 228, true),
            ("failed", "failed", 5, false),
            ("active", "running", 226, false),
        ] {
            let text = format!("ActiveState={active}\nSubState={sub}\nExecMainStatus={code}\n");
            assert_eq!(State::parse(&text).failed_in_sandbox(), sandbox, "{text}");
        }
    }
}
