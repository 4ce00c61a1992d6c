use super::*;
use crate::emulator::{API_KEY, MERCHANT_ID};
use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use std::path::Path;
use tower::ServiceExt as _;

const DEVICES: &str = "/ipp/v1/devices?page_size=100";

fn local(folder: &tempfile::TempDir) -> FileEmulator {
    FileEmulator::new(folder.path().join("state").join("local.json"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

async fn send(
    local: &FileEmulator,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, Value), StateFileError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Basic {API_KEY}"))
        .header("x-merchant-id", MERCHANT_ID)
        .body(body.map_or_else(Vec::new, |body| body.to_string().into_bytes()))
        .unwrap();
    let Ok(mut response) = local.router().oneshot(request.map(Body::from)).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<StateFileError>>() {
        return Err(Arc::into_inner(error).unwrap());
    }
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn create(local: &FileEmulator, name: &str) -> Result<(u16, Value), StateFileError> {
    send(local, "POST", "/ipp/v1/dev/devices", Some(json!({"name": name}))).await
}

fn names(local: &FileEmulator) -> Vec<String> {
    let (_, page) = runtime().block_on(send(local, "GET", DEVICES, None)).unwrap();
    let devices = page["content"].as_array().unwrap();
    devices.iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_one_request_made_the_next_one_sees() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(runtime().block_on(create(&local(&folder), "Till 1")).unwrap().0, 200);
    assert_eq!(names(&local(&folder)), ["Till 1"]);
}

#[test]
fn what_others_make_of_the_file_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (local(&folder), local(&folder));
    assert_eq!(names(&one), Vec::<String>::new());
    for number in 0..3 {
        let name = number.to_string();
        runtime().block_on(create(&other, &name)).unwrap();
        assert_eq!(names(&one).last(), Some(&name));
        runtime().block_on(create(&one, "of one")).unwrap();
        assert_eq!(names(&other), names(&local(&folder)));
    }
    fs::remove_file(&one.state_file).unwrap();
    assert_eq!(names(&one), Vec::<String>::new());
    runtime().block_on(create(&one, "new")).unwrap();
    assert_eq!(names(&other), ["new"]);
}

#[test]
fn reading_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(names(&local(&folder)), Vec::<String>::new());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_refusal_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let refused = runtime().block_on(create(&local(&folder), "")).unwrap();
    assert_eq!(refused.0, 400);
    assert!(!local(&folder).state_file.exists());
}

#[test]
fn fifty_threads_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..50 {
            let local = local(&folder);
            scope.spawn(move || runtime().block_on(create(&local, &number.to_string())).unwrap());
        }
    });
    let mut names = names(&local(&folder));
    names.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_eq!(names, (0..50).map(|number: u32| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn tasks_of_one_thread_do_not_wait_for_each_other_forever() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    runtime().block_on(async {
        let names: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        let all = futures_util::future::join_all(names.iter().map(|name| create(&local, name))).await;
        assert!(all.into_iter().all(|result| result.unwrap().0 == 200));
    });
    assert_eq!(names(&local).len(), 20);
}

#[test]
fn a_held_lock_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    crate::fs::create_private_dir(crate::fs::parent_dir(&local.state_file)).unwrap();
    let held = runtime().block_on(local.lock()).unwrap();
    runtime().block_on(async {
        let waiting = create(&local, "Till 1");
        let release = async {
            tokio::task::yield_now().await;
            assert!(!local.state_file.exists());
            drop(held);
        };
        let (created, ()) = futures_util::future::join(waiting, release).await;
        assert_eq!(created.unwrap().0, 200);
    });
    assert_eq!(names(&local), ["Till 1"]);
}

