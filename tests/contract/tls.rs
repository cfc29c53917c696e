//! `ringfence tls`: what is seen, what is told, what is made; servers are real ones on loopback.

mod dev_ca;
mod inspect;
mod refused;
mod server;
mod watch;
