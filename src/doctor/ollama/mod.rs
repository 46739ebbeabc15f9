//! Ollama itself, at the address that answered: version, models, context.

pub mod checks;
pub mod gather;

use serde::Serialize;

use crate::doctor::Fact;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Ollama {
    pub api: Fact<Api>,
    pub version: Fact<String>,
    pub models: Fact<Vec<Model>>,
    /// What is in memory now. Unknown while a model loads: Ollama does not answer then (`ollama-server` A5).
    pub loaded: Fact<Vec<Loaded>>,
    /// Seconds since 1970 in the `Date` header, and by our clock at that moment.
    pub clocks: Fact<(u64, u64)>,
}

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Api {
    /// It tells a version, as Ollama does.
    Ollama,
    /// It has `/v1/models` only: LM Studio, llama-server, vLLM.
    Chat,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Model {
    pub name: String,
    /// None where Ollama does not tell (before 0.6.4).
    pub tools: Option<bool>,
    pub thinking: Option<bool>,
    pub vision: Option<bool>,
    /// Whether it answers text at all; embedding models do not.
    pub completion: Option<bool>,
    /// What the model was trained for, in tokens.
    pub trained_context: Option<u64>,
    /// `num_ctx` in its Modelfile.
    pub num_ctx: Option<u64>,
    /// On disk, in bytes.
    pub size: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    pub name: String,
    /// The effective context, in tokens.
    pub context: Option<u64>,
    /// In bytes, in all and on the graphics card.
    pub size: Option<u64>,
    pub size_vram: Option<u64>,
}

impl Model {
    /// It can hold a conversation, as far as is known.
    pub fn talks(&self) -> bool {
        self.completion != Some(false)
    }
}

/// What a machine tells where all is well: qwen3:14b on a card of 16 GB.
#[cfg(test)]
pub(crate) fn healthy() -> Ollama {
    let model = Model {
        name: "qwen3:14b".into(),
        tools: Some(true),
        thinking: Some(true),
        vision: Some(false),
        completion: Some(true),
        trained_context: Some(40_960),
        num_ctx: None,
        size: Some(9_276_198_565),
    };
    let loaded = Loaded {
        name: "qwen3:14b".into(),
        context: Some(32_768),
        size: Some(14_300_000_000),
        size_vram: Some(14_300_000_000),
    };
    Ollama {
        api: Fact::Known(Api::Ollama),
        version: Fact::Known("0.33.0".into()),
        models: Fact::Known(vec![model]),
        loaded: Fact::Known(vec![loaded]),
        clocks: Fact::Known((1_795_879_578, 1_795_879_578)),
    }
}
