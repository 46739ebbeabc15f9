//! What the outcomes look like: a page for people, an object for programs. Pure.
