//! The page's server, asked over its port as browsers, programs and attackers ask it: a real store below, no browser above.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod doors;
mod feed;
mod old;
mod reads;
mod replay;
mod writes;
