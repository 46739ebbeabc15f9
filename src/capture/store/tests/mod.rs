//! The writer and its library, over files. What needs other processes is in `tests/store`.

mod bed;
mod caps;
mod crash;
mod kept;
mod live;
mod removed;
