//! Servers of other programs that a test starts: of files, of objects, witnesses.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::page::Page;
use super::{Bench, PATIENCE, clean, wait_until};

/// Ends the process when the test does.
pub(crate) struct Server {
    child: Child,
    /// Its URL, without a slash at the end.
    pub(crate) url: String,
}

impl Server {
    /// Starts a server on a free port, and waits until it accepts connections.
    pub(crate) fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let port = free_port();
        let mut command = command(port);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        wait_until("the server accepts", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server with workers ends them, and then itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Python's own web server, which serves any directory.
pub(crate) fn python(directory: &Path) -> Server {
    Server::start(|port| {
        let mut command = clean("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"]);
        command.arg(directory);
        command
    })
}

/// nginx, which serves the bench's `tree` as docs/PUBLISHING.md says, below `/log`; as another user, if the test is root's.
pub(crate) fn nginx(bench: &Bench) -> Server {
    let page = Page::read("docs/PUBLISHING.md");
    let shown = page.blocks().into_iter().find(|block| block.language == "nginx").unwrap();
    let locations = shown.text.replace("/srv/www/log", &bench.path("tree").display().to_string());
    assert_ne!(locations, shown.text, "the page names another directory");
    let own = bench.path("nginx");
    fs::create_dir(&own).unwrap();
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = Server::start(|port| {
        let config = format!(
            "user www-data;\ndaemon off;\nworker_processes 2;\npid pid;\nevents {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\nserver {{\nlisten 127.0.0.1:{port};\n{locations}\n}}\n}}\n"
        );
        fs::write(own.join("nginx.conf"), config).unwrap();
        let mut command = clean("nginx");
        command.arg("-p").arg(&own).arg("-e").arg(own.join("error.log")).args(["-c", "nginx.conf"]);
        command
    });
    server.url += "/log";
    server
}
