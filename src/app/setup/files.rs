//! Our own configuration, as it is now: the user's file, and what lies below it.

use std::path::{Path, PathBuf};

use super::plan::Values;
use crate::app::{config_paths, read_file};
use crate::capture::settings::CaptureTo;
use crate::config::{Layer, OLLAMA_PORT, Upstream};
use crate::fault::{Fault, FaultId};
use crate::words;

/// The user's configuration.
pub(super) struct Files {
    /// The file that setup writes.
    pub(super) path: PathBuf,
    /// The user's over those of the system.
    pub(super) layer: Layer,
}

impl Files {
    /// Reads them. A file with a mistake in it is one for the doctor.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, Fault> {
        let paths = config_paths(named);
        let mended = |fault: Fault| {
            fault.advise(
                words!("it was written by hand, or by another version", "écrit à la main, ou par une autre version"),
                "ollama-forward doctor --fix",
            )
        };
        let layers = paths.iter().map(|path| read_file(path).map_err(mended));
        let layer = layers
            .into_iter()
            .try_fold(Layer::default(), |over, below| Ok::<_, Fault>(over.over(below?.unwrap_or_default())))?;
        // Without a home there is the one of the system alone, which is not ours to write.
        let own = paths.into_iter().next().filter(|path| named.is_some() || !path.starts_with("/etc/ollama-forward"));
        let path = own.ok_or_else(|| {
            let what = words!("there is no home directory", "il n'y a pas de répertoire personnel");
            let likely = words!("HOME is not set", "HOME n'est pas défini");
            Fault::new(FaultId::Config, what).advise(likely, "export HOME=…")
        })?;
        Ok(Self { path, layer })
    }

    /// What a run with these files is like.
    pub(super) fn values(&self) -> Values {
        let layer = &self.layer;
        let first = layer.listen.as_ref().and_then(|listen| listen.first()).and_then(|listen| listen.port);
        Values {
            upstream: layer.upstream.clone().unwrap_or(Upstream::Auto(OLLAMA_PORT)),
            port: first.or(layer.listen_port).unwrap_or(OLLAMA_PORT),
            translate: layer.bridge.translate.unwrap_or(false),
            capture: match layer.capture.capture {
                Some(CaptureTo::On | CaptureTo::Dir(_)) => true,
                Some(CaptureTo::Off) | None => false,
            },
        }
    }

    /// `listen` names a port itself.
    pub(super) fn port_is_fixed(&self) -> bool {
        let listen = self.layer.listen.as_ref().and_then(|listen| listen.first());
        listen.is_some_and(|listen| listen.port.is_some())
    }
}