#[test]
fn leftovers_of_killed_processes_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    crate::fs::create_private_dir(crate::fs::parent_dir(&local.state_file)).unwrap();
    for name in [".local.json.a1b2c3.tmp", ".other.json.a1b2c3.tmp", "local.json.bak"] {
        fs::write(crate::fs::parent_dir(&local.state_file).join(name), "{").unwrap();
    }
    runtime().block_on(create(&local, "Till 1")).unwrap();
    let mut left: Vec<_> = fs::read_dir(crate::fs::parent_dir(&local.state_file))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, [".other.json.a1b2c3.tmp", "local.json", "local.json.bak", "local.json.lock"]);
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    runtime().block_on(create(&local, "Till 1")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(crate::fs::parent_dir(&local.state_file)), 0o700);
    assert_eq!(mode(&local.state_file), 0o600);
    assert_eq!(mode(&local.lock_path()), 0o600);
}

#[test]
fn a_damaged_file_is_named_with_the_place_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    crate::fs::create_private_dir(crate::fs::parent_dir(&local.state_file)).unwrap();
    fs::write(&local.state_file, "{\n  \"version\": 1,\n  oops").unwrap();
    for (method, body) in [("GET", None), ("POST", Some(json!({"name": "x"})))] {
        let path = if body.is_some() { "/ipp/v1/dev/devices" } else { DEVICES };
        let error = runtime().block_on(send(&local, method, path, body)).unwrap_err().to_string();
        assert!(
            error.contains("local.json is not usable: line 3, column 3: key must be a string"),
            "{error}"
        );
        assert!(error.contains("delete the file"), "{error}");
    }
    assert_eq!(fs::read_to_string(&local.state_file).unwrap(), "{\n  \"version\": 1,\n  oops");
}

#[test]
fn a_file_of_another_version_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    crate::fs::create_private_dir(crate::fs::parent_dir(&local.state_file)).unwrap();
    fs::write(&local.state_file, r#"{"version": 99}"#).unwrap();
    let error = runtime().block_on(create(&local, "x")).unwrap_err().to_string();
    assert!(error.contains("it has version 99, and this program reads version 1"), "{error}");
}

#[test]
fn a_path_that_is_no_file_is_an_error_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let directory = FileEmulator::new(folder.path().to_path_buf());
    let error = runtime().block_on(send(&directory, "GET", DEVICES, None)).unwrap_err();
    assert!(matches!(error, StateFileError::Unreadable { .. }));
    assert!(!error.to_string().contains("os error"), "{error}");

    fs::write(folder.path().join("file"), "").unwrap();
    let below_a_file = FileEmulator::new(folder.path().join("file").join("local.json"));
    let error = runtime().block_on(create(&below_a_file, "x")).unwrap_err();
    assert!(matches!(error, StateFileError::NotWritable { .. }), "{error}");
}

#[test]
fn a_change_that_cannot_be_kept_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    runtime().block_on(create(&local, "Till 1")).unwrap();
    // A folder in the file's place stands in for a disk that refuses; it works for root too.
    let before = fs::read(&local.state_file).unwrap();
    fs::remove_file(&local.state_file).unwrap();
    fs::create_dir_all(&local.state_file).unwrap();
    assert!(runtime().block_on(create(&local, "Till 2")).is_err());
    assert!(crate::fs::write_atomic(&local.state_file, &before).is_err());
    let left = fs::read_dir(crate::fs::parent_dir(&local.state_file)).unwrap().count();
    assert_eq!(left, 2, "a temporary file was left behind");
}

#[test]
fn preparing_creates_a_missing_file_and_keeps_an_existing_one() {
    let folder = tempfile::tempdir().unwrap();
    let local = local(&folder);
    let prepare = |seed, strict| {
        runtime()
            .block_on(local.prepare(seed, |state| {
                state.options.strict_sums = strict;
                true
            }))
            .unwrap()
    };
    assert!(prepare(State::seed_with_one_location(), true));
    assert!(!prepare(State::seed(), false));
    let mut expected = State::seed_with_one_location();
    expected.options.strict_sums = false;
    assert_eq!(local.read().unwrap(), Some(expected));
}
