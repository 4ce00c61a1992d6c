//! Clients that use an emulator at the same time and check every response.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kustom::emulator::{API_KEY, MERCHANT_ID};
use reqwest::{Client, Method};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Number of correct responses.
    pub(crate) right: u64,
    /// Errors, one per wrong or missing response.
    pub(crate) wrong: Vec<String>,
    pub(crate) slowest: Duration,
    pub(crate) orders: BTreeSet<String>,
}

/// Runs `clients` clients, each with its own device. `goes_on` gets the number of sessions that a client has completed.
pub(crate) async fn sell(url: &str, clients: usize, goes_on: impl Fn(usize) -> bool + Copy) -> Tally {
    // reqwest needs a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Clones share one connection pool.
    let client = Client::builder().no_proxy().build().expect("a client");
    let client = &client;
    let all = futures_util::future::join_all((0..clients).map(|number| async move {
        let mut till = Till { client: client.clone(), url: url.to_owned(), tally: Tally::default() };
        let ended = till.sell(number, goes_on).await;
        till.tally.wrong.extend(ended.err());
        till.tally
    }));
    let mut whole = Tally::default();
    for tally in all.await {
        whole.right += tally.right;
        whole.wrong.extend(tally.wrong);
        whole.slowest = whole.slowest.max(tally.slowest);
        let before = whole.orders.len();
        let orders = tally.orders.len();
        whole.orders.extend(tally.orders);
        if whole.orders.len() != before + orders {
            whole.wrong.push("an order belongs to two sessions".to_owned());
        }
    }
    whole
}

struct Till {
    client: Client,
    url: String,
    tally: Tally,
}

impl Till {
    /// Sends a request and returns the body of the response, whose status must be `status`.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Result<Value, String> {
        let begun = Instant::now();
        let line = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request =
            request.header("authorization", format!("Basic {API_KEY}")).header("x-merchant-id", MERCHANT_ID);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let failed = |error: reqwest::Error| format!("{line}: {error:?}");
        let answer = request.send().await.map_err(failed)?;
        let came = answer.status().as_u16();
        let text = answer.bytes().await.map_err(failed)?;
        self.tally.slowest = self.tally.slowest.max(begun.elapsed());
        if came != status {
            return Err(format!("{line}: {came} instead of {status}: {}", String::from_utf8_lossy(&text)));
        }
        self.tally.right += 1;
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Sends a request whose response must be a session with this status.
    async fn session(&mut self, method: Method, path: &str, status: &str) -> Result<Value, String> {
        let session = self.ask(method, path, None, 200).await?;
        if session["status"] != status {
            return Err(format!("{path}: {session} is not {status}"));
        }
        if session["order_id"].is_string() != (status == "FINALIZED") {
            return Err(format!(
                "{path}: an order without a payment, or a payment without an order: {session}"
            ));
        }
        Ok(session)
    }

    async fn sell(&mut self, number: usize, goes_on: impl Fn(usize) -> bool) -> Result<(), String> {
        let till = json!({"name": format!("Till {number}"), "metadata": {"number": number.to_string()}});
        let device = self.ask(Method::POST, "/ipp/v1/dev/devices", Some(&till), 200).await?["id"].clone();
        for sale in 0.. {
            if !goes_on(sale) {
                break;
            }
            let order = json!({
                "device_id": device, "order_amount": 24950, "order_tax_amount": 4990, "purchase_currency": "SEK",
                "merchant_reference1": format!("receipt-{number}-{sale}"),
                "order_items": [
                    {"type": "physical", "reference": "SKU-001", "name": "T-Shirt", "quantity": 2, "unit_price": 10000,
                     "tax_rate": 2500, "total_amount": 20000, "total_tax_amount": 4000},
                    {"type": "physical", "reference": "SKU-002", "name": "Socks", "quantity": 1, "unit_price": 4950,
                     "tax_rate": 2500, "total_amount": 4950, "total_tax_amount": 990},
                ],
            });
            let created = self.ask(Method::POST, "/ipp/v1/sessions", Some(&order), 200).await?;
            let id = created["session_id"].as_str().ok_or("a session without an id")?;
            let read = format!("/ipp/v1/sessions/{id}");
            let tap = |outcome: &str| format!("/ipp/v1/dev/sessions/{id}/simulate-tap?outcome={outcome}");
            let same = self.session(Method::GET, &read, "CREATED").await?;
            if same != created {
                return Err(format!("{read}: {same} is not what was created: {created}"));
            }
            let ended = match sale % 3 {
                0 => {
                    self.ask(Method::POST, &tap("SUCCESS"), None, 204).await?;
                    self.session(Method::GET, &read, "FINALIZED").await?
                }
                1 => {
                    self.ask(Method::POST, &tap("INSUFFICIENT_FUNDS"), None, 204).await?;
                    self.session(Method::GET, &read, "ACTIVE").await?;
                    self.ask(Method::POST, &tap("SUCCESS"), None, 204).await?;
                    self.session(Method::GET, &read, "FINALIZED").await?
                }
                _ => self.session(Method::PUT, &format!("{read}/cancel"), "CANCELLED").await?,
            };
            self.ask(Method::POST, &tap("SUCCESS"), None, 409).await?;
            if self.ask(Method::GET, &read, None, 200).await? != ended {
                return Err(format!("{read} has changed after its end"));
            }
            self.tally.orders.extend(ended["order_id"].as_str().map(str::to_owned));
        }
        Ok(())
    }
}
