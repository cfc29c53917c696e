//! The battery: every probe, one file each, in one ordered table.
//!
//! A new probe is a new file in the folder of its class, its `mod` line and its line in the table.
//! The test below fails when a file is forgotten or an id does not match its file.

use super::probe::Probe;

mod children {
    pub(super) mod foreign_function;
    pub(super) mod js_child_clean_environment;
    pub(super) mod js_child_wildcard_flags;
    pub(super) mod js_load_library;
    pub(super) mod js_load_written;
    pub(super) mod js_package_manager;
    pub(super) mod js_shell;
    pub(super) mod js_spawn;
    pub(super) mod map_readable;
    pub(super) mod map_written;
    pub(super) mod map_written_tmp;
    pub(super) mod protect_written;
    pub(super) mod run_itself;
    pub(super) mod run_loader;
    pub(super) mod run_memory;
    pub(super) mod run_package_manager;
    pub(super) mod run_program;
    pub(super) mod run_readable;
    pub(super) mod run_script;
    pub(super) mod run_set_id;
    pub(super) mod run_written;
    pub(super) mod run_written_tmp;
}
mod environment {
    pub(super) mod foreign_variable;
    pub(super) mod loader_variables;
    pub(super) mod node_options;
    pub(super) mod report_environment;
}
mod files {
    pub(super) mod change_attributes;
    pub(super) mod change_flags;
    pub(super) mod change_mode;
    pub(super) mod change_times;
    pub(super) mod chroot;
    pub(super) mod climb_out;
    pub(super) mod follow_own_symlink;
    pub(super) mod follow_planted_symlink;
    pub(super) mod fsopen;
    pub(super) mod inherited_directory;
    pub(super) mod inherited_file;
    pub(super) mod js_existence;
    pub(super) mod js_handle_mode;
    pub(super) mod js_odd_paths;
    pub(super) mod js_open_as_blob;
    pub(super) mod js_read_outside;
    pub(super) mod js_replace_permission;
    pub(super) mod js_report_file;
    pub(super) mod js_symlink;
    pub(super) mod js_watch_file;
    pub(super) mod list_outside;
    pub(super) mod make_device;
    pub(super) mod make_hard_link;
    pub(super) mod mount_setattr;
    pub(super) mod mount_tmpfs;
    pub(super) mod move_mount;
    pub(super) mod open_by_handle;
    pub(super) mod open_tree;
    pub(super) mod pivot_root;
    pub(super) mod process_binding;
    pub(super) mod read_dropped_file;
    pub(super) mod read_outside;
    pub(super) mod read_secret_source;
    pub(super) mod remount_writable;
    pub(super) mod rename_read_grant;
    pub(super) mod reopen_output;
    pub(super) mod sqlite_attach;
    pub(super) mod sqlite_outside;
    pub(super) mod truncate_output;
    pub(super) mod truncate_read_grant;
    pub(super) mod wasi_preopen;
    pub(super) mod watch_outside;
    pub(super) mod write_boundary_file;
    pub(super) mod write_entrypoint;
    pub(super) mod write_outside;
    pub(super) mod write_read_grant;
    pub(super) mod write_root;
    pub(super) mod write_submount;
}
mod identity {
    pub(super) mod become_root;
    pub(super) mod capabilities;
    pub(super) mod extra_group;
    pub(super) mod gain_privileges;
    pub(super) mod give_away;
    pub(super) mod set_groups;
}
mod ipc {
    pub(super) mod abstract_socket;
    pub(super) mod alg_socket;
    pub(super) mod closed_socket;
    pub(super) mod dccp_socket;
    pub(super) mod event_socket;
    pub(super) mod js_abstract_socket;
    pub(super) mod js_path_socket;
    pub(super) mod memory_files;
    pub(super) mod message_queue;
    pub(super) mod packet_socket;
    pub(super) mod path_socket;
    pub(super) mod ping_socket;
    pub(super) mod raw_socket;
    pub(super) mod sctp_socket;
    pub(super) mod shared_memory;
    pub(super) mod udplite_socket;
    pub(super) mod vsock_socket;
}
mod kernel {
    pub(super) mod add_key;
    pub(super) mod bpf;
    pub(super) mod foreign_abi;
    pub(super) mod io_uring;
    pub(super) mod load_kernel;
    pub(super) mod load_module;
    pub(super) mod perf_event;
    pub(super) mod personality;
    pub(super) mod reboot;
    pub(super) mod session_keyring;
    pub(super) mod set_clock;
    pub(super) mod swap;
    pub(super) mod terminal_foreground;
    pub(super) mod terminal_input;
    pub(super) mod terminal_paste;
    pub(super) mod userfaultfd;
    pub(super) mod watch_files;
    pub(super) mod x32_abi;
}
mod limits {
    pub(super) mod file_size;
    pub(super) mod memory;
    pub(super) mod open_files;
    pub(super) mod processes;
    pub(super) mod processor;
    pub(super) mod temporary_space;
}
mod names {
    pub(super) mod exfiltrate;
    pub(super) mod hosts_of_the_host;
    pub(super) mod js_resolver;
    pub(super) mod other_server;
}
mod network {
    pub(super) mod ask_driver;
    pub(super) mod bind_to_device;
    pub(super) mod connection_repair;
    pub(super) mod fast_open;
    pub(super) mod fast_open_again;
    pub(super) mod fast_open_option;
    pub(super) mod flip_address;
    pub(super) mod js_connect;
    pub(super) mod js_datagram;
    pub(super) mod js_fetch;
    pub(super) mod js_listen;
    pub(super) mod js_odd_addresses;
    pub(super) mod list_interfaces;
    pub(super) mod listen_on_granted;
    pub(super) mod listen_udp_undeclared;
    pub(super) mod listen_undeclared;
    pub(super) mod listen_undeclared_v6;
    pub(super) mod metadata;
    pub(super) mod multipath;
    pub(super) mod packet_mark;
    pub(super) mod private_name;
    pub(super) mod reconnect;
    pub(super) mod routing_header;
    pub(super) mod source_route;
    pub(super) mod stall_backlog;
    pub(super) mod stall_connects;
    pub(super) mod stall_events;
    pub(super) mod stall_names;
    pub(super) mod swap_descriptor;
    pub(super) mod take_network;
    pub(super) mod tcp_mapped_address;
    pub(super) mod tcp_own_interface;
    pub(super) mod tcp_undeclared;
    pub(super) mod tcp_undeclared_v6;
    pub(super) mod tcp_wrong_address;
    pub(super) mod transparent;
    pub(super) mod two_threads;
    pub(super) mod udp_undeclared;
    pub(super) mod udp_undeclared_v6;
    pub(super) mod upper_layer;
    pub(super) mod use_dropped_connection;
}
mod proc {
    pub(super) mod device_nodes;
    pub(super) mod host_process_environment;
    pub(super) mod host_process_root;
    pub(super) mod host_processes_visible;
    pub(super) mod hot_plug_helper;
    pub(super) mod kernel_memory;
    pub(super) mod kernel_settings;
    pub(super) mod magic_requests;
    pub(super) mod own_control_group;
    pub(super) mod write_own_memory;
}
mod processes {
    pub(super) mod clone_user_namespace;
    pub(super) mod core_dump;
    pub(super) mod debug_process;
    pub(super) mod hide_from_supervisor;
    pub(super) mod join_namespace;
    pub(super) mod js_kill;
    pub(super) mod limit_host_process;
    pub(super) mod new_user_namespace;
    pub(super) mod own_listener;
    pub(super) mod read_host_memory;
    pub(super) mod signal_by_handle;
    pub(super) mod signal_host_process;
    pub(super) mod take_descriptor;
    pub(super) mod trace_host_process;
    pub(super) mod trace_sibling;
}
mod workers {
    pub(super) mod open_inspector;
    pub(super) mod use_dropped_worker;
    pub(super) mod worker_connect;
    pub(super) mod worker_node_options;
    pub(super) mod worker_read;
    pub(super) mod worker_spawn;
    pub(super) mod worker_write;
}

