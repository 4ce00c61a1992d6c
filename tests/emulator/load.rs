//! Many clients at the same time. `tests/load/run.sh` measures throughput and memory.

#[path = "../load/clients.rs"]
mod clients;

use kustom::emulator::{Emulator, Server, State};

#[test]
fn two_hundred_clients_see_one_consistent_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let emulator = Emulator::new(State::seed());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new(listener, &emulator);
        let url = format!("http://{}", server.address().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
        let tally = clients::sell(&url, 200, |sales| sales < 3).await;
        assert_eq!(tally.wrong, Vec::<String>::new());
        assert_eq!(tally.right, 200 * (1 + 6 + 8 + 5));
        assert_eq!(tally.orders.len(), 200 * 2);
        let shown = serde_json::to_value(emulator.state()).unwrap();
        assert_eq!(shown["sessions"].as_array().unwrap().len(), 200 * 3);
        assert_eq!(shown["devices"].as_array().unwrap().len(), 200);
        drop(stop);
        serving.await.unwrap();
    });
}
