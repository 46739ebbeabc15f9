//! The doctor in the lab: each fault is played, and what is told is held to its root, its words and its commands; and where
//! all is well, nothing is told.

mod bed;
mod faults_here;
mod faults_network;
mod faults_ollama;
mod faults_windows;
mod healthy;
mod ollama;
mod page;
