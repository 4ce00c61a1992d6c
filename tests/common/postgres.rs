//! A PostgreSQL server of the tests, from the programs that are installed on this machine.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub const PASSWORD: &str = "the-password-of-the-tests";

/// The user whom the server trusts with everything.
const USER: &str = "postgres";

/// The file that marks a server whose files are removed when it ends.
const SHARED: &str = "shared";

/// Set where a missing database must fail the tests.
const REQUIRED: &str = "EVERY_DATABASE";

pub struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    /// Its standard input keeps the server running, so that it ends with the tests, however they end.
    server: Option<Child>,
}

impl Postgres {
    /// Starts a server of its own; `None`, with a message, where PostgreSQL is not installed.
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os(REQUIRED).is_none(), "PostgreSQL is not installed");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("pg-").tempdir_in("/tmp").expect("a folder");
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a file");
        if is_root() {
            let chown = Command::new("chown").args(["-R", USER]).arg(folder.path()).status();
            assert!(chown.expect("chown").success());
        }
        let mut server = Self { folder, programs, port, server: None };
        let (data, password) = (server.data(), password.display().to_string());
        let initdb = server.command(
            "initdb",
            &["-D", &data, "-U", USER, "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"],
        );
        let made = initdb.arg(format!("--pwfile={password}")).output_checked();
        assert!(made.is_ok(), "initdb: {made:?}");
        server.restart();
        Some(server)
    }

    /// The server that the tests of one process share.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
        let start = || {
            let server = Self::start()?;
            // A static is never dropped, so the server removes its files itself.
            std::fs::write(server.folder.path().join(SHARED), "").expect("a file");
            Some(server)
        };
        SERVER.get_or_init(start).as_ref()
    }

    /// Starts the server again after [`Self::stop`].
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Starts the server with settings, such as `ssl=on`.
    pub fn restart_with(&mut self, settings: &[&str]) {
        let options: Vec<String> = [
            format!("port={}", self.port),
            "listen_addresses=localhost".to_owned(),
            format!("unix_socket_directories={}", self.socket_folder().display()),
            // Nothing here has to survive the machine.
            "fsync=off".to_owned(),
            "max_connections=200".to_owned(),
        ]
        .into_iter()
        .chain(settings.iter().map(|setting| (*setting).to_owned()))
        .map(|setting| format!("-c '{setting}'"))
        .collect();
        let postgres = self.programs.join("postgres");
        let script = format!(
            "{} -D {} {} >> {folder}/log 2>&1 & pid=$!; cat > /dev/null; kill -INT $pid; wait $pid; \
             if [ -e {folder}/{SHARED} ]; then rm -rf {folder}; fi",
            postgres.display(),
            self.data(),
            options.join(" "),
            folder = self.folder.path().display(),
        );
        let mut shell = self.unprivileged("/bin/sh");
        let server = shell.args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("a server");
        self.server = Some(server);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.is_ready() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server with TLS.
    pub fn restart_with_tls(&mut self, certificate: &str, key: &str) {
        let folder = self.folder.path();
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("a file");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, mode).expect("a mode");
            if is_root() {
                assert!(Command::new("chown").arg(USER).arg(&path).status().expect("chown").success());
            }
        }
        let certificate = format!("ssl_cert_file={}/server.crt", folder.display());
        let key = format!("ssl_key_file={}/server.key", folder.display());
        self.restart_with(&["ssl=on", &certificate, &key]);
    }

    /// Stops the server at once. Its clients lose their connections.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.stdin.take());
            let _ = server.wait();
        }
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err(), "it still listens");
    }

    /// A new, empty database.
    pub fn database(&self, name: &str) -> Database<'_> {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        Database { server: self, name: name.to_owned() }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs SQL as the administrator and returns what it prints.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let port = self.port.to_string();
        let socket = self.socket_folder().display().to_string();
        let args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", &socket, "-p", &port, "-U", USER];
        let psql = self.command("psql", &args).args(["-d", database, "-c", statement]).output_checked();
        psql.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    fn is_ready(&self) -> bool {
        let port = self.port.to_string();
        let socket = self.socket_folder().display().to_string();
        let status = self.command("pg_isready", &["-q", "-h", &socket, "-p", &port]).0.status();
        status.is_ok_and(|status| status.success())
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn command(&self, program: &str, args: &[&str]) -> Tool {
        let mut command = self.unprivileged(&self.programs.join(program).display().to_string());
        command.args(args);
        Tool(command)
    }

    /// The server refuses to run as root.
    fn unprivileged(&self, program: &str) -> Command {
        let mut command = if is_root() {
            let mut setpriv = Command::new("setpriv");
            let user = format!("--reuid={USER}");
            setpriv.args([&user, &format!("--regid={USER}"), "--clear-groups", program]);
            setpriv
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

pub struct Database<'a> {
    server: &'a Postgres,
    name: String,
}

impl Database<'_> {
    /// The URL over TCP, which needs [`PASSWORD`].
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{}", self.server.port, self.name)
    }

    /// The URL over the socket, which needs no password.
    pub fn socket_url(&self) -> String {
        let folder = self.server.socket_folder().display();
        format!("postgres://{USER}@/{}?host={folder}&port={}", self.name, self.server.port)
    }

    pub fn sql(&self, statement: &str) -> String {
        self.server.sql(&self.name, statement)
    }
}

struct Tool(Command);

impl Tool {
    fn arg(mut self, arg: String) -> Self {
        self.0.arg(arg);
        self
    }

    fn args(mut self, args: [&str; 4]) -> Self {
        self.0.args(args);
        self
    }

    fn output_checked(mut self) -> Result<String, String> {
        let output = self.0.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// The newest version that is installed: Debian's packages, or those in `PATH`.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = folders.into_iter().rev().chain(std::env::split_paths(&path));
    candidates.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
