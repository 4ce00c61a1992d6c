use super::*;
use crate::emulator::{API_KEY, MERCHANT_ID};
use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use std::path::Path;
use tower::ServiceExt as _;

/// An emulator whose state directory does not exist yet.
fn emulator_in(dir: &tempfile::TempDir) -> FileEmulator {
    FileEmulator::new(dir.path().join("state").join("local.json"))
}

/// An emulator whose state file has this text.
fn emulator_with_file(dir: &tempfile::TempDir, text: &str) -> FileEmulator {
    let emulator = emulator_in(dir);
    create_private_dir(parent_dir(&emulator.state_file)).unwrap();
    fs::write(&emulator.state_file, text).unwrap();
    emulator
}

async fn send(emulator: &FileEmulator, request: Request) -> Result<(u16, Value), StateFileError> {
    let Ok(mut response) = emulator.router().oneshot(request).await;
    if let Some(error) = response.extensions_mut().remove::<StateFileError>() {
        return Err(error);
    }
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn authorized(method: &str, path: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    request.header("authorization", format!("Basic {API_KEY}")).header("x-merchant-id", MERCHANT_ID)
}

async fn create(emulator: &FileEmulator, name: &str) -> Result<u16, StateFileError> {
    let body = Body::from(json!({"name": name}).to_string());
    let request = authorized("POST", "/ipp/v1/dev/devices").body(body).unwrap();
    send(emulator, request).await.map(|(status, _)| status)
}

async fn list_names(emulator: &FileEmulator) -> Result<Vec<String>, StateFileError> {
    let request = authorized("GET", "/ipp/v1/devices?page_size=100").body(Body::empty()).unwrap();
    let (_, page) = send(emulator, request).await?;
    let devices = page["content"].as_array().unwrap();
    Ok(devices.iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn changes_are_visible_to_other_emulators_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (emulator_in(&dir), emulator_in(&dir));
    for number in 0..3 {
        let name = number.to_string();
        assert_eq!(create(&second, &name).await.unwrap(), 200);
        assert_eq!(list_names(&first).await.unwrap().last(), Some(&name));
        create(&first, "x").await.unwrap();
        assert_eq!(list_names(&second).await.unwrap(), list_names(&emulator_in(&dir)).await.unwrap());
    }
    fs::remove_file(&first.state_file).unwrap();
    assert_eq!(list_names(&first).await.unwrap(), Vec::<String>::new());
    create(&first, "new").await.unwrap();
    assert_eq!(list_names(&second).await.unwrap(), ["new"]);
}

#[tokio::test]
async fn a_read_and_a_rejected_request_write_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = emulator_in(&dir);
    assert_eq!(list_names(&emulator).await.unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(create(&emulator, "").await.unwrap(), 400);
    assert!(!emulator.state_file.exists());
}

/// On a single-threaded runtime, a task that blocked on the lock would block the one that holds it.
#[tokio::test]
async fn concurrent_requests_of_threads_and_of_tasks_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let emulators = || (0..25).map(|number| (number.to_string(), emulator_in(&dir)));
    std::thread::scope(|scope| {
        for (name, emulator) in emulators() {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            scope.spawn(move || runtime.block_on(create(&emulator, &name)).unwrap());
        }
    });
    let tasks: Vec<_> = emulators().collect();
    let tasks = tasks.iter().map(|(name, emulator)| create(emulator, name));
    assert!(futures_util::future::join_all(tasks).await.into_iter().all(|status| status.unwrap() == 200));
    let mut names = list_names(&emulator_in(&dir)).await.unwrap();
    names.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_eq!(names, (0..50).map(|index: u32| (index / 2).to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_waits_for_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = emulator_in(&dir);
    let lock = emulator.lock().await.unwrap();
    let release = async {
        tokio::task::yield_now().await;
        assert!(!emulator.state_file.exists());
        drop(lock);
    };
    let (created, ()) = tokio::join!(create(&emulator, "Till 1"), release);
    assert_eq!(created.unwrap(), 200);
}

#[cfg(unix)]
#[tokio::test]
async fn directory_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let emulator = emulator_in(&dir);
    create(&emulator, "Till 1").await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(parent_dir(&emulator.state_file)), 0o700);
    let lock = emulator.state_file.with_extension("json.lock");
    assert_eq!((mode(&emulator.state_file), mode(&lock)), (0o600, 0o600));
}

#[tokio::test]
async fn an_invalid_file_is_an_error_and_left_unchanged() {
    for (text, expected) in [
        (
            "{\n  \"version\": 1,\n  oops",
            "local.json is not usable: key must be a string at line 3 column 3; delete the file",
        ),
        (r#"{"version": 99}"#, "it has version 99, and this program reads version 1; delete the file"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let emulator = emulator_with_file(&dir, text);
        for error in [list_names(&emulator).await.unwrap_err(), create(&emulator, "x").await.unwrap_err()] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(fs::read_to_string(&emulator.state_file).unwrap(), text);
    }
}

#[tokio::test]
async fn a_path_that_is_not_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = list_names(&FileEmulator::new(dir.path().to_path_buf())).await.unwrap_err();
    assert!(error.to_string().contains(" cannot be read: "), "{error}");
    assert!(!error.to_string().contains("os error"), "{error}");
    fs::write(dir.path().join("file"), "").unwrap();
    let below_a_file = FileEmulator::new(dir.path().join("file").join("local.json"));
    let error = create(&below_a_file, "x").await.unwrap_err();
    assert!(error.to_string().contains(" cannot be written: "), "{error}");
}

#[tokio::test]
async fn preparing_creates_a_missing_file_and_keeps_an_existing_one() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = emulator_in(&dir);
    for (seed, strict_sums, is_new) in
        [(State::seed_with_one_location(), true, true), (State::seed(), false, false)]
    {
        let change = |state: &mut State| {
            state.options.strict_sums = strict_sums;
            true
        };
        assert_eq!(emulator.prepare(seed, change).await.unwrap(), is_new);
    }
    let state = emulator.read().unwrap().unwrap();
    assert!(!state.options.strict_sums && !state.instance().is_nil());
    let names = |state: &State| -> Vec<_> {
        let page = state.list_locations(crate::emulator::state::PageRequest::default());
        page.content.into_iter().map(|location| location.name).collect()
    };
    assert_eq!(names(&state), names(&State::seed_with_one_location()));
}