/// Every probe, in the order of the report.
pub const PROBES: &[Probe] = &[
    identity::become_root::PROBE,
    identity::capabilities::PROBE,
    identity::gain_privileges::PROBE,
    identity::extra_group::PROBE,
    identity::set_groups::PROBE,
    identity::give_away::PROBE,
    files::read_outside::PROBE,
    files::list_outside::PROBE,
    files::write_outside::PROBE,
    files::write_boundary_file::PROBE,
    files::write_entrypoint::PROBE,
    files::follow_own_symlink::PROBE,
    files::follow_planted_symlink::PROBE,
    files::make_hard_link::PROBE,
    files::climb_out::PROBE,
    files::inherited_file::PROBE,
    files::inherited_directory::PROBE,
    files::open_by_handle::PROBE,
    files::mount_tmpfs::PROBE,
    files::remount_writable::PROBE,
    files::mount_setattr::PROBE,
    files::fsopen::PROBE,
    files::open_tree::PROBE,
    files::move_mount::PROBE,
    files::chroot::PROBE,
    files::pivot_root::PROBE,
    files::make_device::PROBE,
    files::write_read_grant::PROBE,
    files::truncate_read_grant::PROBE,
    files::rename_read_grant::PROBE,
    files::change_mode::PROBE,
    files::change_times::PROBE,
    files::change_attributes::PROBE,
    files::change_flags::PROBE,
    files::js_read_outside::PROBE,
    files::js_symlink::PROBE,
    files::sqlite_outside::PROBE,
    files::wasi_preopen::PROBE,
    files::process_binding::PROBE,
    files::read_secret_source::PROBE,
    files::write_submount::PROBE,
    files::write_root::PROBE,
    files::truncate_output::PROBE,
    files::reopen_output::PROBE,
    files::watch_outside::PROBE,
    files::js_existence::PROBE,
    files::js_watch_file::PROBE,
    files::js_open_as_blob::PROBE,
    files::js_odd_paths::PROBE,
    files::js_replace_permission::PROBE,
    files::js_report_file::PROBE,
    files::js_handle_mode::PROBE,
    files::sqlite_attach::PROBE,
    files::read_dropped_file::PROBE,
    proc::write_own_memory::PROBE,
    proc::host_process_environment::PROBE,
    proc::host_process_root::PROBE,
    proc::host_processes_visible::PROBE,
    proc::kernel_settings::PROBE,
    proc::magic_requests::PROBE,
    proc::device_nodes::PROBE,
    proc::kernel_memory::PROBE,
    proc::hot_plug_helper::PROBE,
    proc::own_control_group::PROBE,
    network::tcp_undeclared::PROBE,
    network::tcp_undeclared_v6::PROBE,
    network::tcp_wrong_address::PROBE,
    network::tcp_own_interface::PROBE,
    network::tcp_mapped_address::PROBE,
    network::multipath::PROBE,
    network::fast_open::PROBE,
    network::udp_undeclared::PROBE,
    network::udp_undeclared_v6::PROBE,
    network::listen_undeclared::PROBE,
    network::listen_undeclared_v6::PROBE,
    network::reconnect::PROBE,
    network::fast_open_again::PROBE,
    network::listen_on_granted::PROBE,
    network::routing_header::PROBE,
    network::source_route::PROBE,
    network::bind_to_device::PROBE,
    network::upper_layer::PROBE,
    network::packet_mark::PROBE,
    network::connection_repair::PROBE,
    network::fast_open_option::PROBE,
    network::list_interfaces::PROBE,
    network::ask_driver::PROBE,
    network::take_network::PROBE,
    network::flip_address::PROBE,
    network::swap_descriptor::PROBE,
    network::two_threads::PROBE,
    network::js_connect::PROBE,
    network::js_fetch::PROBE,
    network::js_datagram::PROBE,
    network::listen_udp_undeclared::PROBE,
    network::metadata::PROBE,
    network::private_name::PROBE,
    network::transparent::PROBE,
    network::js_odd_addresses::PROBE,
    network::js_listen::PROBE,
    network::stall_backlog::PROBE,
    network::stall_names::PROBE,
    network::stall_events::PROBE,
    network::stall_connects::PROBE,
    network::use_dropped_connection::PROBE,
    names::other_server::PROBE,
    names::exfiltrate::PROBE,
    names::hosts_of_the_host::PROBE,
    names::js_resolver::PROBE,
    ipc::abstract_socket::PROBE,
    ipc::path_socket::PROBE,
    ipc::shared_memory::PROBE,
    ipc::message_queue::PROBE,
    ipc::memory_files::PROBE,
    ipc::vsock_socket::PROBE,
    ipc::packet_socket::PROBE,
    ipc::raw_socket::PROBE,
    ipc::alg_socket::PROBE,
    ipc::event_socket::PROBE,
    ipc::udplite_socket::PROBE,
    ipc::sctp_socket::PROBE,
    ipc::dccp_socket::PROBE,
    ipc::js_path_socket::PROBE,
    ipc::js_abstract_socket::PROBE,
    ipc::ping_socket::PROBE,
    ipc::closed_socket::PROBE,
    children::run_program::PROBE,
    children::run_itself::PROBE,
    children::run_loader::PROBE,
    children::run_memory::PROBE,
    children::run_written::PROBE,
    children::run_written_tmp::PROBE,
    children::run_script::PROBE,
    children::run_readable::PROBE,
    children::map_written::PROBE,
    children::map_written_tmp::PROBE,
    children::protect_written::PROBE,
    children::map_readable::PROBE,
    children::js_spawn::PROBE,
    children::js_shell::PROBE,
    children::js_load_library::PROBE,
    children::run_package_manager::PROBE,
    children::foreign_function::PROBE,
    children::js_child_clean_environment::PROBE,
    children::js_child_wildcard_flags::PROBE,
    children::js_package_manager::PROBE,
    children::js_load_written::PROBE,
    children::run_set_id::PROBE,
    processes::signal_host_process::PROBE,
    processes::limit_host_process::PROBE,
    processes::signal_by_handle::PROBE,
    processes::trace_host_process::PROBE,
    processes::read_host_memory::PROBE,
    processes::take_descriptor::PROBE,
    processes::join_namespace::PROBE,
    processes::new_user_namespace::PROBE,
    processes::clone_user_namespace::PROBE,
    processes::hide_from_supervisor::PROBE,
    processes::core_dump::PROBE,
    processes::own_listener::PROBE,
    processes::js_kill::PROBE,
    processes::debug_process::PROBE,
    processes::trace_sibling::PROBE,
    kernel::io_uring::PROBE,
    kernel::bpf::PROBE,
    kernel::perf_event::PROBE,
    kernel::userfaultfd::PROBE,
    kernel::session_keyring::PROBE,
    kernel::add_key::PROBE,
    kernel::load_module::PROBE,
    kernel::load_kernel::PROBE,
    kernel::reboot::PROBE,
    kernel::swap::PROBE,
    kernel::set_clock::PROBE,
    kernel::personality::PROBE,
    kernel::watch_files::PROBE,
    kernel::foreign_abi::PROBE,
    kernel::x32_abi::PROBE,
    kernel::terminal_foreground::PROBE,
    kernel::terminal_input::PROBE,
    kernel::terminal_paste::PROBE,
    workers::worker_read::PROBE,
    workers::worker_write::PROBE,
    workers::worker_connect::PROBE,
    workers::worker_spawn::PROBE,
    workers::open_inspector::PROBE,
    workers::worker_node_options::PROBE,
    workers::use_dropped_worker::PROBE,
    environment::foreign_variable::PROBE,
    environment::loader_variables::PROBE,
    environment::node_options::PROBE,
    environment::report_environment::PROBE,
    limits::memory::PROBE,
    limits::processes::PROBE,
    limits::processor::PROBE,
    limits::open_files::PROBE,
    limits::file_size::PROBE,
    limits::temporary_space::PROBE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_probe_file_is_in_the_table_under_its_own_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/prove/probes");
        let mut files = BTreeSet::new();
        for class in folder.read_dir().unwrap().map(Result::unwrap) {
            if !class.file_type().unwrap().is_dir() {
                continue;
            }
            for file in class.path().read_dir().unwrap().map(Result::unwrap) {
                let stem = file.path().file_stem().unwrap().to_str().unwrap().replace('_', "-");
                files.insert((class.file_name().into_string().unwrap(), stem));
            }
        }
        let table: BTreeSet<_> =
            PROBES.iter().map(|p| (p.class.id().to_owned(), p.id.to_owned())).collect();
        assert_eq!(table, files);
        assert_eq!(table.len(), PROBES.len());
    }

    #[test]
    fn every_probe_says_what_it_tries_and_how_a_refusal_looks() {
        for probe in PROBES {
            assert!(!probe.attack.is_empty() && !probe.attack.ends_with('.'), "{}", probe.id);
            assert!(!probe.refusals.is_empty(), "{}", probe.id);
            assert!(!probe.layers.is_empty(), "{}", probe.id);
        }
    }
}
