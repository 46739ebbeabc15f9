//! What capture keeps of the real Codex, and what is made of it: rows, views, exports, replays.

mod broken;
mod forms;
mod kept;
mod proxy;
mod threads;
mod turn;
mod wiretap;
