//! Finds out which way leads to Windows, and who answers there.
