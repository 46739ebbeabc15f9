//! What the targets share: the bodies, and the stage on which answers are played.

mod bodies;
#[path = "../turns/play.rs"]
mod play;

/// Holds an input against the body of this name.
pub fn run(name: &str, input: &[u8]) {
    let (_, body) = bodies::BODIES.iter().find(|(known, _)| *known == name).expect("each target has a body");
    body(input);
}
